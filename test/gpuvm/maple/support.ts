import { expect } from 'vitest';
import {
  GAP_MIN,
  GAP_SLOTS,
  heightBound,
  LEAF_MIN,
  LEAF_SLOTS,
  RANGE_MIN,
  RANGE_SLOTS,
} from '../../../src/gpuvm/maple/geometry.ts';
import type { MapleStore, MapleTree } from '../../../src/gpuvm/maple/maple-tree.ts';

export const PAGE = 4096;

type Range = readonly [start: number, end: number];

/** Disjoint ranges in a plain sorted list: what a tree must hold. */
export class PlainRanges {
  list: Range[] = [];

  erase(start: number, end: number): void {
    const kept: Range[] = [];
    for (const [from, to] of this.list) {
      if (to <= start || from >= end) kept.push([from, to]);
      else {
        if (from < start) kept.push([from, start]);
        if (to > end) kept.push([end, to]);
      }
    }
    this.list = kept;
  }

  store(start: number, end: number): void {
    this.erase(start, end);
    const at = this.list.findIndex(([from]) => from >= end);
    this.list.splice(at < 0 ? this.list.length : at, 0, [start, end]);
  }
}

/** Numbers from 0 on below a bound that look random and are the same in every run. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** First indices behind the slots that ranges and the gaps between them take, ascending. */
export function slotEnds(ranges: readonly Range[]): number[] {
  const ends: number[] = [];
  let reached = 0;
  for (const [start, end] of ranges) {
    if (start > reached) ends.push(start);
    ends.push(end);
    reached = end;
  }
  if (reached < 2 ** 64) ends.push(2 ** 64);
  return ends;
}

/** What holds for every tree at any time. */
export function expectSound(tree: MapleTree, tracksGaps: boolean): void {
  const levels = [...tree.shape()];
  expect(levels.length).toBe(tree.height);
  levels.forEach((fills, level) => {
    const leaf = level === levels.length - 1;
    const most = leaf ? LEAF_SLOTS : tracksGaps ? GAP_SLOTS : RANGE_SLOTS;
    const fewest = leaf ? LEAF_MIN : tracksGaps ? GAP_MIN : RANGE_MIN;
    expect(Math.max(...fills)).toBeLessThanOrEqual(most);
    if (level > 0) expect(Math.min(...fills)).toBeGreaterThanOrEqual(fewest);
    else if (!leaf) expect(fills[0]).toBeGreaterThanOrEqual(2);
    if (!leaf) expect(levels[level + 1].length).toBe(fills.reduce((sum, fill) => sum + fill, 0));
  });
  // Gaps that touch are one slot, and no leaf but the last ends in one.
  const ends = slotEnds([...tree.ranges()]);
  const leaves = levels.at(-1) ?? [];
  if (tree.height > 0) expect(leaves.reduce((sum, fill) => sum + fill, 0)).toBe(ends.length);
  let slots = 0;
  const endInGap = leaves.slice(0, -1).filter((fill) => {
    slots += fill;
    return !tree.has(ends[slots - 1] - PAGE);
  });
  expect(endInGap).toEqual([]);
  const nodes = levels.reduce((sum, fills) => sum + fills.length, 0);
  expect(tree.stats.nodes).toBe(nodes);
  expect(tree.stats.nodesPeak).toBeGreaterThanOrEqual(nodes);
  expect(tree.height).toBeLessThanOrEqual(heightBound(tree.size, tracksGaps));
}

/** No rule that must hold for every store asks for fewer nodes than it took. */
export function expectEnough(store: MapleStore): void {
  const { byStore, byHeight, worstCase, used } = store;
  // Said to the test only when it fails: millions of stores pass here.
  if (used > byStore || byStore > byHeight || byHeight > worstCase) {
    expect.fail(`${used} nodes taken, requests of ${byStore}, ${byHeight} and ${worstCase}`);
  }
}
