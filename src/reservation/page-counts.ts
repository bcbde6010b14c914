import { LAST_LEVEL, LEVELS } from '../lpae/format/geometry.ts';
import type { TableShape } from '../lpae/table/table-shape.ts';

/** The part of a table's shape that decides how many tables a range needs. */
export type LevelSizes = Pick<TableShape, 'startLevel' | 'sizes'>;

/** Tables by level (0..3) and in all. */
export interface TableCount {
  readonly total: number;
  readonly byLevel: readonly number[];
}

/** Bytes that one table of `level` covers; `level` is below the start level. */
export function tableSpan(shape: LevelSizes, level: number): number {
  return shape.sizes[level - 1];
}

/** Tables of `level` that the offsets [start, end) meet: floor((end - 1) / span) - floor(start / span) + 1. */
export function tablesMet(shape: LevelSizes, level: number, start: number, end: number): number {
  const span = tableSpan(shape, level);
  return Math.floor((end - 1) / span) - Math.floor(start / span) + 1;
}

/**
 * Tables that the offsets [start, end) need from an empty start table down to level `depth`. The start table, which is
 * always there, is not counted; a depth at or above the start level needs none.
 */
export function fullCount(shape: LevelSizes, start: number, end: number, depth = LAST_LEVEL): TableCount {
  return countBelow(shape, shape.startLevel, start, end, depth);
}

/**
 * Tables that one empty entry of `level`, which maps `size` bytes from `base`, still needs for its part of the offsets
 * [start, end).
 */
export function countForEntry(
  shape: LevelSizes,
  level: number,
  base: number,
  start: number,
  end: number,
  depth = LAST_LEVEL,
): TableCount {
  return countBelow(shape, level, Math.max(start, base), Math.min(end, base + shape.sizes[level]), depth);
}

function countBelow(shape: LevelSizes, above: number, start: number, end: number, depth: number): TableCount {
  const byLevel: number[] = new Array(LEVELS).fill(0);
  let total = 0;
  for (let level = above + 1; level <= depth; level++) {
    byLevel[level] = tablesMet(shape, level, start, end);
    total += byLevel[level];
  }
  return { total, byLevel };
}
