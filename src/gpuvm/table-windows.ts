import { TWO_32 } from '../base/u64.ts';
import { LAST_LEVEL } from '../lpae/format/geometry.ts';
import type { PageTable } from '../lpae/page-table.ts';

/** Windows of `span` bytes, aligned to it, that [start, end) touches; right also where a run of maps ends before it began. */
export function windowsTouched(start: number, end: number, span: number): number {
  return Math.ceil(end / span) - Math.floor(start / span);
}

/** What stands for an address in the tables of a level. */
export const ABSENT = 0;
export const TABLE = 1;
/** A leaf of the level above. */
export const LEAF = 2;

/** Whether there is a table of `level` (below the first) for an address, and what stands in its place. */
export function tableState(table: PageTable, address: number, level: number): number {
  const { memory } = table;
  const high = table.highIndices(Math.floor(address / TWO_32) | 0, address | 0);
  const low = table.lowIndices(Math.floor(address / TWO_32) | 0, address | 0);
  let slot = table.root;
  for (let at = table.startLevel; at < level; at++) {
    const entry = slot + table.indexIn(at, high, low);
    slot = memory.kid[entry];
    if (slot === 0) return memory.lo[entry] === 0 ? ABSENT : LEAF;
  }
  return TABLE;
}

/** Tables above the last level that a map of [start, end) has to make in the tree as it is. */
export function missingAbove(table: PageTable, start: number, end: number): number {
  let missing = 0;
  for (let level = table.startLevel + 1; level < LAST_LEVEL; level++) {
    const span = table.sizes[level - 1];
    for (let at = Math.floor(start / span) * span; at < end; at += span) {
      if (tableState(table, at, level) === ABSENT) missing++;
    }
  }
  return missing;
}
