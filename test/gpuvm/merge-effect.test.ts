/** What the maps of a job would reserve one by one, merged, and merged in the order of addresses, against plain counting. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GPU_COUNTERS, NEED_EACH, NEED_MERGED, NEED_SORTED } from '../../src/gpuvm/gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, type GpuOp } from '../../src/gpuvm/gpu-job.ts';
import { addMergeEffect, worstCase } from '../../src/gpuvm/merge-effect.ts';

const PAGE = 4096;
const SPANS = [2n ** 39n, 2n ** 30n, 2n ** 21n];
const SLOT = 2n ** 21n;

const op = (kind: number, page: number, pages: number): GpuOp => ({
  kind,
  start: page * PAGE,
  size: pages * PAGE,
  object: null,
  offset: 0,
  flags: 0,
  aligned: true,
});

function needOf(ops: readonly GpuOp[]): readonly number[] {
  const counters = new Float64Array(GPU_COUNTERS);
  addMergeEffect(counters, ops);
  return [counters[NEED_EACH], counters[NEED_MERGED], counters[NEED_SORTED]];
}

/** Windows that [start, end) touches, end above start. */
function touched(start: bigint, end: bigint): number {
  return SPANS.reduce((sum, span) => sum + Number((end - 1n) / span - start / span) + 1, 0);
}

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

const rangesOf = (ops: readonly GpuOp[]): Range[] =>
  ops
    .filter(({ kind }) => kind === GPU_MAP || kind === GPU_MAP_NULL)
    .map(({ start, size }) => ({ start: BigInt(start), end: BigInt(start + size) }));

/** Runs as msm's two comparisons make them; each is counted from where its first map begins to where its last one ends. */
function merged(ranges: readonly Range[]): number {
  const runs: Range[][] = [];
  for (const range of ranges) {
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && last.end / SLOT === range.start / SLOT) runs.at(-1)?.push(range);
    else runs.push([range]);
  }
  return runs.reduce((sum, run) => {
    const start = run[0].start;
    const { end } = run[run.length - 1];
    // Backward in a slot the formula of the rounded ends still holds.
    if (end > start) return sum + touched(start, end);
    const up = (span: bigint): bigint => (end + span - 1n) / span;
    return sum + SPANS.reduce((each, span) => each + Number(up(span) - start / span), 0);
  }, 0);
}

const OP = fc
  .tuple(
    fc.constantFrom(GPU_MAP, GPU_MAP, GPU_MAP, GPU_MAP_NULL, GPU_UNMAP, GPU_SYNC_ONLY),
    fc.oneof(
      fc.nat({ max: 4 * 512 }),
      fc.nat({ max: 4 * 512 }).map((page) => 2 ** 27 - 1024 + page),
      fc.nat({ max: 4 * 512 }).map((page) => 2 ** 18 - 1024 + page),
    ),
    fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 500, max: 1100 })),
  )
  .map(([kind, page, pages]) => op(kind, page, pages));

describe('merging the maps of a job', () => {
  it('comes to what plain counting gives', () => {
    fc.assert(
      fc.property(fc.array(OP, { maxLength: 12 }), (ops) => {
        const ranges = rangesOf(ops);
        const sorted = [...ranges].sort((a, b) => Number(a.start - b.start));
        const each = ranges.reduce((sum, { start, end }) => sum + touched(start, end), 0);
        expect(needOf(ops)).toEqual([each, merged(ranges), merged(sorted)]);
      }),
      { seed: 81, numRuns: 2000 },
    );
  });

  it('never costs more than one by one, and adds up over jobs', () => {
    fc.assert(
      fc.property(fc.array(OP, { maxLength: 8 }), fc.array(OP, { maxLength: 8 }), (a, b) => {
        const [each, inOrder] = needOf(a);
        expect(inOrder).toBeLessThanOrEqual(each);
        const both = new Float64Array(GPU_COUNTERS);
        addMergeEffect(both, a);
        addMergeEffect(both, b);
        const sum = needOf(a).map((need, i) => need + needOf(b)[i]);
        expect([both[NEED_EACH], both[NEED_MERGED], both[NEED_SORTED]]).toEqual(sum);
      }),
      { seed: 82, numRuns: 500 },
    );
  });

  it('leaves the operations in their order', () => {
    const ops = [op(GPU_MAP, 2, 1), op(GPU_MAP, 0, 1)];
    const copy = [...ops];
    needOf(ops);
    expect(ops).toEqual(copy);
  });

  it.each([
    ['512 pages, descending in a slot', Array.from({ length: 512 }, (_, i) => op(GPU_MAP, 511 - i, 1)), [1536, 6, 3]],
    [
      '512 pages, in two slots in turn',
      Array.from({ length: 512 }, (_, i) => op(GPU_MAP, (i % 2) * 512 + (i >> 1), 1)),
      // Sorted, the first slot's pages end where the second slot begins only when they fill it.
      [1536, 1536, 6],
    ],
    ['nothing but an unmap', [op(GPU_UNMAP, 0, 512)], [0, 0, 0]],
  ])('of %s', (_, ops, want) => {
    expect(needOf(ops)).toEqual(want);
  });

  it('counts the windows of one map', () => {
    expect(worstCase(0, 0)).toBe(0);
    expect(worstCase(2 ** 39 - PAGE, 2 ** 39 + PAGE)).toBe(6);
    expect(worstCase(0, 2 ** 30)).toBe(514);
  });
});
