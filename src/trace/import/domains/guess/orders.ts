/** Pages below 4 GiB: dma-iommu allocates there first, from the top down. */
export const LOW_PAGES = 2 ** 20;

/** Order of the power of two that the allocator rounds a size up to. */
export function orderOf(pages: number): number {
  return pages <= 0x80000000 ? 32 - Math.clz32(pages - 1) : Math.ceil(Math.log2(pages));
}

/** Whether a range ends where addresses of some power of two end: there an allocator begins. */
export function isTop(page: number, pages: number): boolean {
  const rounded = page + 2 ** orderOf(pages);
  return isPower(rounded) || isPower(page + pages);
}

function isPower(end: number): boolean {
  if (end < LOW_PAGES) return false;
  return end <= 0x80000000 ? (end & (end - 1)) === 0 : Number.isInteger(Math.log2(end));
}

/** How often a page number can be halved; 52 for 0. */
export function trailingZeros(page: number): number {
  if (page === 0) return 52;
  const low = page % 2 ** 32;
  return low === 0 ? 32 + trailingZeros(page / 2 ** 32) : 31 - Math.clz32(low & -low);
}
