import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CHECK_OPTIONS } from '../../src/check/options.ts';
import { CHECK_RULES } from '../../src/check/rules.ts';
import { RULE_NAMES, ruleOf } from '../../src/replay/checks/rule-book.ts';
import { FINDING_KINDS } from '../../src/replay/results/findings.ts';
import { runCli } from '../cli/fake-io.ts';
import { replayEvents } from '../replay/run.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const CONFLICT = `${TRACES}check-map-during-unmap.ndjson`;
const FINE = `${TRACES}check-neighbours.ndjson`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-check-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function text(events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

async function checkEvents(events: readonly object[], ...args: string[]): Promise<{ code: number; kinds: string[] }> {
  const { code, stdout, stderr } = await runCli(['check', '-', '--json', ...args], { stdin: text(events) });
  expect(stderr).toBe('');
  const [{ findings }] = (JSON.parse(stdout) as { traces: { findings: { kind: string; level: string }[] }[] }).traces;
  return { code, kinds: findings.map(({ kind, level }) => `${level} ${kind}`) };
}

const map = (iova: number, size: number, more: object = {}): object => ({
  op: 'map',
  iova: `0x${iova.toString(16)}`,
  paddr: '0x80000000',
  size,
  ...more,
});
const unmap = (iova: number, size: number, more: object = {}): object => ({
  op: 'unmap',
  iova: `0x${iova.toString(16)}`,
  size,
  ...more,
});

describe('the command', () => {
  it('exits with 1 for an error, and for less if asked to', async () => {
    expect((await runCli(['check', CONFLICT])).code).toBe(1);
    expect((await runCli(['check', FINE])).code).toBe(0);
    expect((await runCli(['check', FINE, CONFLICT])).code).toBe(1);
    expect((await runCli(['check', CONFLICT, '--rule', 'leak'])).code).toBe(0);
    expect((await runCli(['check', CONFLICT, '--rule', 'leak', '--fail-on', 'note'])).code).toBe(1);
  });

  it.each([
    [['--rule', 'lock-conflct'], 'did you mean lock-conflict?'],
    [['--limit', '-1'], '--limit takes'],
    [['--allocator', 'all'], 'one --allocator'],
    [['--json', '--format', 'sarif'], '--json writes to standard output'],
    [['--list-rules'], 'leave out the traces'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await runCli(['check', FINE, ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('needs a trace, and one that can be used', async () => {
    expect((await runCli(['check'])).code).toBe(2);
    const broken = await runCli(['check', '-'], { stdin: '{"op":"map"}\n' });
    expect([broken.code, broken.stdout]).toEqual([3, '']);
    const half = await runCli(['check', '-'], { stdin: `${text([map(0, 4096)])}{"op":"map"}\n` });
    expect([half.code, half.stdout]).toEqual([3, expect.stringContaining('not read to its end')]);
  });

  it('tells no more findings of a rule than wanted', async () => {
    const events = Array.from({ length: 9 }, (_, i) => unmap(i * 4096, 4096));
    const { stdout } = await runCli(['check', '-', '--limit', '2'], { stdin: text(events) });
    expect(stdout).toContain('unmap-of-nothing  9 warnings');
    expect(stdout).toContain('... and 7 more');
    expect(stdout.match(/^ {2}warning/gm)?.length).toBe(2);
  });

  it('gives the same bytes again', async () => {
    const once = await runCli(['check', CONFLICT, FINE, '--json']);
    expect(once.stdout).toBe((await runCli(['check', CONFLICT, FINE, '--json'])).stdout);
  });

  it('lists every rule with its source', async () => {
    const { stdout, code } = await runCli(['check', '--list-rules']);
    expect(code).toBe(0);
    for (const kind of Object.keys(FINDING_KINDS)) expect(stdout).toContain(`\n${kind}  (`);
    const { stdout: json } = await runCli(['check', '--list-rules', '--json']);
    const rules = JSON.parse(json) as { name: string; source: string; level: string }[];
    expect(rules.map(({ name }) => name)).toEqual([...RULE_NAMES]);
    for (const { source } of rules) expect(source.length).toBeGreaterThan(2);
    for (const name of RULE_NAMES) expect(ruleOf(name).rule.length, name).toBeGreaterThan(10);
  });

  it('writes several reports at once', async () => {
    const files = ['check.json', 'check.sarif', 'check.xml', 'check.txt'].map((name) => join(folder, name));
    const { code, stdout } = await runCli([
      'check',
      CONFLICT,
      ...files.flatMap((file) => ['-o', file]),
      '--format',
      'text',
      '--format',
      'github',
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^::error file=.*check-map-during-unmap.ndjson,line=5,title=pgtrace%3A lock-conflict::/m);
    expect(stdout).toMatch(/^::notice .*line=5/m);
    const [json, , xml, plain] = files.map((file) => readFileSync(file, 'utf8'));
    expect(JSON.parse(json)).toMatchObject({ schema: 'pgtrace.check/1', failed: true, lock: 'rw', failOn: 'error' });
    expect(xml).toContain('name="lock-conflict">\n      <failure message="1 error: unmap 0x104000 + 48K and map');
    expect(xml).toContain(`tests="${RULE_NAMES.length}" failures="1" errors="0"`);
    expect(plain).toMatch(/^no: 1 error, 1 note\n/);
  });
});

describe('what is checked', () => {
  const AT = { ts: 100, end: 200 };

  it('is nothing in a trace of one thread after another', async () => {
    const events = [map(0, 4096, { ts: 1, end: 2 }), unmap(0, 4096, { ts: 2, end: 3 })];
    expect(await checkEvents(events)).toEqual({ code: 0, kinds: [] });
  });

  it('is a thread that does two things at once', async () => {
    const events = [
      map(0, 4096, { ...AT, thread: 1 }),
      map(65536, 4096, { ts: 150, end: 180, thread: 1 }),
      { op: 'unmap', iova: '0x0', size: 4096, ts: 300 },
      { op: 'unmap', iova: '0x10000', size: 4096, ts: 310 },
    ];
    expect(await checkEvents(events)).toEqual({ code: 1, kinds: ['error thread-overlap'] });
  });

  it('is the destruction of an address space under others', async () => {
    const events = [
      { op: 'domain', id: 'd0' },
      map(0, 4096, { ts: 1, end: 2 }),
      unmap(0, 4096, { ...AT, thread: 1 }),
      { op: 'destroy', ts: 150, end: 250, thread: 2 },
    ];
    expect(await checkEvents(events)).toEqual({ code: 1, kinds: ['error lock-conflict'] });
  });

  it('is a reservation as a writer, and a reader under RCU', async () => {
    const events = [
      { op: 'reserve', id: 'r', iova: '0x0', size: 2 ** 21, ...AT, thread: 1 },
      { op: 'iova_to_phys', iova: '0x1000', ts: 150, end: 160, thread: 2 },
      { op: 'rcu_read', begin: 190, end: 250, iova: '0x5000', ts: 190, thread: 3 },
      { op: 'release', id: 'r', ts: 300, end: 400, thread: 1 },
      { op: 'iova_to_phys', iova: '0x2000', ts: 350, end: 360, thread: 2 },
    ];
    expect((await checkEvents(events)).kinds).toEqual([
      'error lock-conflict',
      'error lock-conflict',
      'error lock-conflict',
    ]);
  });

  it('is no conflict among the operations of one job', async () => {
    const events = [
      { op: 'domain', id: 'd0', driver: 'panthor', ts: 1 },
      { op: 'bo', id: 'b', size: 65536, segments: [{ paddr: '0x80000000', size: 65536 }] },
      {
        op: 'bind',
        job: 1,
        mode: 'sync',
        ...AT,
        thread: 1,
        ops: [
          { kind: 'map', iova: '0x100000000', size: 65536, bo: 'b', offset: 0 },
          { kind: 'unmap', iova: '0x100000000', size: 65536 },
        ],
      },
    ];
    expect(await checkEvents(events)).toEqual({ code: 0, kinds: [] });
    const other = { ...(events[2] as object), job: 2, ts: 150, end: 250, thread: 2 };
    expect((await checkEvents([...events, other])).kinds).toContain('error lock-conflict');
  });

  it('takes a job for one of the queue that it was submitted to, whoever lets it run', async () => {
    const bo = { op: 'bo', id: 'b', size: 65536, segments: [{ paddr: '0x80000000', size: 65536 }] };
    const bind = (job: number, queue: string, kind: string, more: object = {}): object => ({
      op: 'bind',
      job,
      mode: 'async',
      queue,
      ops: [{ kind, iova: '0x100000000', size: 65536, ...(kind === 'map' ? { bo: 'b', offset: 0 } : {}) }],
      ...more,
    });
    const run = (job: number, more: object = {}): object => ({ op: 'exec', job, ...more });
    const domain = { op: 'domain', id: 'd0', driver: 'panthor' };
    const jobs = [bind(1, 'a', 'map'), bind(2, 'b', 'unmap')];
    expect(await checkEvents([domain, bo, ...jobs, run(1), run(2)])).toEqual({
      code: 1,
      kinds: ['error lock-conflict'],
    });
    const fenced = [run(1, { queue: 'a', signals: ['done'] }), run(2, { queue: 'b', waits: ['done'] })];
    expect(await checkEvents([domain, bo, ...jobs, ...fenced])).toEqual({ code: 0, kinds: [] });
    // The same where the replay's own queue says when jobs run.
    const waiting = ['--queue-depth', '2'];
    const ordered = [bind(1, 'a', 'map', { signals: ['done'] }), bind(2, 'b', 'unmap', { waits: ['done'] })];
    expect((await checkEvents([domain, bo, ...ordered], ...waiting)).kinds).toEqual([]);
    expect((await checkEvents([domain, bo, ...jobs], ...waiting)).kinds).toEqual(['error lock-conflict']);
  });

  it('knows an unmap without a gather, which somebody may have flushed', async () => {
    const raw = { op: 'unmap_pages', iova: '0x0', pgsize: 4096, pgcount: 1 };
    const again = map(0, 4096);
    const leaks = ['--leaks', 'none'];
    expect(await checkEvents([again, { ...raw, gather: 'none' }, again], ...leaks)).toEqual({
      code: 0,
      kinds: ['warning reuse-before-flush'],
    });
    expect((await checkEvents([again, raw, again], ...leaks)).kinds).toEqual([]);
    // Destroying flushes everything; the name may then be used again.
    const domain = { op: 'domain', id: 'd0' };
    const events = [domain, again, { ...raw, gather: 'none' }, { op: 'destroy' }, domain, again];
    expect((await checkEvents(events, ...leaks)).kinds).toEqual([]);
  });

  it('does not take the end of a table for a hole', async () => {
    const events = [
      { op: 'map_pages', iova: '0x1ff000', paddr: '0x80000000', pgsize: 4096, pgcount: 1 },
      { op: 'unmap_pages', iova: '0x1ff000', pgsize: 4096, pgcount: 2 },
    ];
    expect((await checkEvents(events)).kinds).toEqual([]);
  });

  it('does not take what is refused for a hole', async () => {
    const events = [map(0, 2 ** 21), unmap(0, 100), unmap(4096, 0), unmap(2 ** 50, 4096), unmap(0, 2 ** 21)];
    expect((await checkEvents(events)).kinds).toEqual([]);
  });

  it('warns of a fence that nobody signals', async () => {
    const events = [map(0, 4096, { queue: 'a', waits: ['nobody'] }), unmap(0, 4096, { queue: 'a' })];
    expect((await checkEvents(events)).kinds).toEqual(['warning unknown-fence']);
  });

  it('takes fences of events that are no operations, and threads instead of queues', async () => {
    const order = { op: 'fail_alloc', nth: 1000, thread: 'a', signals: [1] };
    const events = [map(0, 4096, { thread: 'a' }), order, unmap(0, 4096, { thread: 'b', waits: [1] })];
    expect((await checkEvents(events, '--concurrent', 'thread')).kinds).toEqual([]);
    const unordered = [events[0], { ...order, signals: [] }, { ...(events[2] as object), waits: [] }];
    expect((await checkEvents(unordered, '--concurrent', 'thread')).kinds).toEqual(['error lock-conflict']);
  });

  it('includes what the replay finds by itself', async () => {
    const events = [map(0, 4096), { op: 'iova_to_phys', iova: '0x0', paddr: '0x1000' }, unmap(0, 4096)];
    expect(await checkEvents(events)).toEqual({ code: 1, kinds: ['error expectation'] });
  });

  it('is there for whoever replays, by an option', async () => {
    const events = [map(0, 4096), unmap(0, 4096), unmap(0, 4096)];
    const { replayer } = await replayEvents(events, { checks: DEFAULT_CHECK_OPTIONS });
    expect(replayer.findings.list).toMatchObject([{ kind: 'double-unmap', level: 'error', line: 3 }]);
    expect([...replayer.findings.counts]).toEqual([['double-unmap', 1]]);
    expect((await replayEvents(events)).replayer.findings.list).toEqual([]);
  });
});

describe('the README', () => {
  const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const section = README.slice(README.indexOf('## Check\n'), README.indexOf('## Reports\n'));

  it('shows what the command prints', async () => {
    for (const name of ['check-map-during-unmap', 'check-neighbours']) {
      const { stdout } = await runCli(['check', `${TRACES}${name}.ndjson`]);
      const lines = stdout.replaceAll(TRACES, 'traces/').split('\n');
      const at = section.indexOf(`pgtrace check traces/${name}.ndjson`);
      const shown = section.slice(section.indexOf('\n', at)).split(/\n(?=\S)/)[0];
      const wanted = shown.split('\n').map((line) => line.slice(4));
      for (const line of wanted.filter((text) => text.trim() !== '' && text !== '...')) expect(lines).toContain(line);
    }
  });

  it('names every rule of the check and every option of its own', async () => {
    for (const rule of Object.keys(CHECK_RULES)) expect(section, rule).toContain(`\`${rule}\``);
    const { stdout } = await runCli(['check', '--help']);
    const own = stdout.slice(stdout.indexOf('Check:'), stdout.indexOf('Output:'));
    const options = [...own.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(8);
    expect(options.filter((option) => !README.includes(option))).toEqual([]);
  });
});

describe('an operation that comes late', () => {
  it('is held against those of its address space that nobody has followed', async () => {
    const times = (ts: number, end: number): object => ({ size: 4096, iova: '0x1000', ts, end });
    const lines: object[] = [
      { op: 'trace', version: 1 },
      { op: 'domain', id: 'a' },
      { op: 'domain', id: 'b' },
      { op: 'map', domain: 'a', paddr: '0x1000', thread: 't1', ...times(0, 1e9) },
    ];
    for (let i = 0; i < 40_000; i++) {
      const what = i % 2 === 0 ? { op: 'map', paddr: '0x1000' } : { op: 'unmap' };
      lines.push({ ...what, domain: 'b', thread: 't2', ...times(1e9 + i * 10, 1e9 + i * 10 + 5) });
    }
    lines.push({ op: 'unmap', domain: 'a', thread: 't3', ...times(5e8, 6e8) });
    const stdin = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const { code, stdout } = await runCli(['check', '-'], { stdin });
    expect(code).toBe(1);
    expect(stdout).toContain('lock-conflict  1 error');
    expect(stdout).toContain('time-disorder');
  });
});
