import { attributeOf, MOST_ATTRIBUTE, PROT_CONTIG, shareOf, softwareOf } from '../../base/extended-prot.ts';
import { EINVAL, type Format, PROT_ALL } from '../../base/vocabulary.ts';
import { isStage2 } from '../format/config.ts';
import {
  ATTRIBUTE_SHIFT,
  INDEX_LO,
  SHARE_LO,
  SHARE_SHIFT,
  SOFTWARE_SHIFT_HI,
  STAGE2_ATTRIBUTE_LO,
} from '../format/descriptor.ts';
import type { TableShape } from '../table/table-shape.ts';

/** The largest attribute index of a register with eight attributes. */
const MOST_INDEX = 7;
/** Bits 9..8 of the three shareabilities. */
const SHARE_BITS = { none: 0, outer: 2, inner: 3 } as const;

/**
 * Where `attributes` of a page table holds what an extended protection asks for, as an index like a protection's own;
 * -EINVAL where its format has no field for that: attribute indices above 7 but in stage 2, the contiguous hint and
 * software bits in Mali's descriptors. What is not given follows from the protection (io-pgtable-arm.c:arm_lpae_prot_to_pte);
 * mappings with arguments of their own are a proposal, the kernel has none.
 */
export function attributeIndex(shape: TableShape, prot: number): number {
  if (!hasFields(shape.config.format, prot)) return -EINVAL;
  // Whether neighbours get the hint is decided where the leaves stand.
  const key = prot & ~PROT_CONTIG;
  if (key <= PROT_ALL) return key;
  const { attributes, extended } = shape;
  const known = extended.get(key);
  if (known !== undefined) return known;
  const index = attributes.length / 2;
  const larger = new Uint32Array(attributes.length + 2);
  larger.set(attributes);
  const plain = prot & PROT_ALL;
  let lo = attributes[2 * plain];
  let hi = attributes[2 * plain + 1];
  const share = shareOf(prot);
  if (share !== null) lo = (lo & ~SHARE_LO) | (SHARE_BITS[share] << SHARE_SHIFT);
  const attribute = attributeOf(prot);
  if (attribute >= 0) {
    const field = isStage2(shape.config.format) ? STAGE2_ATTRIBUTE_LO : INDEX_LO;
    lo = (lo & ~field) | (attribute << ATTRIBUTE_SHIFT);
  }
  hi |= softwareOf(prot) << SOFTWARE_SHIFT_HI;
  larger[2 * index] = lo;
  larger[2 * index + 1] = hi;
  shape.attributes = larger;
  extended.set(key, index);
  return index;
}

/** True when leaves of a format have a field for everything that an extended protection asks for. */
function hasFields(format: Format, prot: number): boolean {
  if (attributeOf(prot) > (isStage2(format) ? MOST_ATTRIBUTE : MOST_INDEX)) return false;
  return format !== 'ARM_MALI_LPAE' || ((prot & PROT_CONTIG) === 0 && softwareOf(prot) === 0);
}
