import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const BIN = join(ROOT, 'bin/pgtrace.js');
const TRACE = join(ROOT, 'traces/smmuv3-kprobe-6.1.txt.gz');
const STEAL = join(ROOT, 'traces/steal.ndjson');

let folder: string;
const at = (name: string): string => join(folder, name);

function pgtrace(args: readonly string[], nodeArgs: readonly string[] = []): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [...nodeArgs, BIN, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-exit-'));
  writeFileSync(at('base.json'), (await runCli(['replay', TRACE, '--json'])).stdout);
  const worse = JSON.parse(readFileSync(at('base.json'), 'utf8')) as { counters: Record<string, number> };
  worse.counters['tables.peak'] += 1;
  writeFileSync(at('worse.json'), JSON.stringify(worse));
  writeFileSync(at('broken.json'), '{"schema":"pgtrace.stats/1",');
  writeFileSync(at('future.json'), '{"schema":"pgtrace.stats/9"}\n');
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Every exit code of the contract, as a shell or a CI sees it. */
const CASES: readonly (readonly [code: number, what: string, args: () => readonly string[], stderr: RegExp])[] = [
  [0, 'a replay without a finding', () => ['replay', TRACE], /^$/],
  [0, 'a comparison of equals', () => ['compare', at('base.json'), at('base.json')], /^$/],
  [0, 'a comparison of statistics with their trace', () => ['compare', at('base.json'), TRACE], /^$/],
  [0, 'a regression that only warns', () => ['compare', at('base.json'), at('worse.json'), '--warn-only'], /^$/],
  [0, 'statistics rendered again', () => ['report', at('base.json'), '--format', 'csv'], /^$/],
  [
    1,
    'a broken promise under --strict',
    () => ['replay', STEAL, '--allocator', 'shared-pool', '--queue-depth', '2', '--strict'],
    /^$/,
  ],
  [1, 'a regression', () => ['compare', at('base.json'), at('worse.json')], /^$/],
  [
    1,
    'an improvement that makes the base stale',
    () => ['compare', at('worse.json'), at('base.json'), '--fail-on', 'improve'],
    /^$/,
  ],
  [2, 'an unknown option', () => ['replay', TRACE, '--no-such'], /--no-such/],
  [2, 'no command', () => [], /Usage/],
  [
    2,
    'other settings',
    () => ['compare', at('base.json'), TRACE, '--kernel', '6.12'],
    /kernel is 6\.12, in the base 7\.1/,
  ],
  [
    2,
    'a threshold that is none',
    () => ['compare', at('base.json'), at('base.json'), '--threshold', 'tables.peak=lots'],
    /such as/,
  ],
  [2, 'a folder against a file', () => ['compare', folder, at('base.json')], /folder/],
  [3, 'a trace that is none', () => ['replay', BIN], /known formats/i],
  [3, 'statistics that are damaged', () => ['compare', at('broken.json'), at('base.json')], /broken\.json:1:/],
  [3, 'statistics of a later version', () => ['report', at('future.json')], /pgtrace\.stats\/9.*pgtrace\.stats\/1/],
  [4, 'a file that is not there', () => ['replay', at('nothing.ndjson')], /nothing\.ndjson/],
  [
    4,
    'a report that cannot be written',
    () => ['replay', TRACE, '-o', at('no/such/folder.html')],
    /folder does not exist/,
  ],
  [4, 'a full disk', () => ['replay', TRACE, '-o', '/dev/full', '--format', 'json'], /no space left/],
];

/** A process of its own for the first case of each code; the others run in this one, which takes a tenth of the time. */
async function exited(what: string, args: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  const spawned = CASES.filter(([code], i) => CASES.findIndex(([other]) => other === code) === i);
  if (spawned.some(([, first]) => first === what)) return pgtrace(args);
  const { code, stderr } = await runCli(args);
  return { status: code, stderr };
}

describe('exit codes', () => {
  it.each(CASES)('%i: %s', async (code, what, args, stderr) => {
    const result = await exited(what, args());
    expect(result.status, result.stderr).toBe(code);
    expect(result.stderr).toMatch(stderr);
    // A message is for a person.
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  it('70: a bug, with its stack trace and what to do', () => {
    writeFileSync(at('bug.mjs'), 'Map.prototype.set = () => { throw new TypeError("planted") };');
    const result = pgtrace(['replay', TRACE], ['--import', at('bug.mjs')]);
    // Whatever runs into it first: the command line itself survives it.
    if (result.stderr.includes('pgtrace:')) {
      expect(result.status).toBe(70);
      expect(result.stderr).toMatch(/bug in pgtrace[\s\S]*planted/);
    } else expect(result.status).not.toBe(0);
  });
});

describe('outputs', () => {
  it('of every command end quietly when their reader has gone', () => {
    const lines = [
      `replay ${TRACE}`,
      `replay ${TRACE} --json`,
      `replay ${TRACE} --format markdown`,
      `compare ${at('base.json')} ${at('worse.json')} --all`,
      `report ${at('base.json')} --format csv`,
      `dump ${TRACE}`,
      `import ${TRACE}`,
      'schema stats',
      'man',
    ];
    for (const line of lines) {
      const { stderr } = spawnSync('sh', ['-c', `${process.execPath} ${BIN} ${line} | head -1 >/dev/null`], {
        encoding: 'utf8',
      });
      expect(stderr, line).not.toMatch(/EPIPE|\n\s+at /);
      const closed = spawnSync('sh', ['-c', `${process.execPath} ${BIN} ${line} >&-`], { encoding: 'utf8' });
      expect(closed.stderr, line).not.toMatch(/\n\s+at /);
    }
  });

  it('of every command tell of a full disk, and exit with 4', () => {
    for (const line of [
      `replay ${TRACE}`,
      `compare ${at('base.json')} ${at('base.json')}`,
      `import ${TRACE}`,
      'schema stats',
    ]) {
      const { status, stderr } = spawnSync('sh', ['-c', `${process.execPath} ${BIN} ${line} >/dev/full`], {
        encoding: 'utf8',
      });
      expect(status, line).toBe(4);
      expect(stderr, line).toMatch(/no space left|ENOSPC/);
    }
  });

  it('leave no half file behind', () => {
    const before = readdirSync(folder);
    const result = pgtrace(['replay', BIN, '-o', at('never.json'), '-o', at('never.html')]);
    expect(result.status).toBe(3);
    expect(readdirSync(folder)).toEqual(before);
  });
});
