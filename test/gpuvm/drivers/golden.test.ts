/** What the kernel's own panthor and msm answered to random binds: every line, every LOCKADDR, the page tables at the end. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hex64 } from '../../../src/base/u64.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import type { Replayer } from '../../../src/replay/replayer.ts';
import { type Line, replayEach } from '../../replay/run.ts';

const GOLDEN = new URL('../../golden/', import.meta.url);

function read(path: string): string {
  return gunzipSync(readFileSync(new URL(path, GOLDEN))).toString();
}

function linesOf(path: string): Line[] {
  return read(path)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** Golden traces of a folder whose names do not begin with `without`. */
function namesIn(folder: string, without = '-'): string[] {
  return readdirSync(new URL(`${folder}/`, GOLDEN))
    .filter((name) => name.endsWith('.trace.ndjson.gz') && !name.startsWith(without))
    .map((name) => name.replace('.trace.ndjson.gz', ''));
}

function dumpOf({ spaces }: Replayer): Line[] {
  const entries: Line[] = [];
  const table = spaces[0].table;
  if (table === null) throw new Error('no table');
  visitEntries(table, ({ level, table: slot, index, iovaHi, iovaLo, pteHi, pteLo }) => {
    entries.push({
      level,
      table: `0x${table.memory.addressOf(slot).toString(16)}`,
      index,
      iova: hex64(iovaHi, iovaLo),
      pte: hex64(pteHi, pteLo),
    });
    return true;
  });
  return entries;
}

/** The keys of `want` as `got` has them. */
function alike(got: Line | undefined, want: Line): Line {
  return Object.fromEntries(Object.keys(want).map((key) => [key, got?.[key]]));
}

async function check(folder: string, name: string): Promise<void> {
  const [{ lines, replayer }] = await replayEach(read(`${folder}/${name}.trace.ndjson.gz`), [{}]);
  const bySeq = new Map(lines.map((line) => [line['seq'], line]));
  const expected = linesOf(`${folder}/${name}.expected.ndjson.gz`);
  const dump = expected.pop()?.['dump'];
  expect(expected.length).toBeGreaterThan(30);
  for (const want of expected) expect(alike(bySeq.get(want['seq']), want)).toEqual(want);
  expect(dumpOf(replayer)).toEqual(dump);
}

describe('panthor, the kernel of 7.1', () => {
  const names = namesIn('vmbind');

  it('has all golden traces', () => expect(names.length).toBe(23));

  it.each(names)('%s', async (name) => {
    await check('vmbind', name);
    const [{ lines }] = await replayEach(read(`vmbind/${name}.trace.ndjson.gz`), [{}]);
    const bySeq = new Map(lines.map((line) => [line['seq'], line]));
    for (const want of linesOf(`vmbind/${name}.events.ndjson.gz`)) {
      expect(alike(bySeq.get(want['seq']), want)).toEqual(want);
    }
  });
});

describe('msm, the kernel of 7.1', () => {
  const names = namesIn('msm', 'throttle');

  it('has all golden traces', () => expect(names.length).toBe(8));

  it.each(names)('%s', (name) => check('msm', name));

  it.each(['throttle-00', 'throttle-01'])('%s: jobs that never run block those behind them', async (name) => {
    const trace = read(`msm/${name}.trace.ndjson.gz`);
    const last = /"job":"(j\d+)"[^\n]*\n$/.exec(trace)?.[1];
    const expected = linesOf(`msm/${name}.expected.ndjson.gz`);
    // A cleanup says that the trace tells itself when jobs run: none of them does before the end.
    const told = `${trace}${JSON.stringify({ op: 'cleanup', job: last })}\n`;
    const queue = { depth: 100_000, exec: null, cleanup: { value: 0, unit: 'ops' } } as const;
    for (const [text, options] of [
      [told, {}],
      [trace, { queue }],
      [trace, {}],
    ] as const) {
      const [{ lines }] = await replayEach(text, [options]);
      const binds = lines.filter(({ op }) => op === 'bind').sort((a, b) => Number(a['seq']) - Number(b['seq']));
      expect(binds.map((line, at) => alike(line, expected[at]))).toEqual(expected);
    }
  });
});
