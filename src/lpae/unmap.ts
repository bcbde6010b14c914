import { TWO_32 } from '../base/u64.ts';
import type { GatherState } from './callbacks.ts';
import * as C from './counters.ts';
import { LAST_LEVEL } from './geometry.ts';
import { unitOf } from './memory.ts';
import { NO_LEVEL, type PageTable } from './page-table.ts';
import { removeWholeBlock, splitBlock } from './partial.ts';
import { clearTableEntry, FILL_FROM, runLength } from './run.ts';

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
  pt.counters[C.UNMAP_CALLS]++;
  const target = pt.levelOf(pgsize);
  if ((target === NO_LEVEL || target < LAST_LEVEL) && !pt.acceptsPgsize(pgsize)) {
    pt.warn(C.WARN_BAD_PGSIZE);
    return 0;
  }
  if (count === 0) {
    pt.warn(C.WARN_ZERO_COUNT);
    return 0;
  }
  if (!pt.iovaInRange(iovaHi, iovaLo)) {
    pt.warn(C.WARN_RANGE);
    return 0;
  }
  return unmapFrom(pt, pt.root, pt.startLevel, target, iovaHi, iovaLo, pgsize, count, gather);
}

/** The walk of an unmap from the table at `table` downward. */
export function unmapFrom(
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
  const memory = pt.memory;
  const shifts = pt.shifts;
  const masks = pt.masks;
  const { lo, kid } = memory;
  for (let level = startLevel; ; level++) {
    const shift = shifts[level];
    const bits = shift >= 32 ? iovaHi >>> (shift - 32) : (iovaHi << (32 - shift)) | (iovaLo >>> shift);
    const index = bits & masks[level];
    const entry = table + index;
    if (lo[entry] === 0) {
      if (!pt.noWarn) pt.warn(C.WARN_NOT_MAPPED);
      return 0;
    }
    if (level === target) return unmapRun(pt, table, index, level, iovaHi, iovaLo, pgsize, count, gather);
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
      pt.tlb.addPages(gather, iovaHi, iovaLo, pgsize, length);
      return length * pgsize;
    }
    case 'whole':
      return removeWholeBlock(pt, table, entry, level, iovaHi, iovaLo, gather);
  }
}

function unmapRun(
  pt: PageTable,
  table: number,
  index: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  pgsize: number,
  count: number,
  gather: GatherState | null,
): number {
  const memory = pt.memory;
  const { lo, hi, kid } = memory;
  const counters = pt.counters;
  const length = runLength(pt, level, index, count);
  const first = table + index;
  let tables = 0;
  let done = 0;
  for (; done < length; done++) {
    const entry = first + done;
    if (lo[entry] === 0) {
      if (!pt.noWarn) pt.warn(C.WARN_NOT_MAPPED);
      break;
    }
    if (kid[entry] === 0) continue;
    const offset = iovaLo + done * pgsize;
    clearTableEntry(pt, table, entry, level, (iovaHi + Math.floor(offset / TWO_32)) >>> 0, offset >>> 0, pgsize);
    tables++;
  }
  if (done === 0) return 0;
  const leaves = done - tables;
  if (leaves > 0) {
    if (done >= FILL_FROM) {
      lo.fill(0, first, first + done);
      hi.fill(0, first, first + done);
    } else {
      for (let i = 0; i < done; i++) {
        lo[first + i] = 0;
        hi[first + i] = 0;
      }
    }
    memory.live[unitOf(table)] -= leaves;
    counters[C.MAPPED_BYTES] -= leaves * pgsize;
    counters[C.LEAVES_CLEARED] += leaves;
  }
  if (!pt.coherent) counters[C.PT_SYNCS]++;
  if (gather !== null && !gather.queued) pt.tlb.addPages(gather, iovaHi, iovaLo, pgsize, done);
  return done * pgsize;
}
