import { distance64 } from '../../base/u64.ts';

/** A range whose tables were unlinked. */
export interface Unlink {
  /** The tick, and the tick at which the operation that did it ended, where it is known to have taken time. */
  readonly at: number;
  readonly end: number;
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  /** The tables. */
  readonly pages: readonly unknown[];
}

/** Unlinks remembered: powers of two. Those of a block are passed over at once. */
const KEPT = 2048;
const BLOCK = 64;
/** Tables remembered with them. */
const PAGES_KEPT = 65_536;

/** The last unlinks of an address space, for those who turn out later to have been under way at the time. */
export class UnlinkLog<T extends Unlink> {
  readonly #ring: (T | null)[] = [];
  /** The latest end in each block of the ring, or more. */
  readonly #ends = new Float64Array(KEPT / BLOCK).fill(Number.NEGATIVE_INFINITY);
  /** Unlinks so far, those of them that are forgotten, and the tables of the others. */
  #count = 0;
  #forgotten = 0;
  #pages = 0;
  /** Tick of the last unlink. */
  last = Number.NEGATIVE_INFINITY;

  /** Unlinks come in the order of their ticks. */
  add(unlink: T): void {
    this.#pages += unlink.pages.length;
    while (this.#count - this.#forgotten >= KEPT || (this.#pages > PAGES_KEPT && this.#forgotten < this.#count)) {
      this.#forget();
    }
    const slot = this.#count++ % KEPT;
    this.#ring[slot] = unlink;
    this.last = unlink.at;
    const block = Math.floor(slot / BLOCK);
    if (slot % BLOCK !== BLOCK - 1) this.#ends[block] = Math.max(this.#ends[block], unlink.end);
    else {
      const ends = this.#ring.slice(slot - BLOCK + 1, slot + 1).map((one) => one?.end ?? Number.NEGATIVE_INFINITY);
      this.#ends[block] = Math.max(...ends);
    }
  }

  /** How many unlinks that ended after the tick `time` have a byte in common with `size` bytes from an IOVA. */
  endedSince(time: number, hi: number, lo: number, size: number): number {
    let count = 0;
    for (let block = 0; block < this.#ends.length; block++) {
      if (this.#ends[block] <= time) continue;
      for (let slot = block * BLOCK; slot < (block + 1) * BLOCK && slot < this.#ring.length; slot++) {
        const unlink = this.#ring[slot];
        if (unlink !== null && unlink.end > time && meets(unlink, hi, lo, size)) count++;
      }
    }
    return count;
  }

  /** Visits the unlinks after the tick `time`, the last one first. */
  forEachAfter(time: number, visit: (unlink: T) => void): void {
    for (let n = this.#count - 1; n >= this.#forgotten; n--) {
      const unlink = this.#ring[n % KEPT];
      if (unlink === null || unlink.at <= time) return;
      visit(unlink);
    }
  }

  clear(): void {
    while (this.#forgotten < this.#count) this.#forget();
  }

  #forget(): void {
    const slot = this.#forgotten++ % KEPT;
    this.#pages -= this.#ring[slot]?.pages.length ?? 0;
    this.#ring[slot] = null;
  }
}

function meets(range: Unlink, hi: number, lo: number, size: number): boolean {
  const distance = distance64(hi >>> 0, lo >>> 0, range.iovaHi, range.iovaLo);
  return distance < range.size && -distance < size;
}
