import { TWO_32 } from '../../base/u64.ts';
import * as C from '../counters.ts';
import { sameAttributes } from '../format/decode-descriptor.ts';
import { CONTIG_HI, unpackHi, unpackLo } from '../format/descriptor.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { iovaHiAt, iovaLoAt } from '../offsets.ts';
import type { PageTable } from '../page-table.ts';
import type { TableShape } from '../table/table-shape.ts';

/*
 * The contiguous hint (Arm ARM D8.6.1): an aligned run of leaves of one table that map physically contiguous memory,
 * aligned to the run as well, with equal attributes. The hint stands in every leaf of the run or in none; a run that is to
 * change in part loses it first. The kernel's io-pgtable-arm never writes it.
 */

/** Leaves of a run at the two levels that have runs, the last one first, by the bits of the granule. */
const RUN_ENTRIES: Readonly<Record<number, readonly [last: number, above: number]>> = {
  12: [16, 16],
  14: [128, 32],
  16: [32, 32],
};

/** Leaves of `level` that a run consists of: 64K and 32M with a 4K granule, 2M and 1G with 16K, 2M and 16G with 64K; 0: none. */
export function runEntries(shape: TableShape, level: number): number {
  const [last, above] = RUN_ENTRIES[shape.geometry.pageShift];
  return level === LAST_LEVEL ? last : level === LAST_LEVEL - 1 ? above : 0;
}

/** Gives the hint to all whole runs among `count` leaves of one table that have just been written from `first` on. */
export function markRuns(pt: PageTable, table: number, first: number, count: number, level: number): void {
  const run = runEntries(pt, level);
  if (run === 0) return;
  const { hi } = pt.memory;
  for (let at = table + Math.ceil((first - table) / run) * run; at + run <= first + count; at += run) {
    if (!isRun(pt, at, run, level)) continue;
    for (let entry = at; entry < at + run; entry++) hi[entry] |= CONTIG_HI;
    pt.counters[C.CONTIG_RUNS]++;
  }
}

/** True when the entries from `at` on are leaves that may bear the hint. */
function isRun(pt: PageTable, at: number, run: number, level: number): boolean {
  const { lo, hi, kid } = pt.memory;
  const size = pt.sizes[level];
  const start = addressAt(pt, at);
  if (start % (run * size) !== 0) return false;
  for (let i = 0; i < run; i++) {
    const entry = at + i;
    if (lo[entry] === 0 || kid[entry] !== 0 || addressAt(pt, entry) !== start + i * size) return false;
    if (!sameAttributes(hi[at], lo[at], hi[entry], lo[entry])) return false;
  }
  return true;
}

function addressAt(pt: PageTable, entry: number): number {
  const { lo, hi } = pt.memory;
  return unpackHi(hi[entry], lo[entry], pt.granule64K) * TWO_32 + unpackLo(lo[entry], pt.granule64K);
}

/** True when a leaf bears the hint. */
export function isHinted(pt: PageTable, entry: number): boolean {
  return (pt.memory.hi[entry] & CONTIG_HI) !== 0 && pt.memory.kid[entry] === 0;
}

/** First entry of the run that an entry of a table belongs to. */
export function runStart(pt: PageTable, table: number, entry: number, level: number): number {
  return entry - ((entry - table) % runEntries(pt, level));
}

/**
 * Takes the hint from the run of `entry` by break-before-make: all its leaves are cleared, the run is invalidated at once,
 * and they are written again without it. Two cache cleans and one walk flush. `offset`: of the entry in the address space.
 */
export function breakRun(pt: PageTable, table: number, entry: number, level: number, offset: number): void {
  const { hi } = pt.memory;
  const size = pt.sizes[level];
  const run = runEntries(pt, level);
  const start = runStart(pt, table, entry, level);
  const at = offset - (offset % size) - (entry - start) * size;
  pt.syncTable();
  pt.tlb.flushWalk(iovaHiAt(pt, at), iovaLoAt(pt, at), run * size, pt.granule);
  for (let i = start; i < start + run; i++) hi[i] &= ~CONTIG_HI;
  pt.syncTable();
  pt.counters[C.CONTIG_BROKEN]++;
}

/** Takes the hint from what is left of a run in a table that no walker can reach yet: nothing has to be invalidated. */
export function stripRun(pt: PageTable, table: number, entry: number, level: number): void {
  const { hi, lo } = pt.memory;
  const start = runStart(pt, table, entry, level);
  let stripped = 0;
  for (let i = start; i < start + runEntries(pt, level); i++) {
    if (lo[i] === 0 || !isHinted(pt, i)) continue;
    hi[i] &= ~CONTIG_HI;
    stripped++;
  }
  if (stripped > 0) pt.counters[C.CONTIG_BROKEN]++;
}
