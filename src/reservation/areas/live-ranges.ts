/** Something that occupies the offsets [start, end). */
export interface Ranged {
  readonly start: number;
  readonly end: number;
}

/** Ranges of one chunk at most. */
const CHUNK = 256;

/** Neighbours of an order; with each stands the greatest end of those up to it in the chunk. */
interface Chunk<T> {
  readonly ranges: T[];
  readonly reach: number[];
}

/**
 * Ranges that may overlap and nest, by their start and, of one start, in the order of their coming; kept in chunks, so that
 * many of them cost no more than few. With each chunk, and within it with each range, stands the greatest end so far: a look-up
 * begins where the first range that reaches its offset stands, log n steps, and those that overlap.
 */
export class LiveRanges<T extends Ranged> {
  /** None of them is empty. */
  readonly #chunks: Chunk<T>[] = [];
  /** By chunk: the greatest end up to its end. */
  readonly #reach: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(range: T): void {
    const chunks = this.#chunks;
    this.#size++;
    if (chunks.length === 0) {
      chunks.push({ ranges: [range], reach: [range.end] });
      this.#reach.push(range.end);
      return;
    }
    const c = Math.max(0, search(chunks.length, (at) => chunks[at].ranges[0].start > range.start) - 1);
    const chunk = chunks[c];
    const { ranges } = chunk;
    const at = search(ranges.length, (i) => ranges[i].start > range.start);
    ranges.splice(at, 0, range);
    chunk.reach.splice(at, 0, 0);
    mend(chunk, at);
    if (ranges.length > CHUNK) {
      const upper: Chunk<T> = { ranges: ranges.splice(CHUNK / 2), reach: [] };
      chunk.reach.length = CHUNK / 2;
      mend(upper, 0);
      chunks.splice(c + 1, 0, upper);
      this.#reach.splice(c + 1, 0, 0);
      this.#mendReach(c, 2);
    } else this.#mendReach(c, 1);
  }

  remove(range: T): void {
    const chunks = this.#chunks;
    // Of one start the first may stand at the end of a chunk.
    let c = Math.max(0, search(chunks.length, (at) => chunks[at].ranges[0].start >= range.start) - 1);
    let at = chunks[c].ranges.indexOf(range);
    while (at < 0) at = chunks[++c].ranges.indexOf(range);
    const chunk = chunks[c];
    this.#size--;
    if (chunk.ranges.length === 1) {
      chunks.splice(c, 1);
      this.#reach.splice(c, 1);
      this.#mendReach(c, 1);
      return;
    }
    chunk.ranges.splice(at, 1);
    chunk.reach.splice(at, 1);
    mend(chunk, at);
    this.#mendReach(c, 1);
  }

  /** Visits, by ascending start, the ranges that [start, end) meets. */
  forEach(start: number, end: number, visit: (range: T) => void): void {
    const reached = this.#reach;
    const chunks = this.#chunks;
    let c = search(reached.length, (at) => reached[at] > start);
    if (c === chunks.length) return;
    const { reach } = chunks[c];
    for (let at = search(reach.length, (i) => reach[i] > start); c < chunks.length; c++, at = 0) {
      const { ranges } = chunks[c];
      for (; at < ranges.length; at++) {
        if (ranges[at].start >= end) return;
        if (ranges[at].end > start) visit(ranges[at]);
      }
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
  *[Symbol.iterator](): Iterator<T> {
    for (const { ranges } of this.#chunks) yield* ranges;
  }

  /** Mends the greatest ends of `least` chunks from `from` on, and of those behind them as far as they change. */
  #mendReach(from: number, least: number): void {
    const reached = this.#reach;
    for (let c = from; c < reached.length; c++) {
      const { reach } = this.#chunks[c];
      const value = Math.max(c > 0 ? reached[c - 1] : 0, reach[reach.length - 1]);
      if (reached[c] === value && c >= from + least) return;
      reached[c] = value;
    }
  }
}

/** Mends the greatest ends within a chunk from `from` on, as far as they change. */
function mend<T extends Ranged>({ ranges, reach }: Chunk<T>, from: number): void {
  for (let at = from; at < ranges.length; at++) {
    const { end } = ranges[at];
    const value = at > 0 && reach[at - 1] > end ? reach[at - 1] : end;
    if (reach[at] === value && at > from) return;
    reach[at] = value;
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
