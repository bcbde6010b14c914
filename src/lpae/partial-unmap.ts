import { TWO_32 } from '../base/u64.ts';
import { type GatherState, GFP_ATOMIC } from './callbacks.ts';
import * as C from './counters.ts';
import {
  leafType,
  packHi,
  packLo,
  SPLIT_ATTRIBUTES_HI,
  SPLIT_ATTRIBUTES_LO,
  unpackHi,
  unpackLo,
} from './format/descriptor.ts';
import { LEVELS } from './format/geometry.ts';
import type { PageTable } from './page-table.ts';
import { relinkEagerly } from './pinning/kept-tables.ts';
import { NEVER_LINKED } from './pinning/pinning.ts';
import { unitOf } from './table/memory.ts';

/*
 * Unmapping a part of a block. 7.1 refuses it; up to 6.12 the engine replaced the block by a table of smaller leaves
 * (io-pgtable-arm.c:arm_lpae_split_blk_unmap); other engines remove the whole block.
 */

/**
 * Replaces the block at `entry` by a table that maps all of it but `length` entries from index `start`.
 * Returns the slot of the new table, 0 when no table can be had and the block stays.
 */
export function splitBlock(
  pt: PageTable,
  table: number,
  entry: number,
  level: number,
  start: number,
  length: number,
): number {
  const below = level + 1;
  if (below === LEVELS) {
    pt.warn(C.WARN_NO_SUCH_LEVEL);
    return 0;
  }
  const slot = tableForSplit(pt, table, entry, below);
  if (slot === 0) return 0;
  const { memory, counters } = pt;
  const { lo, hi, kid } = memory;
  const since = pt.pinning?.takenSince ?? NEVER_LINKED;
  const entries = pt.tableEntries;
  const step = pt.sizes[below];
  const attributeLo = (lo[entry] & SPLIT_ATTRIBUTES_LO) | leafType(pt.config.format, below);
  const attributeHi = hi[entry] & SPLIT_ATTRIBUTES_HI;
  const blockHi = unpackHi(hi[entry], lo[entry], pt.granule64K);
  const blockLo = unpackLo(lo[entry], pt.granule64K);
  let tablesLeft = 0;
  for (let i = 0; i < entries; i++) {
    if (i >= start && i < start + length) {
      if (kid[slot + i] !== 0) tablesLeft++;
      continue;
    }
    if (kid[slot + i] !== 0) {
      // Only a table that was set aside has tables below it; now smaller blocks stand in their place.
      pt.pinning?.setAside(slot, slot + i, kid[slot + i], since);
      kid[slot + i] = 0;
    }
    const offset = blockLo + i * step;
    const pageHi = blockHi + Math.floor(offset / TWO_32);
    lo[slot + i] = packLo(pageHi, offset >>> 0) | attributeLo;
    hi[slot + i] = packHi(pageHi) | attributeHi;
    // Entries are written one at a time, each with its own cache clean.
    pt.syncTable();
  }
  memory.live[unitOf(slot)] = entries - length + tablesLeft;
  pt.linkTable(table, entry, slot);
  counters[C.BLOCKS_SPLIT]++;
  counters[C.LEAVES_CLEARED]++;
  counters[C.LEAVES_WRITTEN] += entries - length;
  counters[C.MAPPED_BYTES] -= length * step;
  return slot;
}

/** A table below the block at `entry`: the one that was set aside when the block came, else a new one; 0 without memory. */
function tableForSplit(pt: PageTable, table: number, entry: number, level: number): number {
  const pinning = pt.pinning;
  if (pinning !== null) {
    const aside = pinning.take(table, entry);
    if (aside !== 0) {
      pinning.unparks++;
      return aside;
    }
  }
  return pt.allocTable(level, pt.granule, GFP_ATOMIC);
}

/** Clears the whole block at `entry` and returns its size, which may be more than was asked. */
export function removeWholeBlock(
  pt: PageTable,
  table: number,
  entry: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  gather: GatherState | null,
): number {
  const { memory, counters } = pt;
  const size = pt.sizes[level];
  memory.lo[entry] = 0;
  memory.hi[entry] = 0;
  memory.live[unitOf(table)]--;
  counters[C.MAPPED_BYTES] -= size;
  counters[C.LEAVES_CLEARED]++;
  pt.syncTable();
  if (gather !== null && !gather.queued) {
    const shift = pt.shifts[level];
    const baseHi = shift > 32 ? iovaHi & ~((1 << (shift - 32)) - 1) : iovaHi;
    const baseLo = shift >= 32 ? 0 : iovaLo & ~((1 << shift) - 1);
    pt.tlb.addPages(gather, baseHi >>> 0, baseLo >>> 0, size, 1);
  }
  if (pt.pinning !== null) relinkEagerly(pt, table, entry, 1);
  return size;
}
