import * as C from '../counters.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import type { PageTable } from '../page-table.ts';
import type { SharedLinks } from '../sharing/shared-links.ts';
import { unitOf } from '../table/memory.ts';

/*
 * Tables that stay although nothing is mapped below them. Only address spaces with a Pinning come here. The kernel has
 * no such tables; cache cleans are counted by its rules: one for each stretch of descriptors written at a time.
 */

/** Links the table that is set aside for an empty entry again: one cache clean, no allocation. Its slot, or 0. */
export function relink(pt: PageTable, table: number, entry: number): number {
  const pinning = pt.pinning;
  if (pinning === null) return 0;
  const slot = pinning.take(table, entry);
  if (slot === 0) return 0;
  pt.linkTable(table, entry, slot);
  pinning.unparks++;
  return slot;
}

/** Relinks, where the policy wants it at once, what is set aside for `length` entries from `first` that hold nothing now. */
export function relinkEagerly(pt: PageTable, table: number, first: number, length: number): void {
  const pinning = pt.pinning;
  if (pinning === null || pinning.unpark !== 'eager' || pinning.parkedIn(table) === 0) return;
  for (let entry = first; entry < first + length; entry++) if (pt.memory.lo[entry] === 0) relink(pt, table, entry);
}

/** True when anything is mapped below the table at `slot`. */
export function hasLeaf(pt: PageTable, slot: number, level: number): boolean {
  const { live, lo, kid } = pt.memory;
  let left = live[unitOf(slot)];
  if (level === LAST_LEVEL) return left > 0;
  for (let entry = slot; left > 0; entry++) {
    if (lo[entry] === 0) continue;
    left--;
    if (kid[entry] === 0 || hasLeaf(pt, kid[entry], level + 1)) return true;
  }
  return false;
}

/** Clears every leaf below the table at `slot` and keeps the tables: one cache clean for each table that held any. The leaves cleared. */
export function clearLeaves(pt: PageTable, slot: number, level: number): number {
  const { memory, counters } = pt;
  const { lo, hi, kid, live } = memory;
  const unit = unitOf(slot);
  const end = slot + pt.tableEntries;
  let left = live[unit];
  let own = 0;
  let below = 0;
  if (level === LAST_LEVEL) {
    own = left;
    if (own > 0) {
      lo.fill(0, slot, end);
      hi.fill(0, slot, end);
    }
  } else {
    for (let entry = slot; left > 0; entry++) {
      if (lo[entry] === 0) continue;
      left--;
      if (kid[entry] !== 0) {
        if (pt.sharing?.isShared(kid[entry])) below += unlinkShared(pt, pt.sharing, slot, entry, level);
        else below += clearLeaves(pt, kid[entry], level + 1);
        continue;
      }
      lo[entry] = 0;
      hi[entry] = 0;
      own++;
    }
  }
  if (own === 0) return below;
  live[unit] -= own;
  counters[C.MAPPED_BYTES] -= own * pt.sizes[level];
  counters[C.LEAVES_CLEARED] += own;
  pt.syncTable();
  if (level < LAST_LEVEL) relinkEagerly(pt, slot, slot, pt.tableEntries);
  return own + below;
}

/** Takes the link to a table that other entries point to as well, which must not change: 1, as it stands for leaves. */
function unlinkShared(pt: PageTable, sharing: SharedLinks, table: number, entry: number, level: number): number {
  const { memory } = pt;
  const slot = memory.kid[entry];
  memory.lo[entry] = 0;
  memory.hi[entry] = 0;
  memory.kid[entry] = 0;
  memory.live[unitOf(table)]--;
  pt.syncTable();
  pt.freeSubtree(slot, level + 1);
  sharing.unlinkedUnderPins++;
  return 1;
}
