import {
  type Format,
  PROT_ALL,
  PROT_CACHE,
  PROT_MMIO,
  PROT_NOEXEC,
  PROT_PRIV,
  PROT_READ,
  PROT_WRITE,
} from '../../base/vocabulary.ts';
import { isStage2, type PgtableConfig } from './config.ts';

/*
 * One 64-bit descriptor as two halves. Bits below are named once here; nothing else in the engine knows a bit number
 * (io-pgtable-arm.c, ARM_LPAE_PTE_*; Arm ARM D8.3).
 */
export const TYPE_BLOCK = 1;
export const TYPE_TABLE = 3;
export const TYPE_PAGE = 3;
export const ADDRESS_LO_MASK = 0xfffff000;
export const ADDRESS_HI_MASK = 0x0000ffff;
export const READ_ONLY_LO = 1 << 7;
export const UNPRIVILEGED_LO = 1 << 6;
export const NON_SECURE_LO = 1 << 5;
export const ACCESS_FLAG_LO = 1 << 10;
export const NOT_GLOBAL_LO = 1 << 11;
/** Position of the two shareability bits. */
export const SHARE_SHIFT = 8;
export const SHARE_LO = 3 << SHARE_SHIFT;
const SHARE_OUTER_LO = 2 << 8;
const SHARE_INNER_LO = 3 << 8;
/** Attribute index of stage 1 and Mali, memory attribute of stage 2. */
export const ATTRIBUTE_SHIFT = 2;
export const INDEX_LO = 7 << ATTRIBUTE_SHIFT;
export const STAGE2_ATTRIBUTE_LO = 0xf << ATTRIBUTE_SHIFT;
const INDEX_CACHED_LO = 1 << 2;
const INDEX_DEVICE_LO = 2 << 2;
/** Stage 2 and Mali carry their permissions in the same two bits. */
export const STAGE2_READ_LO = 1 << 6;
export const STAGE2_WRITE_LO = 2 << 6;
const STAGE2_WRITE_BACK_LO = 0xf << 2;
const STAGE2_FWB_WRITE_BACK_LO = 0x6 << 2;
const STAGE2_NON_CACHED_LO = 0x5 << 2;
const STAGE2_DEVICE_LO = 0x1 << 2;
/** Bit 51: the hardware may turn a read-only entry writable (dirty bit modifier). */
export const DBM_HI = 1 << 19;
export const EXECUTE_NEVER_HI = 3 << 21;
/** Bit 52: this leaf and its neighbours of an aligned run translate as one, so that one TLB entry may hold them all. */
export const CONTIG_HI = 1 << 20;
/** Bits 58..56: left to software. */
export const SOFTWARE_SHIFT_HI = 24;
export const SOFTWARE_HI = 7 << SOFTWARE_SHIFT_HI;
/** Bit 55: software's mark that a table entry has reached memory; only in the CPU's view, only when walks do not snoop. */
export const SW_SYNC_HI = 1 << 23;
/** Bit 63 of a table entry. */
export const NS_TABLE_HI = 0x80000000;
/** What a block hands to the pages it is split into: bits 2..11 (io-pgtable-arm.c:iopte_prot, 6.12). */
export const SPLIT_ATTRIBUTES_LO = 0xffc;
export const SPLIT_ATTRIBUTES_HI = EXECUTE_NEVER_HI | DBM_HI;

/** Attribute halves of a leaf for each of the 64 protections, at `2 * prot` (low) and `2 * prot + 1` (high). */
export type AttributeTable = Uint32Array;

/** Builds the table of leaf attributes, without type bits and address (io-pgtable-arm.c:arm_lpae_prot_to_pte). */
export function attributeTable(config: Pick<PgtableConfig, 'format' | 'quirks'>): AttributeTable {
  const table = new Uint32Array(2 * (PROT_ALL + 1));
  const hardwareDirty = config.quirks.includes('HD');
  const nonSecure = config.quirks.includes('NS');
  const forceWriteBack = config.quirks.includes('S2FWB');
  for (let prot = 0; prot <= PROT_ALL; prot++) {
    let lo = 0;
    let hi = (prot & PROT_NOEXEC) !== 0 ? EXECUTE_NEVER_HI : 0;
    const cached = (prot & PROT_CACHE) !== 0;
    const device = (prot & PROT_MMIO) !== 0;
    const stage1 = !isStage2(config.format) && config.format !== 'ARM_MALI_LPAE';
    if (stage1) {
      lo |= NOT_GLOBAL_LO;
      if ((prot & PROT_WRITE) === 0 && (prot & PROT_READ) !== 0) lo |= READ_ONLY_LO;
      else if (hardwareDirty) hi |= DBM_HI;
      if ((prot & PROT_PRIV) === 0) lo |= UNPRIVILEGED_LO;
      if (nonSecure) lo |= NON_SECURE_LO;
    } else {
      if ((prot & PROT_READ) !== 0) lo |= STAGE2_READ_LO;
      if ((prot & PROT_WRITE) !== 0) lo |= STAGE2_WRITE_LO;
    }
    if (isStage2(config.format)) {
      if (device) lo |= STAGE2_DEVICE_LO;
      else if (cached) lo |= forceWriteBack ? STAGE2_FWB_WRITE_BACK_LO : STAGE2_WRITE_BACK_LO;
      else lo |= STAGE2_NON_CACHED_LO;
    } else {
      if (device) lo |= INDEX_DEVICE_LO;
      else if (cached) lo |= INDEX_CACHED_LO;
    }
    // Mali's own outer shareable means inner and outer; CACHE decides elsewhere, for MMIO too.
    lo |= cached && config.format !== 'ARM_MALI_LPAE' ? SHARE_INNER_LO : SHARE_OUTER_LO;
    if (config.format !== 'ARM_MALI_LPAE') lo |= ACCESS_FLAG_LO;
    table[2 * prot] = lo;
    table[2 * prot + 1] = hi;
  }
  return table;
}

/** Type bits of a leaf at `level`: Mali writes 1 everywhere, the others 3 at the last level (arm_lpae: __arm_lpae_init_pte). */
export function leafType(format: Format, level: number): number {
  return level === 3 && format !== 'ARM_MALI_LPAE' ? TYPE_PAGE : TYPE_BLOCK;
}

/** Low half of an encoded output address: bits 51..48 travel in bits 15..12 (paddr_to_iopte). */
export function packLo(hi: number, lo: number): number {
  return ((lo | (hi >>> 4)) & ADDRESS_LO_MASK) >>> 0;
}

/** High half of an encoded output address. */
export function packHi(hi: number): number {
  return hi & ADDRESS_HI_MASK;
}

/**
 * Low half of the address in a descriptor (iopte_to_paddr); a 64K granule keeps bits 51..48 in bits 15..12. Compared with a
 * constant: V8 does not know that what comes from a field can only be true or false.
 */
export function unpackLo(lo: number, granule64K: boolean): number {
  return (granule64K === true ? lo & 0xffff0000 : lo & ADDRESS_LO_MASK) >>> 0;
}

/** High half of the address in a descriptor. */
export function unpackHi(hi: number, lo: number, granule64K: boolean): number {
  const plain = hi & ADDRESS_HI_MASK;
  return granule64K === true ? plain | (((lo >>> 12) & 0xf) << 16) : plain;
}
