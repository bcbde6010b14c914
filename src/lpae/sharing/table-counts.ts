import { LAST_LEVEL } from '../format/geometry.ts';
import type { TableShape } from '../table/table-shape.ts';

/** Tables of one level that a repeat mapping of pages needs where nothing is mapped yet. */
export interface LevelTables {
  readonly level: number;
  /** Without sharing: every table that the range meets. */
  readonly plain: number;
  /** Tables that stick out of the range, 0 to 2, which nobody can share. */
  readonly boundary: number;
  /** Different contents that tables inside the range can have: length / gcd(length, span). */
  readonly contents: number;
  /** With sharing: the boundary, and each content once. */
  readonly shared: number;
}

/**
 * Tables below the start table for `length` bytes repeated over the offsets [start, end), by level: of the tables inside
 * the range as many are different as their first addresses are different modulo the length. Holds for runs that are mapped
 * by pages alone; blocks need fewer.
 */
export function repeatTables(shape: TableShape, start: number, end: number, length: number): LevelTables[] {
  const levels: LevelTables[] = [];
  for (let level = shape.startLevel + 1; level <= LAST_LEVEL; level++) {
    const span = shape.sizes[level - 1];
    const plain = Math.ceil(end / span) - Math.floor(start / span);
    const inside = Math.max(0, Math.floor(end / span) - Math.ceil(start / span));
    const boundary = plain - inside;
    const contents = length / greatestDivisor(length, span);
    levels.push({ level, plain, boundary, contents, shared: boundary + Math.min(inside, contents) });
  }
  return levels;
}

function greatestDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
