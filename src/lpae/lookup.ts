import { unpackHi, unpackLo } from './format/descriptor.ts';
import { LAST_LEVEL, LEVELS } from './format/geometry.ts';
import type { PageTable } from './page-table.ts';

/**
 * The physical address behind an IOVA (io-pgtable-arm.c:arm_lpae_iova_to_phys). True when mapped; the address is then in
 * `pt.foundHi`/`pt.foundLo`, else these are 0. There is no range check: indices are masked, so addresses above ias alias.
 * On 7.1 the top address 2^64-1 makes the kernel read an uninitialised variable; `pt.undefinedResult` says so.
 */
export function iovaToPhys(pt: PageTable, iovaHi: number, iovaLo: number): boolean {
  if (isUndefined(pt, iovaHi, iovaLo)) {
    pt.undefinedResult = true;
    return notFound(pt);
  }
  pt.undefinedResult = false;
  const table = pt.lastTable(iovaHi, iovaLo);
  if (table === 0) return blockToPhys(pt, iovaHi, iovaLo);
  // Nearly every look-up ends here, in a page: what depends on the level is spared.
  const { lo, hi } = pt.memory;
  const entry = table + pt.pageIndex(iovaLo);
  const pteLo = lo[entry];
  if (pteLo === 0) return notFound(pt);
  pt.foundHi = unpackHi(hi[entry], pteLo, pt.granule64K) >>> 0;
  pt.foundLo = (unpackLo(pteLo, pt.granule64K) | (iovaLo & (pt.granule - 1))) >>> 0;
  return true;
}

/** As `iovaToPhys` where there is no table of the last level. */
function blockToPhys(pt: PageTable, iovaHi: number, iovaLo: number): boolean {
  const { lo, hi, kid } = pt.memory;
  let level = pt.startLevel;
  let entry = pt.root + pt.indexAt(level, iovaHi, iovaLo);
  while (kid[entry] !== 0) {
    const table = kid[entry];
    entry = table + pt.indexAt(++level, iovaHi, iovaLo);
  }
  const pteLo = lo[entry];
  if (pteLo === 0) return notFound(pt);
  // The offset is or-ed in, not added: low address bits of a misaligned block shine through.
  const shift = pt.shifts[level];
  const offsetHi = shift > 32 ? iovaHi & ((1 << (shift - 32)) - 1) : 0;
  const offsetLo = shift >= 32 ? iovaLo : iovaLo & ((1 << shift) - 1);
  pt.foundHi = (unpackHi(hi[entry], pteLo, pt.granule64K) | offsetHi) >>> 0;
  pt.foundLo = (unpackLo(pteLo, pt.granule64K) | offsetLo) >>> 0;
  return true;
}

function notFound(pt: PageTable): boolean {
  pt.foundHi = 0;
  pt.foundLo = 0;
  return false;
}

/** 7.1 walks [iova, iova + 1): the end wraps at the top address and the walk never starts. */
function isUndefined(pt: PageTable, iovaHi: number, iovaLo: number): boolean {
  return (iovaHi & iovaLo) === -1 && pt.config.kernel === '7.1';
}

/** Where a walk went: the entries it read, by level. */
export interface Walk {
  /** Slot of the entry read at each level, -1 where the walk did not come. */
  readonly entries: Int32Array;
  /** Slot of the table at each level, -1 where the walk did not come. */
  readonly tables: Int32Array;
  /** Level of the last entry read. */
  readonly last: number;
  /** The last entry is a leaf; else it is empty. */
  readonly leaf: boolean;
}

/** Every entry on the way to an IOVA, the faulting one included (io-pgtable-arm.c:arm_lpae_pgtable_walk). */
export function walkPageTable(pt: PageTable, iovaHi: number, iovaLo: number): Walk {
  const entries = new Int32Array(LEVELS).fill(-1);
  const tables = new Int32Array(LEVELS).fill(-1);
  pt.undefinedResult = isUndefined(pt, iovaHi, iovaLo);
  if (pt.undefinedResult) return { entries, tables, last: pt.startLevel, leaf: false };
  let table = pt.root;
  for (let level = pt.startLevel; ; level++) {
    const entry = table + pt.indexAt(level, iovaHi, iovaLo);
    entries[level] = entry;
    tables[level] = table;
    const next = pt.memory.kid[entry];
    if (next === 0 || level === LAST_LEVEL) {
      return { entries, tables, last: level, leaf: pt.memory.lo[entry] !== 0 && next === 0 };
    }
    table = next;
  }
}
