/** Processes that are killed while they write: what was there before stays whole, and what they leave is known for what it is. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { halfFile } from '../../src/commands/process/whole-file.ts';

const BIN = new URL('../../bin/pgtrace.js', import.meta.url).pathname;
const TRACES = new URL('../../traces/', import.meta.url).pathname;
const OLD = 'what was there before\n';
/** Milliseconds after the first half-written file is seen; a write may be over before it is. */
const MOMENTS = [0, 80];
const GIVE_UP_MS = 5000;

let folder: string;

beforeAll(() => {
  if (!existsSync(new URL('../../dist/cli.js', import.meta.url))) throw new Error('run `npm run build` first');
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-kills-'));
  const line = (i: number): string =>
    `{"op":"map","iova":"0x${(i * 4096).toString(16)}","paddr":"0x80000000","size":4096}\n`;
  writeFileSync(join(folder, 'long.ndjson'), Array.from({ length: 100_000 }, (_, i) => line(i)).join(''));
  const made = spawnSync(process.execPath, [BIN, 'replay', `${TRACES}lazy-unmap.ndjson`, '--json'], {
    encoding: 'utf8',
  });
  writeFileSync(join(folder, 'stats.json'), made.stdout);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a command in a folder and kills it; false when it had ended by then. */
async function killed(args: readonly string[], cwd: string, moment: number): Promise<boolean> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, stdio: 'ignore' });
  const gone = new Promise<boolean>((resolve) => child.on('exit', (_, signal) => resolve(signal === 'SIGKILL')));
  for (let ms = 0; ms < GIVE_UP_MS && halves(cwd).length === 0 && child.exitCode === null; ms += 5) await wait(5);
  await wait(moment);
  child.kill('SIGKILL');
  return await gone;
}

function halves(at: string): string[] {
  return readdirSync(at, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));
}

const long = (): string => join(folder, 'long.ndjson');
const stats = (): string => join(folder, 'stats.json');

describe('a process killed at writing', () => {
  const CASES: readonly (readonly [string, string, () => readonly string[]])[] = [
    ['import -o .gz', 'out.ndjson.gz', () => ['import', long(), '-o', 'out.ndjson.gz']],
    ['replay --results', 'results.ndjson', () => ['replay', long(), '--results', 'results.ndjson']],
    ['replay -o', 'page.html', () => ['replay', long(), '-o', 'page.html']],
    ['gen -o', 'gen.ndjson', () => ['gen', 'game', '-o', 'gen.ndjson']],
    ['report -o', 'summary.md', () => ['report', stats(), '-o', 'summary.md']],
  ];

  it.each(CASES)('%s leaves the old file or the new one', { timeout: 60_000 }, async (_, output, args) => {
    const whole = mkdtempSync(join(folder, 'whole-'));
    expect(spawnSync(process.execPath, [BIN, ...args()], { cwd: whole }).status).toBe(0);
    const complete = readFileSync(join(whole, output));
    const runs = MOMENTS.map(async (moment) => {
      const cwd = mkdtempSync(join(folder, 'killed-'));
      writeFileSync(join(cwd, output), OLD);
      const inTime = await killed(args(), cwd, moment);
      const found = readFileSync(join(cwd, output));
      expect(found.equals(complete) || found.toString() === OLD).toBe(true);
      if (!inTime) expect(found.equals(complete)).toBe(true);
      for (const name of halves(cwd)) expect(halfFile(name)).toEqual({ base: output, writer: 'gone' });
      // The next run takes them away, and only them.
      writeFileSync(join(cwd, 'mine.tmp'), '');
      const had = halves(cwd).length > 1;
      expect(spawnSync(process.execPath, [BIN, ...args()], { cwd }).status).toBe(0);
      expect(readdirSync(cwd).sort()).toEqual(['mine.tmp', output].sort());
      expect(readFileSync(join(cwd, output)).equals(complete)).toBe(true);
      return inTime && had;
    });
    const torn = (await Promise.all(runs)).filter((one) => one).length;
    // Of the long writes some are met in the middle.
    if (/import|results/.test(args().join(' '))) expect(torn).toBeGreaterThan(0);
  });

  it('a renewed base is the old one or the new one', async () => {
    for (const moment of [0, 300]) {
      const cwd = mkdtempSync(join(folder, 'base-'));
      const old = readFileSync(stats(), 'utf8');
      writeFileSync(join(cwd, 'base.json'), old);
      const trace = `${TRACES}straddling-map.ndjson`;
      const renew = ['compare', 'base.json', trace, '--update', '--warn-only'];
      await killed(renew, cwd, moment);
      const found = JSON.parse(readFileSync(join(cwd, 'base.json'), 'utf8')) as { readonly schema: string };
      expect(found.schema).toMatch(/^pgtrace\.stats\//);
    }
  });

  it('a sweep goes on from the rows that are whole', { timeout: 60_000 }, async () => {
    const cwd = mkdtempSync(join(folder, 'sweep-'));
    mkdirSync(join(cwd, 'traces'));
    for (const name of ['lazy-unmap', 'straddling-map', 'already-mapped', 'steal']) {
      writeFileSync(join(cwd, 'traces', `${name}.ndjson`), readFileSync(`${TRACES}${name}.ndjson`));
    }
    const args = ['sweep', 'traces', '--allocator', 'all', '-o', 'rows'];
    const once = spawnSync(process.execPath, [BIN, ...args.slice(0, -1), 'whole'], { cwd });
    expect(once.status).toBe(0);
    await killed(args, cwd, 100);
    const rows = (): string[] =>
      existsSync(join(cwd, 'rows')) ? readdirSync(join(cwd, 'rows')).filter((name) => name.endsWith('.json')) : [];
    for (const name of rows()) expect(() => JSON.parse(readFileSync(join(cwd, 'rows', name), 'utf8'))).not.toThrow();
    // A row that a broken disk has cut off is seen and made again.
    mkdirSync(join(cwd, 'rows'), { recursive: true });
    const [first] = readdirSync(join(cwd, 'whole')).filter((name) => /^[0-9a-f]{16}\.json$/.test(name));
    const text = readFileSync(join(cwd, 'whole', first), 'utf8');
    writeFileSync(join(cwd, 'rows', first), text.slice(0, text.length / 2));
    expect(spawnSync(process.execPath, [BIN, ...args], { cwd }).status).toBe(0);
    expect(readFileSync(join(cwd, 'rows', first), 'utf8')).toBe(text);
    expect(readFileSync(join(cwd, 'rows', 'rows.ndjson'))).toEqual(readFileSync(join(cwd, 'whole', 'rows.ndjson')));
    expect(halves(join(cwd, 'rows'))).toEqual([]);
  });
});
