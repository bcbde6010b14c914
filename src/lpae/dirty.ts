import { addHi, addLo, compare64, TWO_32 } from '../base/u64.ts';
import { EINVAL } from '../base/vocabulary.ts';
import * as C from './counters.ts';
import { DBM_HI, READ_ONLY_LO } from './format/descriptor.ts';
import { walkPageTable } from './lookup.ts';
import type { PageTable } from './page-table.ts';

/** Receives each dirty leaf: its reported address and its size in bytes. */
export type DirtyRecord = (hi: number, lo: number, size: number) => void;

/**
 * Hardware writes through the leaf at an IOVA: a writable-clean leaf (DBM set, read-only set) turns writable-dirty.
 * True when an entry changed.
 */
export function setDirty(pt: PageTable, iovaHi: number, iovaLo: number): boolean {
  const walk = walkPageTable(pt, iovaHi, iovaLo);
  if (!walk.leaf) return false;
  const { lo, hi } = pt.memory;
  const entry = walk.entries[walk.last];
  if ((hi[entry] & DBM_HI) === 0 || (lo[entry] & READ_ONLY_LO) === 0) return false;
  lo[entry] &= ~READ_ONLY_LO;
  return true;
}

/**
 * Reports the dirty leaves of a range and, with `clear`, makes them clean (io-pgtable-arm.c:arm_lpae_read_and_clear_dirty).
 * Returns 0, or -EINVAL for an empty or too high range, for a format other than 64-bit stage 1 and at the first hole;
 * leaves before the hole are reported and cleared. The address advances by the leaf's size even from an unaligned start,
 * so later reports keep the skew. No cache clean, no invalidation.
 */
export function readDirty(
  pt: PageTable,
  iovaHi: number,
  iovaLo: number,
  size: number,
  clear: boolean,
  record: DirtyRecord,
): number {
  if (size === 0) return pt.refuse(C.WARN_DIRTY_RANGE);
  const lastHi = addHi(iovaHi, iovaLo, size - 1);
  const lastLo = addLo(iovaLo, size - 1);
  if ((lastHi & pt.iovaMaskHi) !== 0 || (lastLo & pt.iovaMaskLo) !== 0) return pt.refuse(C.WARN_DIRTY_RANGE);
  if (pt.config.format !== 'ARM_64_LPAE_S1') return -EINVAL;
  const { memory } = pt;
  const endHi = addHi(iovaHi, iovaLo, size);
  const endLo = addLo(iovaLo, size);
  let hi = iovaHi;
  let lo = iovaLo;

  const visit = (table: number, level: number): number => {
    const entries = pt.entriesAt(level);
    const step = pt.sizes[level];
    for (let index = pt.indexAt(level, hi, lo); index < entries && compare64(hi, lo, endHi, endLo) < 0; index++) {
      const entry = table + index;
      const kid = memory.kid[entry];
      if (kid !== 0) {
        const ret = visit(kid, level + 1);
        if (ret !== 0) return ret;
        continue;
      }
      if (memory.lo[entry] === 0) {
        if (pt.config.kernel === '6.12') pt.warn(C.WARN_DIRTY_HOLE);
        return -EINVAL;
      }
      if ((memory.hi[entry] & DBM_HI) !== 0 && (memory.lo[entry] & READ_ONLY_LO) === 0) {
        record(hi, lo, step);
        if (clear) memory.lo[entry] |= READ_ONLY_LO;
      }
      const sum = lo + step;
      hi = (hi + Math.floor(sum / TWO_32)) >>> 0;
      lo = sum >>> 0;
    }
    return 0;
  };
  return visit(pt.root, pt.startLevel);
}
