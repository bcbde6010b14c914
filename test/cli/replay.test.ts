import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRICS } from '../../src/stats/metrics/metrics.ts';
import { runCli } from './fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const KPROBE = `${TRACES}smmuv3-kprobe-6.1.txt.gz`;
const LAZY = `${TRACES}lazy-unmap.ndjson`;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function stats(...args: string[]): Promise<{
  code: number;
  document: Record<string, never> & { counters: Record<string, number>; complete: boolean };
}> {
  const { code, stdout } = await runCli(['replay', '--json', ...args]);
  return { code, document: JSON.parse(stdout) };
}

describe('replay --json', () => {
  it('gives the same bytes for the same input, whatever its name and packing', async () => {
    const text = readFileSync(LAZY);
    const first = await runCli(['replay', '--json', LAZY]);
    expect((await runCli(['replay', '--json', file('other.log', text)])).stdout).toBe(first.stdout);
    expect((await runCli(['replay', '--json', file('x', gzipSync(text))])).stdout).toBe(first.stdout);
    expect((await runCli(['replay', '--json', '-'], { stdin: text })).stdout).toBe(first.stdout);
    expect(first.stdout).not.toContain(folder);
  });

  it('sorts keys, holds integers only and declares every counter', async () => {
    const { stdout } = await runCli(['replay', '--json', KPROBE, '--flush', 'smmuv3']);
    const walk = (value: unknown): void => {
      if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
      if (typeof value !== 'object' || value === null) return;
      if (!Array.isArray(value)) expect(Object.keys(value)).toEqual(Object.keys(value).sort());
      for (const entry of Object.values(value)) walk(entry);
    };
    const document = JSON.parse(stdout);
    walk(document);
    expect(document.schema).toBe('pgtrace.stats/1');
    expect(document.complete).toBe(true);
    const declared = (key: string): boolean =>
      METRICS.some((metric) => (metric.key.endsWith('.') ? key.startsWith(metric.key) : key === metric.key));
    expect(Object.keys(document.counters).filter((key) => !declared(key))).toEqual([]);
    expect(stdout.endsWith('\n')).toBe(true);
  });

  it('adds up: tables, leaves, returns', async () => {
    const { document } = await stats(KPROBE);
    const { counters } = document;
    expect(counters['tables.allocated'] - counters['tables.freed']).toBe(counters['tables.live']);
    const levels = [0, 1, 2, 3].map((level) => counters[`tables.live.l${level}`] ?? 0);
    expect(levels.reduce((a, b) => a + b)).toBe(counters['tables.live']);
    expect(counters['leaves.written'] - counters['leaves.cleared']).toBe(
      [0, 1, 2, 3].reduce((sum, level) => sum + (counters[`leaves.live.l${level}`] ?? 0), 0),
    );
    expect(counters['returns.checked']).toBe(1323);
    expect(counters['returns.equal']).toBe(1323);
  });
});

describe('options', () => {
  it('overrides what the trace says of its domain', async () => {
    const { document } = await stats(
      LAZY,
      '--pgtable',
      'ARM_64_LPAE_S2',
      '--ias',
      '40',
      '--oas',
      '40',
      '--noncoherent',
    );
    const [domain] = document['domains'] as unknown as { config: Record<string, unknown> }[];
    expect(domain.config).toMatchObject({ format: 'ARM_64_LPAE_S2', ias: 40, oas: 40, coherent: false, startLevel: 1 });
    expect(document.counters['walker.ptSyncs']).toBeGreaterThan(0);
    const larger = await stats(
      file('one.ndjson', '{"op":"map","iova":"0x0","paddr":"0x0","size":65536}\n'),
      '--pgsizes',
      '64K,512M',
    );
    expect(larger.document.counters['tables.live']).toBe(3);
    expect(larger.document.counters['memory.occupied']).toBe(4096 + 2 * 65536);
  });

  it('turns a refused configuration into a finding of the report, not into a crash', async () => {
    const path = file('refused.ndjson', '{"op":"domain","id":"d0","ias":48,"oas":48,"quirks":["S2FWB"]}\n');
    const { code, stdout } = await runCli(['replay', path]);
    expect(code).toBe(0);
    expect(stdout).toContain('refused  d0: quirk S2FWB is not one of ARM_64_LPAE_S1 on 7.1');
  });

  it.each([
    [['replay'], /missing required argument/],
    [['replay', '--flush', 'fast', LAZY], /--flush "fast" is not known; there is none, smmuv3/],
    [['replay', '--flush', 'smmuv3,ril=maybe', LAZY], /takes on or off/],
    [['replay', '--flush', 'smmuv3,x=1', LAZY], /no parameter "x"; it takes ril=on\|off/],
    [['replay', '--allocator', 'lucky', LAZY], /there is kernel/],
    [['replay', '--kernel', '5.4', LAZY], /Allowed choices are 7.1, 6.12/],
    [['replay', '--ias', '99', LAZY], /1 to 64/],
    [['replay', '--pgsizes', '3K', LAZY], /no page size/],
    [['replay', '--quirks', 'FAST', LAZY], /none of NS/],
    [['replay', '--events', LAZY], /add --results/],
    [['replay', '--json', '--results', '-', LAZY], /both write to stdout/],
    [['replay', '--results', 'x', LAZY, LAZY], /one trace at a time/],
    [['relpay', LAZY], /Did you mean replay\?/],
    [[], /Usage: pgtrace/],
    [['replay', '-'], /standard input is a terminal/],
  ])('tells a wrong use apart: %j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args, { stdinIsTTY: true });
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

function good(): string {
  return '{"op":"map","iova":"0x1000","paddr":"0x2000","size":4096}\n';
}

describe('broken input', () => {
  it('reports what came before it', async () => {
    const path = file('bad.ndjson', `${good()}{"op":"map","iova":"0x1000"\n${good()}`);
    const { code, stdout, stderr } = await runCli(['replay', '--json', path]);
    expect(code).toBe(3);
    expect(stderr).toContain(`${path}:2:28: `);
    const document = JSON.parse(stdout);
    expect(document.complete).toBe(false);
    expect(document.counters['ops.map']).toBe(1);
  });

  it('goes on when told to, and counts', async () => {
    const path = file('lenient.ndjson', `${good()}nonsense\n${good().replace('0x1000', '0x5000')}`);
    const { code, document } = await stats('--lenient', path);
    expect(code).toBe(0);
    expect(document.complete).toBe(true);
    expect((document['trace'] as Record<string, number>)['skippedLines']).toBe(1);
    expect(document.counters['ops.map']).toBe(2);
    expect((await runCli(['replay', '--lenient', path])).stdout).toContain('1 line skipped');
  });

  it('goes on behind events that cannot be replayed, when told to', async () => {
    const path = file(
      'refused-events.ndjson',
      `${good()}{"op":"nest","id":"inner","parent":"outer"}\n{"op":"walk","domain":"nobody","iova":"0x0"}\n{"op":"iova_to_phys","iova":"0x1000","paddr":"0x2000"}\n`,
    );
    const { code, stdout, stderr } = await runCli(['replay', '--lenient', '--json', path]);
    expect(code).toBe(0);
    expect(stderr).toContain('skipped: ');
    expect(stderr).toContain(':2:1: no domain "outer"');
    expect(stderr).toContain(':3:1: no domain "nobody"');
    const document = JSON.parse(stdout);
    expect(document.trace).toMatchObject({ events: 4, skippedLines: 2 });
    expect(document.counters).toMatchObject({ 'ops.map': 1, 'ops.iova_to_phys': 1 });
  });

  it('does not call it fine when there is nothing to replay', async () => {
    const empty = await runCli(['replay', file('empty.ndjson', '')]);
    expect(empty.code).toBe(3);
    expect(empty.stderr).toContain('the trace is empty');
    const other = '            dd-1     [000] d....     1.000000: sched_switch: prev_comm=dd\n';
    const useless = await runCli(['replay', file('sched.txt', `# tracer: nop\n${other}`)]);
    expect(useless.code).toBe(3);
    expect(useless.stderr).toContain('no map or unmap event in this recording');
    expect(useless.stdout).toBe('');
    const plain = await runCli(['replay', `${TRACES}smmuv3-boot-6.1.txt.gz`, '--layer', 'pgtable']);
    expect(plain.code).toBe(3);
    expect(plain.stderr).toContain('no raw io-pgtable calls in this recording; try --layer iommu');
    expect((await runCli(['replay', '-', '-'])).code).toBe(2);
  });
});

describe('outputs', () => {
  it('writes results beside their place and renames them', async () => {
    const target = join(folder, 'results.ndjson');
    expect((await runCli(['replay', LAZY, '--results', target])).code).toBe(0);
    const lines = readFileSync(target, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.seq)).toEqual(lines.map((_, i) => i));
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('refuses to write over the trace, and keeps links and older results', async () => {
    const trace = file('precious.ndjson', good());
    const itself = await runCli(['replay', trace, '--results', trace]);
    expect(itself.code).toBe(2);
    expect(itself.stderr).toContain('is the trace itself');
    const link = join(folder, 'link');
    symlinkSync(trace, link);
    expect((await runCli(['replay', trace, '--results', link])).code).toBe(2);
    expect(readFileSync(trace, 'utf8')).toBe(good());
    const older = file('older.ndjson', 'older');
    expect((await runCli(['replay', file('noise', 'noise\n'), '--results', older])).code).toBe(3);
    expect(readFileSync(older, 'utf8')).toBe('older');
    symlinkSync(older, join(folder, 'to-older'));
    expect((await runCli(['replay', trace, '--results', join(folder, 'to-older')])).code).toBe(0);
    expect(readFileSync(older, 'utf8')).toContain('"op":"map"');
  });

  it('fails before the run when an output cannot be written', async () => {
    const { code, stderr } = await runCli(['replay', LAZY, '--results', join(folder, 'no', 'where')]);
    expect(code).toBe(4);
    expect(stderr).toContain('its folder does not exist');
  });

  it('colours a terminal only, and never against the user', async () => {
    const terminal = { columns: 80, colors: true };
    const csi = '\u001b[';
    expect((await runCli(['replay', KPROBE])).stdout).not.toContain(csi);
    expect((await runCli(['replay', KPROBE], { terminal })).stdout).toContain(csi);
    expect((await runCli(['replay', KPROBE], { terminal, env: { NO_COLOR: '1' } })).stdout).not.toContain(csi);
    expect((await runCli(['replay', KPROBE, '--color', 'never'], { terminal })).stdout).not.toContain(csi);
    expect((await runCli(['replay', KPROBE, '--color', 'always'])).stdout).toContain(csi);
    expect((await runCli(['replay', KPROBE], { env: { FORCE_COLOR: '1' } })).stdout).toContain(csi);
  });

  it('lets no name of a domain reach the terminal as a command', async () => {
    const id = '\u001b[31mred\u009b2J\u202e';
    const path = file(
      'hostile.ndjson',
      `${JSON.stringify({ op: 'domain', id })}\n${JSON.stringify({ op: 'domain', id: '__proto__' })}\n`,
    );
    const { stdout } = await runCli(['replay', path]);
    expect(stdout).toContain('\\x1b[31mred\\x9b2J\\u202e');
    expect(stdout).toContain('__proto__');
    expect(stdout).not.toContain('\u001b');
  });
});

describe('several domains', () => {
  it('are told apart on every line, and by id when created again', async () => {
    const path = file(
      'several.ndjson',
      [
        '{"op":"domain","id":"a"}',
        '{"op":"domain","id":"b"}',
        '{"op":"map","domain":"b","iova":"0x1000","paddr":"0x2000","size":4096}',
        '{"op":"destroy","domain":"b"}',
        '{"op":"domain","id":"b"}',
        '{"op":"iova_to_phys","domain":"b","iova":"0x1000","paddr":"0x0"}',
        '',
      ].join('\n'),
    );
    const { code, stdout } = await runCli(['replay', path, '--results', '-']);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.domain)).toEqual(['a', 'b', 'b', 'b', 'b', 'b']);
    expect(lines[3]).toMatchObject({ op: 'destroy', frees: 4 });
    expect(lines[5]).toMatchObject({ found: false, paddr: '0x0' });
    const { document } = await stats(path);
    expect((document['domains'] as unknown as { id: string }[]).map((domain) => domain.id)).toEqual(['a', 'b', 'b']);
  });
});
