import { addHi, addLo, TWO_32 } from '../base/u64.ts';

/** Bits of the smallest region that a Mali MMU locks: 32 KiB. */
const MIN_BITS = 15;

/**
 * The region that a Mali address space locks for a range: the smallest naturally aligned power of two that holds it, of at
 * least 32 KiB (panthor_mmu.c:pack_region_range). Results are scratch, valid until the next call.
 */
export class LockRegion {
  /** What is written to LOCKADDR. */
  addressHi = 0;
  addressLo = 0;
  /** The region as software keeps it. At the smallest size its start may lie half a region behind what hardware locks. */
  start = 0;
  size = 0;

  /** Computes the region of `size` (above 0) bytes from `start`; both multiples of 4096, modulo 2^64. */
  pack(start: number, size: number): void {
    const hi = Math.floor(start / TWO_32) >>> 0;
    const lo = start >>> 0;
    // The last byte: what differs from the first one decides how large the block is.
    const lastHi = addHi(hi, lo, size - 1);
    const lastLo = addLo(lo, size - 1);
    const differHi = (hi ^ lastHi) >>> 0;
    const differLo = (lo ^ lastLo) >>> 0;
    const bits = differHi !== 0 ? 64 - Math.clz32(differHi) : 32 - Math.clz32(differLo);
    const width = Math.max(bits, MIN_BITS) - 1;
    const startHi = width >= 32 ? clearBelow(hi, width - 32) : hi;
    const startLo = width >= 32 ? 0 : clearBelow(lo, width);
    this.addressHi = startHi;
    this.addressLo = (startLo | width) >>> 0;
    this.start = startHi * TWO_32 + startLo;
    this.size = 2 ** (width + 1);
  }
}

function clearBelow(half: number, bit: number): number {
  return bit >= 32 ? 0 : ((half >>> bit) << bit) >>> 0;
}
