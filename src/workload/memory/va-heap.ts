import { usageError } from '../../base/errors.ts';

/** The VAs of all workloads: from 4 GiB (where msm's VM begins) to 512 GiB (an L1 table's span, and within pvr's 40 bits). */
export const VA_START = 2 ** 32;
export const VA_END = 2 ** 39;

/**
 * A user-space VA heap: first fit, lowest address first; freed ranges grow together. Addresses and sizes are doubles, multiples of 4096
 * bytes.
 */
export class VaHeap {
  /** Holes in ascending order, never touching. */
  readonly #starts: number[] = [VA_START];
  readonly #ends: number[] = [VA_END];

  /** The lowest free range of `size` bytes at a multiple of `align` (a power of two). Throws a usage error when there is none. */
  allocate(size: number, align: number): number {
    for (let i = 0; i < this.#starts.length; i++) {
      const start = Math.ceil(this.#starts[i] / align) * align;
      if (start + size <= this.#ends[i]) {
        this.#take(i, start, start + size);
        return start;
      }
    }
    throw usageError('gen: these parameters need more than the 508 GiB of VA that there are; take less');
  }

  free(start: number, size: number): void {
    const end = start + size;
    // The first hole above.
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] < start) low = middle + 1;
      else high = middle;
    }
    const joinsBelow = low > 0 && this.#ends[low - 1] === start;
    const joinsAbove = low < this.#starts.length && this.#starts[low] === end;
    if (joinsBelow && joinsAbove) {
      this.#ends[low - 1] = this.#ends[low];
      this.#starts.splice(low, 1);
      this.#ends.splice(low, 1);
    } else if (joinsBelow) this.#ends[low - 1] = end;
    else if (joinsAbove) this.#starts[low] = start;
    else {
      this.#starts.splice(low, 0, start);
      this.#ends.splice(low, 0, end);
    }
  }

  /** Cuts [start, end) out of hole `i`. */
  #take(i: number, start: number, end: number): void {
    const before = this.#starts[i] < start;
    const after = end < this.#ends[i];
    if (before && after) {
      this.#starts.splice(i + 1, 0, end);
      this.#ends.splice(i, 0, start);
    } else if (before) this.#ends[i] = start;
    else if (after) this.#starts[i] = end;
    else {
      this.#starts.splice(i, 1);
      this.#ends.splice(i, 1);
    }
  }
}
