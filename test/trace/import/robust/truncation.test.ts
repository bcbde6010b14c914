import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { ReadOptions } from '../../../../src/trace/open.ts';
import { hasRecordings, recording } from '../read.ts';
import { sample } from '../trace-dat/collect.ts';
import { LONGEST, readEvents, type Survived } from './survive.ts';

/** Full recordings are cut at every so many bytes; PGTRACE_CUTS asks for another distance. */
const STEP = Number(process.env['PGTRACE_CUTS'] ?? 37_000);
const SMALL_STEP = Math.min(STEP, 1009);
const OPTIONS: ReadOptions = { lenient: false, layer: null, singleDomain: true };
const ROOT = new URL('../../../../', import.meta.url).pathname;
const BOOT = join(ROOT, 'traces/smmuv3-boot-6.1.txt.gz');
const folder = mkdtempSync(join(tmpdir(), 'pgtrace-cuts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Reads the start of a file at many lengths: what comes is the start of what the whole file gives, and the reason why not all.
 * Some cuts leave at least such a part of the events.
 */
async function cutEverywhere(data: Buffer, step: number, part: number): Promise<void> {
  const full = await readEvents(data, OPTIONS);
  expect(full.error).toBeNull();
  let most = 0;
  for (let length = step; length < data.length; length += step) {
    const cut = await readEvents(data.subarray(0, length), OPTIONS);
    expectStart(cut, full, length);
    if (cut.error !== null) most = Math.max(most, cut.events.length);
  }
  expect(most).toBeGreaterThan(full.events.length * part);
}

function expectStart(cut: Survived, full: Survived, length: number): void {
  const place = cut.events.findIndex((event, i) => event !== full.events[i]);
  expect({ length, place, event: cut.events[place], time: cut.time < LONGEST }).toEqual({
    length,
    place: -1,
    time: true,
  });
  if (cut.error === null) expect(cut.events.length).toBe(full.events.length);
}

describe('recordings that were cut off', () => {
  // What tells how to read the rest is at the end of version 7, and of perf.data.
  it.each([
    ['version-6.dat.gz', 0.2],
    ['version-7.dat.gz', 0],
    ['version-7-zstd.dat.gz', 0],
  ])('%s', (name, part) => cutEverywhere(sample(name), SMALL_STEP, part));

  it('strict-6.1.perf.data', () =>
    cutEverywhere(readFileSync(join(import.meta.dirname, '../perf-data/samples/strict-6.1.perf.data')), SMALL_STEP, 0));

  it('a text within gzip', () => cutEverywhere(readFileSync(BOOT), 101, 0.9));
});

describe.skipIf(!hasRecordings)('full recordings that were cut off', () => {
  it.each([
    '6.1-strict.trace-cmd-v6.dat.gz',
    '6.1-strict.trace-cmd-v7-none.dat.gz',
    '6.1-strict.trace-cmd-v7-zstd.dat',
    '6.1-strict.perf.data',
  ])('%s', { timeout: 60_000 + 1e9 / STEP }, async (name) => {
    const file = readFileSync(recording(name));
    await cutEverywhere(name.endsWith('.gz') ? gunzipSync(file) : file, STEP, 0);
  });
});

/** The command line as a user starts it: another process, from what the build made. */
describe('the command line', () => {
  const BIN = join(ROOT, 'bin/pgtrace.js');
  const version6 = sample('version-6.dat.gz');
  const perf = readFileSync(join(import.meta.dirname, '../perf-data/samples/strict-6.1.perf.data'));

  it.each([
    ['trace.dat', version6, 0.02],
    ['trace.dat', version6, 0.95],
    ['perf.data', perf, 0.01],
    ['perf.data', perf, 0.5],
    ['text.gz', readFileSync(BOOT), 0.6],
  ])('%s of which a part is left', (name, data, part) => {
    if (!existsSync(join(ROOT, 'dist/cli.js'))) throw new Error('run `npm run build` first');
    const path = join(folder, name);
    const start = data.subarray(0, Math.floor(data.length * part));
    writeFileSync(path, start);
    const named = spawnSync(process.execPath, [BIN, 'import', path], { encoding: 'utf8' });
    const piped = spawnSync(process.execPath, [BIN, 'import', '-'], { encoding: 'utf8', input: start });
    for (const [{ status, stderr, stdout }, place] of [
      [named, path],
      [piped, '<stdin>'],
    ] as const) {
      expect({ status, stderr }).toMatchObject({ status: 3, stderr: expect.stringContaining(`pgtrace: ${place}`) });
      expect(stderr).not.toMatch(/at .*\.js:\d+/);
      expect(stdout === '' || stdout.endsWith('}\n')).toBe(true);
    }
    expect(piped.stdout).toBe(named.stdout);
    // Of perf.data nothing can be read when its end is missing.
    expect(named.stdout.length > 10_000).toBe(part > 0.1 && name !== 'perf.data');
  });
});
