import { addHi, addLo, compare64, TWO_32 } from '../base/u64.ts';
import { EINVAL } from '../base/vocabulary.ts';
import * as C from './counters.ts';
import { runEntries, runStart } from './extended/extended-contig.ts';
import { CONTIG_HI, DBM_HI, READ_ONLY_LO } from './format/descriptor.ts';
import { walkPageTable } from './lookup.ts';
import type { PageTable } from './page-table.ts';

/**
 * Receives each dirty leaf: its reported address and its size in bytes. `ambiguous`: tables on the way to it are shared, so
 * that hardware wrote at this address or at another that the same leaf stands for.
 */
export type DirtyRecord = (hi: number, lo: number, size: number, ambiguous: boolean) => void;

/** True when hardware has written through the leaf at `entry`. */
export function isDirty(pt: PageTable, entry: number): boolean {
  const { lo, hi } = pt.memory;
  return (hi[entry] & DBM_HI) !== 0 && (lo[entry] & READ_ONLY_LO) === 0;
}

/**
 * Hardware writes through the leaf at an IOVA: a writable-clean leaf (DBM set, read-only set) turns writable-dirty. Leaves
 * with the contiguous hint turn as a whole run, which is all that one TLB entry for it can tell. True when an entry changed.
 */
export function setDirty(pt: PageTable, iovaHi: number, iovaLo: number): boolean {
  const walk = walkPageTable(pt, iovaHi, iovaLo);
  if (!walk.leaf) return false;
  const { lo, hi } = pt.memory;
  const entry = walk.entries[walk.last];
  if ((hi[entry] & DBM_HI) === 0 || (lo[entry] & READ_ONLY_LO) === 0) return false;
  if ((hi[entry] & CONTIG_HI) === 0) lo[entry] &= ~READ_ONLY_LO;
  else {
    const first = runStart(pt, walk.tables[walk.last], entry, walk.last);
    for (let at = first; at < first + runEntries(pt, walk.last); at++) lo[at] &= ~READ_ONLY_LO;
  }
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
  if (clear) pt.guard?.beforeClean(iovaHi, iovaLo, size);
  const { sharing } = pt;
  // A leaf that stands for several addresses is reported at each of them before it turns clean.
  const shared = new Set<number>();

  const known = new Map<number, boolean>();
  /** True when no leaf below a shared table is dirty, so that none of the addresses that it stands for has to be looked at. */
  const isClean = (table: number): boolean => {
    const found = known.get(table);
    if (found !== undefined) return found;
    let clean = true;
    for (let entry = table; clean && entry < table + pt.tableEntries; entry++) {
      const kid = memory.kid[entry];
      clean = kid === 0 ? !isDirty(pt, entry) : isClean(kid);
    }
    known.set(table, clean);
    return clean;
  };

  const visit = (table: number, level: number, ambiguous: boolean): number => {
    const entries = pt.entriesAt(level);
    const step = pt.sizes[level];
    for (let index = pt.indexAt(level, hi, lo); index < entries && compare64(hi, lo, endHi, endLo) < 0; index++) {
      const entry = table + index;
      const kid = memory.kid[entry];
      if (kid !== 0) {
        const below = ambiguous || sharing?.isShared(kid) === true;
        if (below && startsAt(pt, level, hi, lo) && endsBefore(hi, lo, step, endHi, endLo) && isClean(kid)) {
          const sum = lo + step;
          hi = (hi + Math.floor(sum / TWO_32)) >>> 0;
          lo = sum >>> 0;
          continue;
        }
        const ret = visit(kid, level + 1, below);
        if (ret !== 0) return ret;
        continue;
      }
      if (memory.lo[entry] === 0) {
        if (pt.config.kernel === '6.12') pt.warn(C.WARN_DIRTY_HOLE);
        return -EINVAL;
      }
      if (isDirty(pt, entry)) {
        record(hi, lo, step, ambiguous);
        if (ambiguous && clear) shared.add(entry);
        else if (clear) memory.lo[entry] |= READ_ONLY_LO;
      }
      const sum = lo + step;
      hi = (hi + Math.floor(sum / TWO_32)) >>> 0;
      lo = sum >>> 0;
    }
    return 0;
  };
  const ret = visit(pt.root, pt.startLevel, false);
  for (const entry of shared) memory.lo[entry] |= READ_ONLY_LO;
  return ret;
}

/** True when an IOVA is the first that an entry of `level` translates. */
function startsAt(pt: PageTable, level: number, hi: number, lo: number): boolean {
  const shift = pt.shifts[level];
  return shift < 32 ? (lo & ((1 << shift) - 1)) === 0 : lo === 0 && (hi & ((1 << (shift - 32)) - 1)) === 0;
}

/** True when `size` bytes from an IOVA end at the exclusive end of a range or before it. */
function endsBefore(hi: number, lo: number, size: number, endHi: number, endLo: number): boolean {
  return compare64(addHi(hi, lo, size), addLo(lo, size), endHi, endLo) <= 0;
}
