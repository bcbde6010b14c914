import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPARE_REPORTERS } from '../../src/report/compare/registry.ts';
import { COMPARE_FORMATS, STATS_FORMATS } from '../../src/report/formats.ts';
import { STATS_REPORTERS } from '../../src/report/summary/registry.ts';
import type { CompareResult } from '../../src/stats/compare/result.ts';
import { runCli } from './fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const TRACE = `${TRACES}lazy-unmap.ndjson`;
const OTHER = `${TRACES}over-reservation.ndjson`;

let folder: string;
let stats: string;
const at = (...names: string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-compare-'));
  stats = (await runCli(['replay', TRACE, '--json'])).stdout;
});
beforeEach(() => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  writeFileSync(at('base.json'), stats);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The statistics with some counters changed. */
function changed(by: Readonly<Record<string, number>>): string {
  const document = JSON.parse(stats) as { counters: Record<string, number> };
  for (const [key, add] of Object.entries(by)) document.counters[key] = (document.counters[key] ?? 0) + add;
  return JSON.stringify(document);
}

const compared = async (...args: string[]): Promise<CompareResult> =>
  JSON.parse((await runCli(['compare', ...args, '--json'])).stdout) as CompareResult;

describe('pgtrace compare', () => {
  it('takes statistics, traces, compressed ones and standard input', async () => {
    writeFileSync(at('base.json.gz'), gzipSync(stats));
    writeFileSync(at('pretty.json'), JSON.stringify(JSON.parse(stats), null, 2));
    for (const side of [at('base.json'), at('base.json.gz'), at('pretty.json'), TRACE]) {
      const { code, stdout, stderr } = await runCli(['compare', at('base.json'), side]);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/^ok: /);
    }
    const piped = await runCli(['compare', at('base.json'), '-'], { stdin: readFileSync(TRACE, 'utf8') });
    expect(piped.code, piped.stderr).toBe(0);
  });

  it('fails when something got worse, and says what', async () => {
    writeFileSync(at('new.json'), changed({ 'tables.peak': 3, 'alloc.calls': -1 }));
    const { code, stdout } = await runCli(['compare', at('base.json'), at('new.json')]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/tables\.peak +\S+ +\S+ +\+3 .*regressed/);
    expect((await runCli(['compare', at('base.json'), at('new.json'), '--warn-only'])).code).toBe(0);
  });

  it('takes thresholds from options and a file, the options last', async () => {
    writeFileSync(at('new.json'), changed({ 'tables.peak': 3 }));
    writeFileSync(at('limits.json'), '{\n  // a comment is fine\n  "tables.*": "+2",\n  "memory.*": "any",\n}\n');
    const both = [at('base.json'), at('new.json'), '--threshold-file', at('limits.json')];
    expect((await compared(...both)).failed).toBe(true);
    const allowed = await compared(...both, '--threshold', 'tables.peak=+3');
    expect(allowed.failed).toBe(false);
    expect(allowed.thresholds).toEqual(['tables.*=+2', 'memory.*=any', 'tables.peak=+3']);
    writeFileSync(at('limits.json'), '{\n  "tables.*": "+2",\n  "tabels.*": "+2"\n}\n');
    const { code, stderr } = await runCli(['compare', ...both]);
    expect(code).toBe(3);
    expect(stderr).toContain('limits.json:3:3: "tabels.*" is the name of no metric');
    writeFileSync(at('limits.json'), `{"tables.*": ${'['.repeat(100_000)}`);
    const deep = await runCli(['compare', ...both]);
    expect([deep.code, deep.stderr]).toEqual([
      3,
      `pgtrace: ${at('limits.json')}:1:1: no JSON object of thresholds; expected {"PATTERN": "LIMIT", ...}\n`,
    ]);
  });

  it('pairs the files of folders by their names', async () => {
    mkdirSync(at('base', 'deep'), { recursive: true });
    mkdirSync(at('new', 'deep'), { recursive: true });
    cpSync(at('base.json'), at('base', 'deep', 'lazy-unmap.stats.json'));
    cpSync(TRACE, at('new', 'deep', 'lazy-unmap.ndjson'));
    cpSync(at('base.json'), at('base', 'gone.json'));
    cpSync(OTHER, at('new', 'fresh.ndjson'));
    writeFileSync(at('new', 'notes.md'), 'not a trace');
    const { rows, failed } = await compared(at('base'), at('new'));
    expect(rows.map(({ trace, verdict }) => [trace, verdict])).toEqual([
      ['gone', 'missing'],
      ['fresh', 'new'],
      ['deep/lazy-unmap', 'same'],
    ]);
    expect(failed).toBe(true);
    expect((await compared(at('base'), at('new'), '--allow-missing')).failed).toBe(false);
  });

  it('compares each address space where that is asked for', async () => {
    const document = JSON.parse(stats) as { domains: { id: string; counters: Record<string, number> }[] };
    document.domains[0].counters['tables.live'] += 1;
    writeFileSync(at('new.json'), JSON.stringify(document));
    expect((await compared(at('base.json'), at('new.json'))).failed).toBe(false);
    const { rows } = await compared(at('base.json'), at('new.json'), '--domains');
    expect(rows[0]).toMatchObject({ domain: document.domains[0].id, verdict: 'regressed' });
  });

  it('compares every allocator of a replay with several', async () => {
    const all = await runCli(['replay', TRACE, '--allocator', 'all', '--json']);
    writeFileSync(at('all.json'), all.stdout);
    const { rows } = await compared(at('all.json'), at('all.json'));
    expect(rows.length).toBeGreaterThan(5);
    // One that is alone is held against its own row.
    const single = await compared(at('base.json'), at('all.json'));
    expect(single.rowCounts.same).toBe(1);
    expect(single.rowCounts.missing).toBe(0);
  });

  it('holds rows of sweeps against each other', async () => {
    const { stdout } = await runCli([
      'sweep',
      TRACE,
      '--allocator',
      'kernel',
      '--allocator',
      'pool',
      '--kernel',
      '7.1',
      '--kernel',
      '6.12',
      '--jobs',
      '1',
    ]);
    writeFileSync(at('rows.ndjson'), stdout);
    const { rows, failed } = await compared(at('rows.ndjson'), at('rows.ndjson'));
    expect(rows.length).toBe(4);
    expect(failed).toBe(false);
  });

  it('renews the base, and only then', async () => {
    const better = changed({ 'tables.peak': -1 });
    writeFileSync(at('new.json'), better);
    const args = ['compare', at('base.json'), at('new.json'), '--fail-on', 'improve'];
    expect((await runCli(args)).code).toBe(1);
    expect(readFileSync(at('base.json'), 'utf8')).toBe(stats);
    expect((await runCli([...args, '--update'])).code).toBe(0);
    expect(JSON.parse(readFileSync(at('base.json'), 'utf8'))).toEqual(JSON.parse(better));
    expect((await runCli(args)).code).toBe(0);
    // A base that is a trace is not overwritten.
    cpSync(TRACE, at('trace.ndjson'));
    const trace = await runCli(['compare', at('trace.ndjson'), at('new.json'), '--update']);
    expect(trace.code).toBe(2);
    expect(readFileSync(at('trace.ndjson'), 'utf8')).toBe(readFileSync(TRACE, 'utf8'));
  });

  it('renews the files of a folder, and takes away those of traces that are gone', async () => {
    const [base, now] = [at('base'), at('now')];
    mkdirSync(base);
    mkdirSync(now);
    writeFileSync(join(base, 'a.stats.json'), stats);
    writeFileSync(join(base, 'b.json.gz'), gzipSync(stats));
    writeFileSync(join(base, 'gone.json'), stats);
    for (const name of ['a', 'b', 'fresh']) writeFileSync(join(now, `${name}.json`), changed({ 'tables.peak': 1 }));
    const { code, stderr } = await runCli(['compare', base, now, '--update']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('gone.json: removed');
    expect(readdirSync(base).sort()).toEqual(['a.stats.json', 'b.json', 'fresh.json']);
    expect((await runCli(['compare', base, now, '--fail-on', 'improve'])).code).toBe(0);
    // With one file it is the same.
    for (const name of ['b.json', 'fresh.json']) rmSync(join(base, name));
    for (const name of ['b.json', 'fresh.json']) rmSync(join(now, name));
    writeFileSync(join(now, 'a.json'), stats);
    expect((await runCli(['compare', base, now, '--update'])).code).toBe(0);
    expect(readdirSync(base)).toEqual(['a.stats.json']);
    expect(readFileSync(join(base, 'a.stats.json'), 'utf8')).toBe(stats);
  });

  it('renews no base with what is no result, nor one that it does not keep', async () => {
    const broken = JSON.stringify({ ...(JSON.parse(stats) as object), complete: false });
    writeFileSync(at('new.json'), broken);
    const { code, stderr } = await runCli(['compare', at('base.json'), at('new.json'), '--update']);
    expect(code).toBe(2);
    expect(stderr).toContain('did not come to its end');
    expect(readFileSync(at('base.json'), 'utf8')).toBe(stats);
    mkdirSync(at('traces'));
    cpSync(TRACE, at('traces', 'a.ndjson'));
    expect((await runCli(['compare', at('traces'), at('traces'), '--update'])).code).toBe(2);
    expect(readdirSync(at('traces'))).toEqual(['a.ndjson']);
    // Other settings are a reason for a new base.
    const other = (await runCli(['replay', TRACE, '--kernel', '6.12', '--json'])).stdout;
    writeFileSync(at('new.json'), other);
    expect((await runCli(['compare', at('base.json'), at('new.json'), '--update'])).code).toBe(0);
    expect(readFileSync(at('base.json'), 'utf8')).toBe(other);
  });

  it('reads statistics from standard input', async () => {
    const { code, stdout, stderr } = await runCli(['compare', at('base.json'), '-'], { stdin: stats });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ok: /);
    expect((await runCli(['report', '-'], { stdin: stats })).stdout).toContain('tables ');
    expect((await runCli(['compare', '-', at('base.json'), '--update'], { stdin: stats })).code).toBe(2);
  });

  it('tells of options that have nothing to replay', async () => {
    const { code, stderr } = await runCli(['compare', at('base.json'), at('base.json'), '--kernel', '6.12']);
    expect(code).toBe(0);
    expect(stderr).toContain('--kernel is for traces');
    expect((await runCli(['compare', at('base.json'), TRACE, '--flush', 'none'])).stderr).toBe('');
  });

  it('names what is damaged in statistics, wherever it is', async () => {
    type Tree = Record<string, unknown>;
    const damages: readonly (readonly [path: string, value: unknown])[] = [
      ['config.reservations', undefined],
      ['config.overrides', null],
      ['config.allocator', {}],
      ['domains.0.config.quirks', null],
      ['domains.0.config.granule', 'x'],
      ['counters.mapped', 1.5],
      ['counters.ops', -1],
      ['findings', [null]],
      ['timeline', { counts: { x: ['y'] } }],
      ['maps', [{}]],
    ];
    for (const [path, value] of damages) {
      const document = JSON.parse(stats.replace('"mapped.live"', '"mapped"').replace('"ops.map"', '"ops"')) as Tree;
      const keys = path.split('.');
      const last = keys.pop() ?? '';
      const parent = keys.reduce<Tree>((tree, key) => tree[key] as Tree, document);
      parent[last] = value;
      writeFileSync(at('new.json'), JSON.stringify(document));
      for (const args of [
        ['compare', at('base.json'), at('new.json')],
        ['report', at('new.json')],
        ['report', at('new.json'), '--format', 'html'],
      ]) {
        const { code, stderr } = await runCli(args);
        expect(code, `${args[0]} ${path}`).toBe(3);
        expect(stderr).toContain('new.json:1:1: statistics that are damaged: /');
      }
    }
    writeFileSync(at('new.json'), stats.slice(0, stats.length / 2));
    expect((await runCli(['report', at('new.json')])).code).toBe(3);
    const empty = JSON.stringify({ ...(JSON.parse(stats) as object), counters: {} });
    writeFileSync(at('new.json'), empty);
    expect((await runCli(['compare', at('base.json'), at('new.json')])).code).toBe(2);
  });

  it('writes any number of reports at once, all or none', async () => {
    const outputs = ['r.md', 'r.xml', 'r.txt', 'r.json'];
    const args = outputs.flatMap((name) => ['-o', at(name)]);
    const { code, stdout } = await runCli([
      'compare',
      at('base.json'),
      TRACE,
      ...args,
      '--format',
      'json',
      '--format',
      'github',
    ]);
    expect(code).toBe(0);
    // The last format is for standard output.
    expect(stdout).not.toMatch(/^ok: .*\n\w/);
    for (const name of outputs) expect(readFileSync(at(name), 'utf8')).not.toBe('');
    rmSync(at('r.md'));
    const failed = await runCli(['compare', at('base.json'), TRACE, '-o', at('r.md'), '-o', at('no', 'where.xml')]);
    expect(failed.code).toBe(4);
    expect(existsSync(at('r.md'))).toBe(false);
    const refused = await runCli(['compare', at('base.json'), TRACE, '-o', at('base.json')]);
    expect(refused.stderr).toContain('is an input itself');
  });
});

describe('pgtrace replay --baseline', () => {
  it('makes, holds and renews a base in a file and in a folder', async () => {
    for (const [base, traces] of [
      [at('one.json'), [TRACE]],
      [`${at('many')}/`, [TRACE, OTHER]],
      [at('both.json'), [TRACE, OTHER]],
    ] as const) {
      const args = ['replay', ...traces, '--baseline', base];
      const none = await runCli(args);
      expect(none.code).toBe(2);
      expect(none.stderr).toContain('--update');
      expect((await runCli([...args, '--update'])).code).toBe(0);
      const held = await runCli(args);
      expect(held.code, held.stderr).toBe(0);
      expect(held.stdout).toMatch(/\nok: .*the same.*\n$/);
    }
    expect(readdirSync(at('many')).sort()).toEqual(['lazy-unmap.json', 'over-reservation.json']);
  });

  it('fails when the replay got worse, and says so in the format asked for', async () => {
    writeFileSync(at('base.json'), changed({ 'tables.peak': -1 }));
    const args = ['replay', TRACE, '--baseline', at('base.json')];
    expect((await runCli(args)).code).toBe(1);
    const { code, stdout } = await runCli([...args, '-o', at('stats.csv'), '--format', 'csv', '--format', 'markdown']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^<!-- pgtrace-compare -->\n/);
    expect(readFileSync(at('stats.csv'), 'utf8')).toMatch(/^trace,/);
    const json = await runCli([...args, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'pgtrace.stats/1' });
    expect(json.stderr).toMatch(/not ok: /);
  });

  it('holds nothing against a base when the trace broke', async () => {
    const { code, stdout, stderr } = await runCli(['replay', '-', '--baseline', at('base.json')], {
      stdin: `${readFileSync(TRACE, 'utf8')}{"op":"nonsense"}\n`,
    });
    expect(code).toBe(3);
    expect(stderr).toContain('nonsense');
    expect(stdout).not.toContain('row');
  });

  it('refuses two traces that would share a file of the base', async () => {
    mkdirSync(at('one'));
    mkdirSync(at('two'));
    cpSync(TRACE, at('one', 'x.ndjson'));
    cpSync(OTHER, at('two', 'x.ndjson'));
    const { code, stderr } = await runCli([
      'replay',
      at('one', 'x.ndjson'),
      at('two', 'x.ndjson'),
      '--baseline',
      `${at('many')}/`,
      '--update',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('would share x.json');
  });

  it('writes statistics that do not depend on what else is written', async () => {
    await runCli(['replay', TRACE, '-o', at('alone.json')]);
    await runCli(['replay', TRACE, '-o', at('beside.json'), '-o', at('page.html')]);
    expect(readFileSync(at('beside.json'), 'utf8')).toBe(readFileSync(at('alone.json'), 'utf8'));
    const whole = JSON.parse((await runCli(['replay', TRACE, '--json', '--timeline', '--maps'])).stdout) as object;
    expect(Object.keys(whole)).toEqual(expect.arrayContaining(['timeline', 'offenders', 'maps']));
  });

  it('refuses the options of a comparison without one', async () => {
    const { code, stderr } = await runCli(['replay', TRACE, '--threshold', 'tlb.*=+1']);
    expect(code).toBe(2);
    expect(stderr).toContain('--baseline');
  });
});

describe('pgtrace report', () => {
  it('renders statistics as the replay did', async () => {
    for (const format of Object.keys(STATS_FORMATS).filter((name) => name !== 'html')) {
      const replayed = await runCli(['replay', TRACE, '--format', format, '--results', '/dev/null']);
      const again = await runCli(['report', at('base.json'), '--format', format, '--name', TRACE]);
      expect(again.code, again.stderr).toBe(0);
      expect(again.stdout).toBe(replayed.stdout);
    }
  });

  it('says what a file is that holds none', async () => {
    const { code, stderr } = await runCli(['report', TRACE]);
    expect(code).toBe(3);
    expect(stderr).toContain('replay');
  });

  it('has the formats that its help names', () => {
    for (const [formats, reporters] of [
      [STATS_FORMATS, STATS_REPORTERS],
      [COMPARE_FORMATS, COMPARE_REPORTERS],
    ] as const) {
      expect(reporters.map(({ name, endings }) => [name, endings])).toEqual(Object.entries(formats));
      expect(reporters.every(({ render }) => render instanceof Function)).toBe(true);
    }
  });
});
