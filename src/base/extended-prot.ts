import { PROT_ALL } from './vocabulary.ts';

/*
 * Mapping arguments beyond the kernel's IOMMU_* bits, packed above them into one integer, so that a protection travels as
 * a number from the trace to the engine: shareability, memory attribute, contiguous hint, software bits. 0: none given.
 */

/** Shareability in words, in the order of their codes; a code of 0 leaves it to the protection. */
export const SHARE_NAMES = ['none', 'outer', 'inner'] as const;
export type ShareName = (typeof SHARE_NAMES)[number];

/** The largest attribute that any format has a field for: the four bits of stage 2. */
export const MOST_ATTRIBUTE = 15;
/** Software bits of a leaf, 56 to 58: the fourth that the architecture leaves to software is the engine's own mark. */
export const SOFTWARE_BITS = 3;
export const MOST_SOFTWARE = 2 ** SOFTWARE_BITS - 1;

const SHARE_AT = 6;
const ATTRIBUTE_AT = 8;
const ATTRIBUTE_MASK = 31;
const SOFTWARE_AT = 13;
const CONTIG_AT = 16;

/** Protection bits of an extended protection, and the hint that neighbouring leaves may share a TLB entry. */
export const PROT_CONTIG = 1 << CONTIG_AT;

/** What a map may ask for beside its protection; what is left out follows from the protection. */
export interface MapArguments {
  /** Shareability of the leaves: `none`, `outer` or `inner`; left out: as the protection has it. */
  readonly sh?: ShareName;
  /** Index into MAIR or MEMATTR, or the stage-2 memory attribute itself. */
  readonly attrIndex?: number;
  /** Give aligned, physically contiguous runs of leaves the contiguous hint. */
  readonly contig?: boolean;
  /** Software bits 58 to 56 of the leaves, 0 to 7. */
  readonly sw?: number;
}

/** Arguments as bits above a protection. */
export function packArguments({ sh, attrIndex, contig, sw }: MapArguments): number {
  return (
    (sh === undefined ? 0 : (SHARE_NAMES.indexOf(sh) + 1) << SHARE_AT) |
    (attrIndex === undefined ? 0 : (attrIndex + 1) << ATTRIBUTE_AT) |
    ((sw ?? 0) << SOFTWARE_AT) |
    (contig === true ? PROT_CONTIG : 0)
  );
}

/** The arguments in an extended protection, those alone that were given. */
export function unpackArguments(prot: number): MapArguments {
  const share = shareOf(prot);
  const attribute = attributeOf(prot);
  const software = softwareOf(prot);
  return {
    ...(share === null ? {} : { sh: share }),
    ...(attribute < 0 ? {} : { attrIndex: attribute }),
    ...((prot & PROT_CONTIG) === 0 ? {} : { contig: true }),
    ...(software === 0 ? {} : { sw: software }),
  };
}

/** True when a protection says more than IOMMU_* bits. */
export function isExtended(prot: number): boolean {
  return prot > PROT_ALL;
}

/** Null: as the protection has it. */
export function shareOf(prot: number): ShareName | null {
  const code = (prot >>> SHARE_AT) & 3;
  return code === 0 ? null : SHARE_NAMES[code - 1];
}

/** -1: as the protection has it. */
export function attributeOf(prot: number): number {
  return ((prot >>> ATTRIBUTE_AT) & ATTRIBUTE_MASK) - 1;
}

export function softwareOf(prot: number): number {
  return (prot >>> SOFTWARE_AT) & MOST_SOFTWARE;
}
