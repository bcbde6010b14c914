import { TWO_32 } from '../base/u64.ts';
import { packHi, packLo } from './format/descriptor.ts';
import type { TableMemory } from './table/memory.ts';
import { FILL_FROM } from './table/table-entries.ts';

// Copies: V8 compiles a module's own constants into the code, but reads imported ones from memory at each use.
const TWO_TO_32 = TWO_32;
const FILL = FILL_FROM;

/** Writes a run of leaves with consecutive output addresses (io-pgtable-arm.c:__arm_lpae_init_pte). */
export function writeLeaves(
  { lo, hi }: TableMemory,
  first: number,
  length: number,
  step: number,
  paddrHi: number,
  paddrLo: number,
  attributeHi: number,
  attributeLo: number,
): void {
  const start = paddrLo >>> 0;
  if (start + step * length <= TWO_TO_32 && (paddrHi & ~0xffff) === 0) {
    // No carry into the high half and no bits above 47: one constant half and one arithmetic progression.
    const constantHi = paddrHi | attributeHi;
    if (length >= FILL) hi.fill(constantHi, first, first + length);
    else for (let i = 0; i < length; i++) hi[first + i] = constantHi;
    const stepLo = step | 0;
    const end = first + length;
    let value = (paddrLo & 0xfffff000) | attributeLo;
    for (let entry = first; entry < end; entry++) {
      lo[entry] = value;
      value = (value + stepLo) | 0;
    }
    return;
  }
  for (let i = 0; i < length; i++) {
    const offset = start + i * step;
    const pageHi = paddrHi + Math.floor(offset / TWO_TO_32);
    lo[first + i] = packLo(pageHi, offset >>> 0) | attributeLo;
    hi[first + i] = packHi(pageHi) | attributeHi;
  }
}
