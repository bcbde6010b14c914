import { TWO_32 } from '../../../base/u64.ts';

/** Ranges of address spaces are counted in pages of 4K, whatever the granule is. */
const PAGE = 4096;
const PAGES_PER_HI = TWO_32 / PAGE;

/** Number of the page that an address lies in, below 2^52; its halves may be signed. */
export function pageOf(hi: number, lo: number): number {
  return (hi >>> 0) * PAGES_PER_HI + (lo >>> 12);
}

/** Pages that `size` bytes from an address with the low half `lo` lie in. */
export function pagesOf(lo: number, size: number): number {
  return size === 0 ? 0 : Math.ceil(((lo & (PAGE - 1)) + size) / PAGE);
}
