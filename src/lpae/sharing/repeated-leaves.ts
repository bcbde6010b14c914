import { TWO_32 } from '../../base/u64.ts';
import { packHi, packLo, TYPE_BLOCK } from '../format/descriptor.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import type { PageTable } from '../page-table.ts';
import { phaseAt, type Repeated } from './repeated.ts';

/** Writes leaves from an offset on, with the addresses of a run that starts anew where it ends; how many. */
export function writeRepeated(
  pt: PageTable,
  what: Repeated,
  first: number,
  count: number,
  level: number,
  offset: number,
): number {
  const { lo, hi } = pt.memory;
  const { length, paddr, attributes } = what;
  const size = pt.sizes[level];
  const attributeLo = pt.attributes[2 * attributes] | (level === LAST_LEVEL ? pt.pageType : TYPE_BLOCK);
  const attributeHi = pt.attributes[2 * attributes + 1];
  let phase = phaseAt(what, offset);
  for (let entry = first; entry < first + count; entry++) {
    const page = paddr + phase;
    const pageHi = Math.floor(page / TWO_32);
    lo[entry] = packLo(pageHi, page >>> 0) | attributeLo;
    hi[entry] = packHi(pageHi) | attributeHi;
    phase += size;
    if (phase >= length) phase -= length;
  }
  return count;
}

/** Entries of a table that are not zero: pages that nobody zeroed may hold more than was written. */
export function entriesInUse(pt: PageTable, slot: number, level: number): number {
  const { lo } = pt.memory;
  let used = 0;
  for (let entry = slot; entry < slot + pt.entriesAt(level); entry++) if (lo[entry] !== 0) used++;
  return used;
}
