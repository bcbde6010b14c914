/** Something that occupies the offsets [start, end). */
export interface Ranged {
  readonly start: number;
  readonly end: number;
}

/**
 * Ranges that may overlap and nest, by their start. With each stands the greatest end so far, so that a look-up begins
 * where the first range that reaches its offset stands: log n steps, and those that overlap.
 */
export class LiveRanges<T extends Ranged> {
  readonly #ranges: T[] = [];
  readonly #reach: number[] = [];

  get size(): number {
    return this.#ranges.length;
  }

  add(range: T): void {
    let at = this.#firstFrom(range.start);
    while (at < this.#ranges.length && this.#ranges[at].start === range.start) at++;
    this.#ranges.splice(at, 0, range);
    this.#reach.splice(at, 0, 0);
    this.#update(at);
  }

  remove(range: T): void {
    let at = this.#firstFrom(range.start);
    while (this.#ranges[at] !== range) at++;
    this.#ranges.splice(at, 1);
    this.#reach.splice(at, 1);
    this.#update(at);
  }

  /** Visits, by ascending start, the ranges that [start, end) meets. */
  forEach(start: number, end: number, visit: (range: T) => void): void {
    const ranges = this.#ranges;
    for (let at = this.#firstReaching(start); at < ranges.length && ranges[at].start < end; at++) {
      if (ranges[at].end > start) visit(ranges[at]);
    }
  }

  /** True when every offset of [start, end) lies in some range, or in one of those that count. */
  covers(start: number, end: number, counts: (range: T) => boolean = () => true): boolean {
    let at = start;
    this.forEach(start, end, (range) => {
      if (range.start <= at && range.end > at && counts(range)) at = range.end;
    });
    return at >= end;
  }

  /** All of them, by ascending start. */
  [Symbol.iterator](): Iterator<T> {
    return this.#ranges[Symbol.iterator]();
  }

  #firstFrom(start: number): number {
    const ranges = this.#ranges;
    return search(ranges.length, (at) => ranges[at].start >= start);
  }

  #firstReaching(start: number): number {
    const reach = this.#reach;
    return search(reach.length, (at) => reach[at] > start);
  }

  /** Mends the ends from `from` on, as far as they change. */
  #update(from: number): void {
    const reach = this.#reach;
    for (let at = from; at < reach.length; at++) {
      const end = this.#ranges[at].end;
      const value = at > 0 && reach[at - 1] > end ? reach[at - 1] : end;
      if (reach[at] === value && at > from) return;
      reach[at] = value;
    }
  }
}

/** The least index below `length` for which `holds`, which then holds for all above; `length` when there is none. */
export function search(length: number, holds: (at: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
