import * as C from '../counters.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from './memory.ts';

/** From this many entries on, filling a plane at once beats a loop. */
export const FILL_FROM = 16;

/** Entries that a run at `index` may touch: to the end of the table page, and of a start table smaller than one. */
export function runLength(pt: PageTable, level: number, index: number, count: number): number {
  const toTableEnd = pt.tableEntries - (index & (pt.tableEntries - 1));
  let length = count < toTableEnd ? count : toTableEnd;
  if (level === pt.startLevel && index + length > pt.pgdEntries) {
    // The kernel would read and write past the start table; the model stops at its end and says so.
    length = pt.pgdEntries - index;
    pt.pgdOverrun = true;
  }
  return length;
}

/** Unlinks the table below `entry` and flushes the walk caches of its range. Returns its slot. */
export function unlinkTable(
  pt: PageTable,
  table: number,
  entry: number,
  iovaHi: number,
  iovaLo: number,
  size: number,
): number {
  const memory = pt.memory;
  const kid = memory.kid[entry];
  memory.lo[entry] = 0;
  memory.hi[entry] = 0;
  memory.kid[entry] = 0;
  memory.live[unitOf(table)]--;
  pt.syncTable();
  pt.tlb.flushWalk(iovaHi, iovaLo, size, pt.granule);
  return kid;
}

/** Unlinks the table below `entry` and frees it with all below it. */
export function clearTableEntry(
  pt: PageTable,
  table: number,
  entry: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  size: number,
): void {
  const kid = unlinkTable(pt, table, entry, iovaHi, iovaLo, size);
  pt.counters[C.SUBTREES_FREED]++;
  pt.reclaim?.begin(iovaHi, iovaLo, size);
  pt.freeSubtree(kid, level + 1);
  pt.reclaim?.end();
}
