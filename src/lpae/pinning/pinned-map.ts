import { TWO_32 } from '../../base/u64.ts';
import { EADDRINUSE, EBUSY, EEXIST, ENOMEM } from '../../base/vocabulary.ts';
import { GFP_KERNEL } from '../callbacks.ts';
import * as C from '../counters.ts';
import { TYPE_BLOCK } from '../format/descriptor.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { writeLeaves } from '../leaf-run.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';
import { clearTableEntry, unlinkTable } from '../table/table-entries.ts';
import { clearLeaves, hasLeaf, relink } from './kept-tables.ts';
import type { Pinning } from './pinning.ts';

/**
 * Makes room for a run of blocks where tables may be pinned. Returns 0 when every entry is free, 1 when tables stay
 * in some of them and are to be filled (`writeAround`), or a negative errno: -EEXIST for a leaf, -EBUSY for a pinned
 * table under the policy `refuse`, -EADDRINUSE for leaves below a table under `--over-table refuse`. As in the kernel's
 * own walk, what stood before the entry that fails has gone by then.
 */
export function makeRoom(
  pt: PageTable,
  pinning: Pinning,
  table: number,
  first: number,
  length: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
): number {
  const { memory } = pt;
  const { blockPolicy, overTable } = pinning;
  const size = pt.sizes[level];
  const below = level + 1;
  let stay = 0;
  for (let entry = first; entry < first + length; entry++) {
    const slot = memory.kid[entry];
    if (slot === 0) {
      if (memory.lo[entry] !== 0) {
        if (!pt.noWarn) pt.warn(C.WARN_ALREADY_MAPPED);
        return -EEXIST;
      }
      if (blockPolicy === 'park' || !isPinned(pt, pinning.parkedAt(entry))) continue;
      if (blockPolicy === 'refuse') return refused(pinning, EBUSY);
      relink(pt, table, entry);
      stay = 1;
      continue;
    }
    const pinned = isPinned(pt, slot);
    if (pinned && blockPolicy === 'refuse') return refused(pinning, EBUSY);
    if (overTable === 'refuse' && hasLeaf(pt, slot, below)) return refused(pinning, EADDRINUSE);
    const offset = (iovaLo >>> 0) + (entry - first) * size;
    const hi = (iovaHi + Math.floor(offset / TWO_32)) >>> 0;
    if (!pinned) {
      clearTableEntry(pt, table, entry, level, hi, offset >>> 0, size);
      // The run's own clear of the entry comes after the subtree is gone, with a second cache clean.
      pt.syncTable();
    } else if (blockPolicy === 'park') park(pt, pinning, table, entry, below, hi, offset >>> 0, size);
    else {
      // Stale translations of dropped leaves must go, as they do with the kernel's flush of a replaced table.
      if (clearLeaves(pt, slot, below) > 0) pt.tlb.flushWalk(hi, offset >>> 0, size, pt.granule);
      stay = 1;
    }
  }
  return stay;
}

function refused(pinning: Pinning, errno: number): number {
  pinning.refusals++;
  return -errno;
}

function isPinned(pt: PageTable, slot: number): boolean {
  return slot !== 0 && pt.memory.pins[unitOf(slot)] > 0;
}

/** Takes the table below `entry` out of the tree for the time that a block stands there: cleared, flushed once, kept. */
function park(
  pt: PageTable,
  pinning: Pinning,
  table: number,
  entry: number,
  below: number,
  iovaHi: number,
  iovaLo: number,
  size: number,
): void {
  const slot = unlinkTable(pt, table, entry, iovaHi, iovaLo, size);
  clearLeaves(pt, slot, below);
  pinning.park(table, entry, slot);
}

/**
 * Writes a run of blocks of which some stand as smaller leaves in the tables that stay. 0, or -ENOMEM when such a table
 * lacks one below it that cannot be had; `pt.mapped` holds the bytes of the blocks before.
 */
export function writeAround(
  pt: PageTable,
  table: number,
  first: number,
  length: number,
  level: number,
  paddrHi: number,
  paddrLo: number,
  prot: number,
): number {
  const size = pt.sizes[level];
  let ret = 0;
  let i = 0;
  while (i < length) {
    const { kid } = pt.memory;
    const offset = (paddrLo >>> 0) + i * size;
    const hi = (paddrHi + Math.floor(offset / TWO_32)) | 0;
    const slot = kid[first + i];
    if (slot !== 0) {
      ret = fill(pt, slot, level + 1, hi, offset | 0, prot);
      if (ret !== 0) {
        clearLeaves(pt, slot, level + 1);
        break;
      }
      if (pt.pinning !== null) pt.pinning.splits++;
      i++;
      continue;
    }
    let end = i + 1;
    while (end < length && kid[first + end] === 0) end++;
    writeRun(pt, table, first + i, end - i, level, hi, offset | 0, prot);
    i = end;
  }
  pt.mapped = i * size;
  return ret;
}

/** Maps the whole span of a table that holds no leaf: in the tables that hang below it where there are any. */
function fill(pt: PageTable, table: number, level: number, paddrHi: number, paddrLo: number, prot: number): number {
  const entries = pt.tableEntries;
  if (level === LAST_LEVEL) {
    writeRun(pt, table, table, entries, level, paddrHi, paddrLo, prot);
    return 0;
  }
  const size = pt.sizes[level];
  const isPageSize = pt.acceptsPgsize(size);
  for (let i = 0; i < entries; ) {
    const offset = (paddrLo >>> 0) + i * size;
    const hi = (paddrHi + Math.floor(offset / TWO_32)) | 0;
    let end = i;
    while (isPageSize && end < entries && !hasTable(pt, table + end)) end++;
    if (end > i) {
      writeRun(pt, table, table + i, end - i, level, hi, offset | 0, prot);
      i = end;
      continue;
    }
    const slot = tableBelow(pt, table, table + i, level);
    if (slot === 0) return -ENOMEM;
    const ret = fill(pt, slot, level + 1, hi, offset | 0, prot);
    if (ret !== 0) return ret;
    i++;
  }
  return 0;
}

/** A table stands below the entry, or one is set aside for it that must not be covered. */
function hasTable(pt: PageTable, entry: number): boolean {
  return pt.memory.kid[entry] !== 0 || (pt.pinning !== null && isPinned(pt, pt.pinning.parkedAt(entry)));
}

/** The table below an entry without a leaf, made where it is missing; 0 without memory. */
function tableBelow(pt: PageTable, table: number, entry: number, level: number): number {
  let slot = pt.memory.kid[entry];
  if (slot === 0) slot = relink(pt, table, entry);
  if (slot !== 0) return slot;
  slot = pt.allocTable(level + 1, pt.granule, GFP_KERNEL);
  if (slot !== 0) pt.linkTable(table, entry, slot);
  return slot;
}

/** Writes a run of leaves into free entries of one table, with one cache clean. */
function writeRun(
  pt: PageTable,
  table: number,
  first: number,
  length: number,
  level: number,
  paddrHi: number,
  paddrLo: number,
  prot: number,
): void {
  const { memory, counters } = pt;
  const attributeLo = pt.attributes[2 * prot] | (level === LAST_LEVEL ? pt.pageType : TYPE_BLOCK);
  const attributeHi = pt.attributes[2 * prot + 1];
  writeLeaves(memory, first, length, pt.sizes[level], paddrHi, paddrLo, attributeHi, attributeLo | 0);
  memory.live[unitOf(table)] += length;
  pt.syncTable();
  counters[C.LEAVES_WRITTEN] += length;
  counters[C.MAPPED_BYTES] += length * pt.sizes[level];
  counters[C.MAPPED_BYTES_PEAK] = Math.max(counters[C.MAPPED_BYTES_PEAK], counters[C.MAPPED_BYTES]);
}
