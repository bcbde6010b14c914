import { EADDRINUSE } from '../../../src/base/vocabulary.ts';

export interface ShadowLeaf {
  readonly start: number;
  readonly size: number;
  readonly paddr: number;
}

/**
 * What is mapped, as a plain map from first addresses to leaves: the oracle of the generic engine, from the words of its
 * documentation. It knows no table.
 */
export class ShadowMap {
  readonly leaves = new Map<number, ShadowLeaf>();
  readonly #sizes: readonly number[];

  /** `sizes`: page sizes that leaves may have, the smallest first. */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
  }

  map(iova: number, paddr: number, size: number): number {
    if (this.leafAt(iova) !== null) return -EADDRINUSE;
    for (let at = iova; at < iova + size; at += this.#sizes[0]) if (this.leaves.has(at)) return -EADDRINUSE;
    let done = 0;
    while (done < size) {
      const best = bestPageSize(this.#sizes, iova + done, paddr + done, size - done);
      this.leaves.set(iova + done, { start: iova + done, size: best, paddr: paddr + done });
      done += best;
    }
    return 0;
  }

  /** Whole leaves from `iova` on, to the first hole, while they begin in the range. */
  unmap(iova: number, size: number): number {
    let at = iova;
    for (;;) {
      const leaf = this.leaves.get(at);
      if (leaf === undefined || at >= iova + size) return at - iova;
      this.leaves.delete(at);
      at += leaf.size;
    }
  }

  /** The leaf that covers an address. */
  leafAt(at: number): ShadowLeaf | null {
    for (const size of this.#sizes) {
      const leaf = this.leaves.get(at - (at % size));
      if (leaf !== undefined && leaf.size === size) return leaf;
    }
    return null;
  }
}

/** The largest page whose multiples both addresses are and that the bytes hold: tried one after the other. */
export function bestPageSize(sizes: readonly number[], iova: number, paddr: number, bytes: number): number {
  let best = 0;
  for (const size of sizes) {
    if (iova % size === 0 && paddr % size === 0 && size <= bytes) best = size;
  }
  return best;
}
