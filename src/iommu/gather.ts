import { addHi, addLo, compare64 } from '../base/u64.ts';
import type { GatherState } from '../lpae/callbacks.ts';

const ALL_ONES = 0xffffffff;

/** `struct iommu_iotlb_gather`: the range that one invalidation will cover. Empty is start = 2^64-1, end = 0. */
export class Gather implements GatherState {
  startHi = ALL_ONES;
  startLo = ALL_ONES;
  // All ones until the reset below, so that V8 keeps every half as a double from the start.
  endHi = ALL_ONES;
  endLo = ALL_ONES;
  /** Size of the gathered pages, 0 when none were added. */
  pgsize = 0;
  queued = false;

  constructor() {
    this.reset();
  }

  /** Forgets the range, and the queued mark with it (iommu_iotlb_gather_init). */
  reset(): void {
    this.startHi = ALL_ONES;
    this.startLo = ALL_ONES;
    this.endHi = 0;
    this.endLo = 0;
    this.pgsize = 0;
    this.queued = false;
  }

  /**
   * The common case of adding pages without arithmetic over both halves: the first pages of an empty gather, or more of
   * the same size right behind the last. False when it is something else, and then nothing has changed.
   */
  append(hi: number, lo: number, size: number, count: number): boolean {
    const last = lo + size * count - 1;
    // Stays away from the end of the low half, where additions carry, and so from 2^64, where they wrap.
    if (last >= ALL_ONES) return false;
    if (this.pgsize !== size) {
      if (this.pgsize !== 0 || this.endLo !== 0 || this.endHi !== 0) return false;
      this.startHi = hi;
      this.startLo = lo;
      this.endHi = hi;
      this.pgsize = size;
    } else if (this.endHi !== hi || this.endLo + 1 !== lo) return false;
    this.endLo = last;
    return true;
  }

  /** True when start < end, which is what 7.1 asks before it calls the driver. */
  get nonEmpty(): boolean {
    return this.startHi < this.endHi || (this.startHi === this.endHi && this.startLo < this.endLo);
  }

  /** Widens the range (iommu_iotlb_gather_add_range). `size` in bytes, above 0. */
  addRange(hi: number, lo: number, size: number): void {
    const lastHi = addHi(hi, lo, size - 1);
    const lastLo = addLo(lo, size - 1);
    if (compare64(hi, lo, this.startHi, this.startLo) < 0) {
      this.startHi = hi;
      this.startLo = lo;
    }
    if (compare64(lastHi, lastLo, this.endHi, this.endLo) > 0) {
      this.endHi = lastHi;
      this.endLo = lastLo;
    }
  }

  /** Neither overlapping nor adjacent, modulo 2^64: at the very top the arithmetic wraps (iommu_iotlb_gather_is_disjoint). */
  isDisjoint(hi: number, lo: number, size: number): boolean {
    if (this.endHi === 0 && this.endLo === 0) return false;
    const nextHi = addHi(hi, lo, size);
    const nextLo = addLo(lo, size);
    if (compare64(nextHi, nextLo, this.startHi, this.startLo) < 0) return true;
    return compare64(hi, lo, addHi(this.endHi, this.endLo, 1), addLo(this.endLo, 1)) > 0;
  }
}
