import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunSet } from '../../../src/flush/study/run-set.ts';

const PAGE = 4096;
const PAGES = 60;

/** The same, page by page. */
type Pages = Map<number, readonly [shift: number, tag: number]>;

/** Runs of a set, as it tells them. */
function runsOf(set: RunSet): (readonly [number, number, number, number])[] {
  const runs: (readonly [number, number, number, number])[] = [];
  set.each(0, Number.POSITIVE_INFINITY, (start, end, shift, tag) => runs.push([start, end, shift, tag]));
  return runs;
}

/** Runs of pages, neighbours that continue each other joined. */
function joined(pages: Pages): (readonly [number, number, number, number])[] {
  const runs: [number, number, number, number][] = [];
  for (const [page, [shift, tag]] of [...pages].sort((a, b) => a[0] - b[0])) {
    const last = runs.at(-1);
    const start = page * PAGE;
    if (last !== undefined && last[1] === start && last[2] === shift && last[3] === tag) last[1] += PAGE;
    else runs.push([start, start + PAGE, shift, tag]);
  }
  return runs;
}

const changes = fc.array(
  fc.record({
    add: fc.boolean(),
    from: fc.nat(PAGES),
    pages: fc.integer({ min: 1, max: 12 }),
    shift: fc.nat(1),
    tag: fc.nat(1),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

describe('a set of runs', () => {
  it('is what its pages are, whatever is added and removed', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const set = new RunSet();
        const pages: Pages = new Map();
        for (const { add, from, pages: count, shift, tag } of list) {
          const [start, end] = [from * PAGE, (from + count) * PAGE];
          const inRange = [...pages.keys()].filter((page) => page >= from && page < from + count);
          expect(set.overlap(start, end)).toBe(inRange.length > 0);
          if (inRange.length > 0) expect(set.foundStart).toBe(Math.min(...inRange) * PAGE);
          if (add) {
            set.add(start, end, shift * PAGE, tag);
            for (let page = from; page < from + count; page++) pages.set(page, [shift * PAGE, tag]);
          } else {
            let bytes = 0;
            set.remove(start, end, (a, b) => {
              bytes += b - a;
            });
            expect(bytes).toBe(inRange.length * PAGE);
            for (const page of inRange) pages.delete(page);
          }
          expect(runsOf(set)).toEqual(joined(pages));
          expect([set.bytes, set.size]).toEqual([pages.size * PAGE, joined(pages).length]);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('stays quick and right with many runs, in order and out of it', () => {
    const set = new RunSet();
    const many = 20_000;
    for (let i = 0; i < many; i++) set.add(((i * 7919) % many) * 2 * PAGE, (((i * 7919) % many) * 2 + 1) * PAGE, i, 0);
    expect([set.size, set.bytes]).toEqual([many, many * PAGE]);
    const starts = runsOf(set).map(([start]) => start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    set.coalesce();
    expect(set.size).toBe(many);
    for (let i = 0; i < many; i++) set.add((2 * i + 1) * PAGE, (2 * i + 2) * PAGE, 0, 0);
    set.coalesce();
    expect(runsOf(set)).toEqual([[0, 2 * many * PAGE, Number.NaN, 0]]);
    expect(set.bytes).toBe(2 * many * PAGE);
    set.remove(PAGE, 3 * PAGE);
    expect(set.bytes).toBe((2 * many - 2) * PAGE);
  });
});
