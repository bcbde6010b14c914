/** Where the 64-bit addresses end: an end at or beyond it does not fit a u64. */
const OVERFLOW = 2 ** 64;

/** The bounds of a GPU address space (drm_gpuvm.c:drm_gpuvm_init). Addresses and sizes are doubles. */
export interface VaBounds {
  /** First address, and the bytes from there on; 2^64 bytes from 0 are the whole of the 64-bit addresses. */
  readonly start: number;
  readonly size: number;
  /** The node that the driver keeps for itself, of no bytes where there is none. */
  readonly kernelStart: number;
  readonly kernelSize: number;
}

/**
 * True when a request may touch [address, address + size): its end fits 64 bits, it lies inside of the space and outside
 * of the kernel's node (drm_gpuvm.c:drm_gpuvm_range_valid); if not, a map or unmap gives -EINVAL before its first step.
 * A size of 0 inside of the space is valid. The last page of all 64-bit addresses never is: its end overflows.
 * Ends are compared as distances, so that nothing is lost above 2^53 while addresses are multiples of a page.
 */
export function rangeValid(space: VaBounds, address: number, size: number): boolean {
  if (size >= OVERFLOW - address) return false;
  if (address < space.start || size > space.size - (address - space.start)) return false;
  const kernelSize = space.kernelSize;
  if (kernelSize === 0) return true;
  const behind = address - space.kernelStart;
  return behind >= kernelSize || size <= -behind;
}
