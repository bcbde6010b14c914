import { TWO_32 } from '../../base/u64.ts';
import type { GatherState } from '../callbacks.ts';
import * as C from '../counters.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';
import { clearTableEntry } from '../table/table-entries.ts';
import { clearLeaves, hasLeaf, relinkEagerly } from './kept-tables.ts';
import type { Pinning } from './pinning.ts';

/**
 * Clears `length` entries above the last level, of which the first is in use, where tables may have to stay; returns the
 * bytes removed. A table that stays loses its leaves and no more: the walk caches remain right, so that its span goes to
 * the gather page by page and without a walk flush. With no leaf below it such a table is a hole, as if it were absent.
 */
export function unmapKeeping(
  pt: PageTable,
  pinning: Pinning,
  table: number,
  first: number,
  length: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  gather: GatherState | null,
): number {
  const { memory, counters } = pt;
  const { lo, hi, kid } = memory;
  const size = pt.sizes[level];
  let done = 0;
  let kept = 0;
  let leaves = 0;
  for (; done < length; done++) {
    const entry = first + done;
    if (lo[entry] === 0) break;
    const slot = kid[entry];
    if (slot === 0) {
      lo[entry] = 0;
      hi[entry] = 0;
      leaves++;
    } else if (pinning.keeps(memory, slot)) {
      if (!hasLeaf(pt, slot, level + 1)) break;
      const unlinked = pt.sharing?.unlinkedUnderPins;
      clearLeaves(pt, slot, level + 1);
      kept++;
      // A shared table below was unlinked, which walk caches may still know.
      if (unlinked !== pt.sharing?.unlinkedUnderPins) {
        const offset = (iovaLo >>> 0) + done * size;
        pt.tlb.flushWalk((iovaHi + Math.floor(offset / TWO_32)) >>> 0, offset >>> 0, size, pt.granule);
      }
    } else {
      const offset = (iovaLo >>> 0) + done * size;
      clearTableEntry(pt, table, entry, level, (iovaHi + Math.floor(offset / TWO_32)) >>> 0, offset >>> 0, size);
    }
  }
  if (done < length && !pt.noWarn) pt.warn(C.WARN_NOT_MAPPED);
  memory.live[unitOf(table)] -= leaves;
  counters[C.MAPPED_BYTES] -= leaves * size;
  counters[C.LEAVES_CLEARED] += leaves;
  pinning.keptUnmaps += kept;
  if (done > kept) pt.syncTable();
  if (gather !== null && !gather.queued) gatherPieces(pt, first, done, size, iovaHi, iovaLo, gather);
  relinkEagerly(pt, table, first, done);
  return done * size;
}

/** Gives cleared entries to the gather in ascending order; those that still point to a table were cleared page by page. */
function gatherPieces(
  pt: PageTable,
  first: number,
  count: number,
  size: number,
  iovaHi: number,
  iovaLo: number,
  gather: GatherState,
): void {
  const { kid } = pt.memory;
  for (let i = 0; i < count; ) {
    const stays = kid[first + i] !== 0;
    let end = i + 1;
    while (end < count && (kid[first + end] !== 0) === stays) end++;
    const offset = (iovaLo >>> 0) + i * size;
    const hi = (iovaHi + Math.floor(offset / TWO_32)) >>> 0;
    if (stays) pt.tlb.addPages(gather, hi, offset >>> 0, pt.granule, ((end - i) * size) / pt.granule);
    else pt.tlb.addPages(gather, hi, offset >>> 0, size, end - i);
    i = end;
  }
}
