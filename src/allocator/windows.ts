import { TWO_32 } from '../base/u64.ts';

/* Ranges of IOVAs against windows of 2^n bytes, aligned to their size: what one table of a level covers. */

/** Windows of `span` bytes, aligned to it, that `size` bytes from an IOVA touch. A power of two up to 2^47. */
export function windows(hi: number, lo: number, size: number, span: number): number {
  return Math.ceil((offsetIn(hi, lo, span) + size) / span);
}

/** Distance of an IOVA from the start of its window of `span` bytes. */
export function offsetIn(hi: number, lo: number, span: number): number {
  return span < TWO_32 ? (lo >>> 0) % span : ((hi >>> 0) % (span / TWO_32)) * TWO_32 + (lo >>> 0);
}

/** Windows at the two ends of a range that it covers in part, one that holds both counted once (C.3, panthor-unmap). */
export function edges(hi: number, lo: number, size: number, span: number): number {
  const start = offsetIn(hi, lo, span);
  const end = start + size;
  const first = start === 0 ? 0 : 1;
  // Both ends are rounded up: a window that holds the end is another one when it lies behind the rounded start.
  return first + (end % span !== 0 && Math.ceil(end / span) !== first ? 1 : 0);
}
