import { TWO_32 } from '../base/u64.ts';
import type { GatherState } from './callbacks.ts';
import * as C from './counters.ts';
import { LAST_LEVEL } from './format/geometry.ts';
import type { PageTable } from './page-table.ts';
import { removeWholeBlock, splitBlock } from './partial-unmap.ts';
import { unmapKeeping } from './pinning/pinned-unmap.ts';
import { type TableMemory, unitOf } from './table/memory.ts';
import { clearTableEntry, FILL_FROM, runLength } from './table/table-entries.ts';
import { NOT_GUARDED } from './table/table-guard.ts';

// Copies: V8 compiles a module's own constants into the code, but reads imported ones from memory at each use.
const LAST = LAST_LEVEL;
const TWO_TO_32 = TWO_32;
const FILL = FILL_FROM;
const { UNMAP_CALLS, LEAVES_CLEARED, MAPPED_BYTES, PT_SYNCS, SUBTREES_FREED } = C;

/**
 * Unmaps up to `count` pages of `pgsize` bytes and returns the bytes removed
 * (io-pgtable-arm.c:arm_lpae_unmap_pages, __arm_lpae_unmap). It stops at the end of a table page and at the first hole.
 * Subtrees are flushed and freed at once; leaves go to `gather` unless it is null or queued.
 */
export function unmapPages(
  pt: PageTable,
  iovaHi: number,
  iovaLo: number,
  pgsize: number,
  count: number,
  gather: GatherState | null,
): number {
  pt.pgdOverrun = false;
  pt.splitWithoutGather = false;
  pt.counters[UNMAP_CALLS]++;
  // What nearly every call is, in few bytes of code, so that V8 takes it into its callers: pages that are there.
  if (pgsize === pt.granule && count > 0 && pt.guard === null && pt.iovaInRange(iovaHi, iovaLo)) {
    const table = pt.lastTable(iovaHi, iovaLo);
    const index = pt.pageIndex(iovaLo);
    if (table !== 0 && pt.memory.lo[table + index] !== 0) {
      if (count !== 1) return unmapRun(pt, table, index, LAST, iovaHi | 0, iovaLo | 0, count, gather);
      clearPage(pt, table, table + index);
      // Compared with a constant, here and below: V8 does not know that the field can only be true or false.
      if (gather !== null && gather.queued === false) pt.tlb.addPages(gather, iovaHi >>> 0, iovaLo >>> 0, pgsize, 1);
      return pgsize;
    }
  }
  return unmapOther(pt, iovaHi, iovaLo, pgsize, count, gather);
}

/** As `unmapPages` for what does not begin with a mapped page: blocks and all that is refused. */
function unmapOther(
  pt: PageTable,
  iovaHi: number,
  iovaLo: number,
  pgsize: number,
  count: number,
  gather: GatherState | null,
): number {
  let target = LAST;
  if (pgsize !== pt.granule) {
    target = pt.levelOf(pgsize);
    if (!pt.acceptsPgsize(pgsize)) {
      pt.warn(C.WARN_BAD_PGSIZE);
      return 0;
    }
  }
  if (count === 0) {
    pt.warn(C.WARN_ZERO_COUNT);
    return 0;
  }
  if (!pt.iovaInRange(iovaHi, iovaLo)) {
    pt.warn(C.WARN_RANGE);
    return 0;
  }
  // Signed halves from here on: see map.ts.
  const hi = iovaHi | 0;
  const lo = iovaLo | 0;
  const { guard } = pt;
  if (guard !== null) {
    const bytes = guard.unmap(hi, lo, target, count, gather);
    if (bytes !== NOT_GUARDED) return bytes;
  }
  return unmapFrom(pt, pt.root, pt.startLevel, target, hi, lo, pgsize, count, gather);
}

/** The unmap of entries of the `target` level, once its arguments are known to be good and the guard has had its look. */
export function unmapUnguarded(
  pt: PageTable,
  hi: number,
  lo: number,
  pgsize: number,
  target: number,
  count: number,
  gather: GatherState | null,
): number {
  return unmapFrom(pt, pt.root, pt.startLevel, target, hi, lo, pgsize, count, gather);
}

/** The walk of an unmap from the table at `table` downward. */
function unmapFrom(
  pt: PageTable,
  table: number,
  startLevel: number,
  target: number,
  iovaHi: number,
  iovaLo: number,
  pgsize: number,
  count: number,
  gather: GatherState | null,
): number {
  const { lo, kid } = pt.memory;
  for (let level = startLevel; ; level++) {
    const index = pt.indexAt(level, iovaHi, iovaLo);
    const entry = table + index;
    if (lo[entry] === 0) {
      if (!pt.noWarn) pt.warn(C.WARN_NOT_MAPPED);
      return 0;
    }
    if (level === target) return unmapRun(pt, table, index, level, iovaHi, iovaLo, count, gather);
    if (kid[entry] === 0) return unmapPart(pt, table, entry, level, target, iovaHi, iovaLo, pgsize, count, gather);
    table = kid[entry];
  }
}

/** A leaf stands above the level that the unmap is for. */
function unmapPart(
  pt: PageTable,
  table: number,
  entry: number,
  level: number,
  target: number,
  iovaHi: number,
  iovaLo: number,
  pgsize: number,
  count: number,
  gather: GatherState | null,
): number {
  switch (pt.config.partialUnmap) {
    case 'refuse':
      pt.warn(C.WARN_PARTIAL_UNMAP);
      return 0;
    case 'split': {
      const below = level + 1;
      const length = below === target ? Math.min(count, pt.tableEntries - pt.indexAt(below, iovaHi, iovaLo)) : 0;
      const slot = splitBlock(pt, table, entry, level, pt.indexAt(below, iovaHi, iovaLo), length);
      if (slot === 0) return 0;
      if (below !== target) return unmapFrom(pt, slot, below, target, iovaHi, iovaLo, pgsize, count, gather);
      // The kernel emits these whatever the gather is: null would crash SMMUv3.
      if (gather === null) pt.splitWithoutGather = true;
      pt.tlb.addPages(gather, iovaHi >>> 0, iovaLo >>> 0, pgsize, length);
      return length * pgsize;
    }
    case 'whole':
      return removeWholeBlock(pt, table, entry, level, iovaHi, iovaLo, gather);
  }
}

/** As `unmapRun` for one page: much of what that asks is known. */
function clearPage(pt: PageTable, table: number, entry: number): void {
  const { memory, counters } = pt;
  memory.lo[entry] = 0;
  memory.hi[entry] = 0;
  memory.live[unitOf(table)]--;
  counters[MAPPED_BYTES] -= pt.granule;
  counters[LEAVES_CLEARED]++;
  if (pt.coherent === false) counters[PT_SYNCS]++;
}

/** Clears the run of entries at `index`, of which the first is in use, and gives its leaves to the gather. */
function unmapRun(
  pt: PageTable,
  table: number,
  index: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  count: number,
  gather: GatherState | null,
): number {
  const { memory, counters } = pt;
  const length = count === 1 ? 1 : runLength(pt, level, index, count);
  const first = table + index;
  if (level < LAST && pt.pinning !== null)
    return unmapKeeping(pt, pt.pinning, table, first, length, level, iovaHi, iovaLo, gather);
  const unit = unitOf(table);
  const size = pt.sizes[level];
  let done = length;
  let leaves = length;
  if (level < LAST) {
    const tablesBefore = counters[SUBTREES_FREED];
    done = clearTables(pt, table, first, length, level, iovaHi, iovaLo);
    leaves = done - (counters[SUBTREES_FREED] - tablesBefore);
  } else if (length > 1 && memory.live[unit] !== pt.tableEntries) {
    done = entriesUntilHole(memory.lo, first, length);
    leaves = done;
  }
  if (done < length && !pt.noWarn) pt.warn(C.WARN_NOT_MAPPED);
  if (leaves > 0) {
    if (done === 1) {
      memory.lo[first] = 0;
      memory.hi[first] = 0;
    } else clearEntries(memory, first, done);
    memory.live[unit] -= leaves;
    counters[MAPPED_BYTES] -= leaves * size;
    counters[LEAVES_CLEARED] += leaves;
  }
  if (!pt.coherent) counters[PT_SYNCS]++;
  if (gather !== null && !gather.queued) pt.tlb.addPages(gather, iovaHi >>> 0, iovaLo >>> 0, size, done);
  return done * size;
}

function entriesUntilHole(lo: Uint32Array, first: number, length: number): number {
  let done = 1;
  while (done < length && lo[first + done] !== 0) done++;
  return done;
}

/** As `entriesUntilHole`; of the entries met, tables are unlinked and freed on the way. */
function clearTables(
  pt: PageTable,
  table: number,
  first: number,
  length: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
): number {
  const { lo, kid } = pt.memory;
  const size = pt.sizes[level];
  for (let i = 0; i < length; i++) {
    if (lo[first + i] === 0) return i;
    if (kid[first + i] === 0) continue;
    const offset = (iovaLo >>> 0) + i * size;
    clearTableEntry(pt, table, first + i, level, (iovaHi + Math.floor(offset / TWO_TO_32)) >>> 0, offset >>> 0, size);
  }
  return length;
}

function clearEntries({ lo, hi }: TableMemory, first: number, count: number): void {
  const end = first + count;
  if (count >= FILL) {
    lo.fill(0, first, end);
    hi.fill(0, first, end);
    return;
  }
  for (let entry = first; entry < end; entry++) {
    lo[entry] = 0;
    hi[entry] = 0;
  }
}
