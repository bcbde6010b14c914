const CAPACITY = 256;

/** Hears of the items of a map: one more segment has it, or one less. */
export interface SegmentHolder {
  hold(item: number): void;
  drop(item: number): void;
}

class Chunk {
  length = 0;
  readonly start = new Float64Array(CAPACITY);
  readonly end = new Float64Array(CAPACITY);
  readonly item = new Int32Array(CAPACITY);

  insert(at: number, start: number, end: number, item: number): void {
    const { length } = this;
    if (at < length) {
      this.start.copyWithin(at + 1, at, length);
      this.end.copyWithin(at + 1, at, length);
      this.item.copyWithin(at + 1, at, length);
    }
    this.start[at] = start;
    this.end[at] = end;
    this.item[at] = item;
    this.length++;
  }

  remove(at: number): void {
    const { length } = this;
    if (at < length - 1) {
      this.start.copyWithin(at, at + 1, length);
      this.end.copyWithin(at, at + 1, length);
      this.item.copyWithin(at, at + 1, length);
    }
    this.length--;
  }

  /** Moves the upper half to a new chunk. */
  halve(): Chunk {
    const half = this.length >> 1;
    const upper = new Chunk();
    upper.start.set(this.start.subarray(half, this.length));
    upper.end.set(this.end.subarray(half, this.length));
    upper.item.set(this.item.subarray(half, this.length));
    upper.length = this.length - half;
    this.length = half;
    return upper;
  }
}

/** Which item each number belongs to: disjoint segments [start, end) in ascending order, kept in chunks. */
export class SegmentMap {
  readonly #holder: SegmentHolder;
  readonly #chunks: Chunk[] = [];
  /** Place of the last search: a chunk, and a segment in it. */
  #chunk = 0;
  #at = 0;
  /** What was searched for, while nothing has changed since; else NaN. */
  #found = Number.NaN;

  constructor(holder: SegmentHolder) {
    this.#holder = holder;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Visits the segments that meet [start, end), whole; false from `visit` ends it. Nothing may be changed meanwhile. */
  each(start: number, end: number, visit: (item: number, start: number, end: number) => boolean): void {
    this.#find(start);
    let at = this.#at;
    for (let c = this.#chunk; c < this.#chunks.length; c++, at = 0) {
      const chunk = this.#chunks[c];
      for (; at < chunk.length; at++) {
        if (chunk.start[at] >= end) return;
        if (!visit(chunk.item[at], chunk.start[at], chunk.end[at])) return;
      }
    }
  }

  /** The item that a number belongs to; -1: none. */
  at(place: number): number {
    this.#find(place);
    const chunk = this.#chunks[this.#chunk];
    return chunk !== undefined && chunk.start[this.#at] <= place ? chunk.item[this.#at] : -1;
  }

  /** From now on [start, end) belongs to an item, whatever it belonged to. */
  assign(start: number, end: number, item: number): void {
    if (start >= end) return;
    this.#holder.hold(item);
    this.#find(start);
    const chunk = this.#chunks[this.#chunk];
    if (chunk !== undefined && chunk.start[this.#at] === start && chunk.end[this.#at] === end) {
      this.#holder.drop(chunk.item[this.#at]);
      chunk.item[this.#at] = item;
      return;
    }
    this.#erase(start, end);
    this.#insert(start, end, item);
  }

  /** From now on [start, end) belongs to nobody. */
  remove(start: number, end: number): void {
    if (start >= end) return;
    this.#find(start);
    this.#erase(start, end);
  }

  clear(): void {
    for (const chunk of this.#chunks) for (let at = 0; at < chunk.length; at++) this.#holder.drop(chunk.item[at]);
    this.#chunks.length = 0;
    this.#found = Number.NaN;
  }

  /** Stands at the first segment that ends behind `place`, or behind all of them. */
  #find(place: number): void {
    if (place === this.#found) return;
    this.#found = place;
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = chunks[middle];
      if (chunk.end[chunk.length - 1] > place) high = middle;
      else low = middle + 1;
    }
    this.#chunk = low;
    this.#at = 0;
    if (low === chunks.length) return;
    const { end, length } = chunks[low];
    let from = 0;
    let to = length - 1;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (end[middle] > place) to = middle;
      else from = middle + 1;
    }
    this.#at = from;
  }

  /** Takes [start, end) from whoever has it, from the place of the search on; the place is then where it would be put. */
  #erase(start: number, end: number): void {
    this.#found = Number.NaN;
    for (;;) {
      const chunk = this.#chunks[this.#chunk];
      if (chunk === undefined) return;
      const at = this.#at;
      if (at === chunk.length) {
        this.#chunk++;
        this.#at = 0;
        continue;
      }
      if (chunk.start[at] >= end) return;
      if (chunk.start[at] < start) {
        const rest = chunk.end[at];
        chunk.end[at] = start;
        this.#at++;
        if (rest > end) {
          this.#holder.hold(chunk.item[at]);
          this.#insert(end, rest, chunk.item[at]);
          return;
        }
      } else if (chunk.end[at] > end) {
        chunk.start[at] = end;
        return;
      } else {
        this.#holder.drop(chunk.item[at]);
        chunk.remove(at);
        if (chunk.length === 0) {
          this.#chunks.splice(this.#chunk, 1);
          this.#at = 0;
        }
      }
    }
  }

  /** Puts a segment where the search stands. */
  #insert(start: number, end: number, item: number): void {
    if (this.#chunk === this.#chunks.length) {
      if (this.#chunk === 0 || this.#chunks[this.#chunk - 1].length === CAPACITY) this.#chunks.push(new Chunk());
      else {
        this.#chunk--;
        this.#at = this.#chunks[this.#chunk].length;
      }
    }
    let chunk = this.#chunks[this.#chunk];
    if (chunk.length === CAPACITY) {
      const upper = chunk.halve();
      this.#chunks.splice(this.#chunk + 1, 0, upper);
      if (this.#at > chunk.length) {
        this.#at -= chunk.length;
        this.#chunk++;
        chunk = upper;
      }
    }
    chunk.insert(this.#at, start, end, item);
  }
}
