import { TWO_32 } from '../../base/u64.ts';

/* Ranges of IOVAs against windows of 2^n bytes, aligned to their size: what one table of a level covers. */

/** Windows of `span` bytes, aligned to it, that `size` bytes from an IOVA touch. A power of two up to 2^47. */
export function windows(hi: number, lo: number, size: number, span: number): number {
  return Math.ceil((offsetIn(hi, lo, span) + size) / span);
}

/** Distance of an IOVA from the start of its window of `span` bytes. */
export function offsetIn(hi: number, lo: number, span: number): number {
  // Masks: a remainder of doubles costs as much as all the rest.
  if (span < TWO_32) return (lo & (span - 1)) >>> 0;
  return (hi & (span / TWO_32 - 1)) * TWO_32 + (lo >>> 0);
}

/** Windows at the two ends of a range that it covers in part, one that holds both counted once (panthor_mmu.c:panthor_vm_prepare_unmap_op_ctx). */
export function edges(hi: number, lo: number, size: number, span: number): number {
  const start = offsetIn(hi, lo, span);
  const end = (start + size) / span;
  const last = Math.ceil(end);
  const first = start === 0 ? 0 : 1;
  // Both ends are rounded up: a window that holds the end is another one when it lies behind the rounded start.
  return first + (last !== end && last !== first ? 1 : 0);
}
