/** Keys from `start` to before `end`, which stand for consecutive places from `at` on. */
export interface Run<T> {
  readonly start: number;
  readonly end: number;
  readonly at: number;
  readonly tag: T;
}

/** Receives a part of a run. */
export type RunVisitor<T> = (start: number, end: number, at: number, tag: T) => void;

interface Live<T> {
  start: number;
  end: number;
  at: number;
  tag: T;
}

/** Runs in a piece of the list; one that grows beyond twice as many is halved. */
const PIECE = 128;

/**
 * A map from numbers to numbers that is kept as runs: what continues its neighbour, with the same tag, becomes one run
 * with it. Keys are bytes (multiples of 4096 below 2^64, or any integers below 2^53). The list is kept in pieces, so
 * that a change costs the same wherever it is.
 */
export class RunMap<T> {
  readonly #pieces: Live<T>[][] = [];
  #piece = 0;
  #index = 0;
  /** Keys that are there. */
  length = 0;
  /** Runs that they make. */
  runs = 0;

  /** Takes [start, end) out, handing each part that was there to `gone`, by ascending key. */
  clear(start: number, end: number, gone: RunVisitor<T> | null = null): void {
    if (end <= start) return;
    this.#seek(start);
    while (this.#piece < this.#pieces.length) {
      const run = this.#pieces[this.#piece][this.#index];
      if (run.start >= end) return;
      const from = Math.max(start, run.start);
      const to = Math.min(end, run.end);
      const at = run.at + (from - run.start);
      this.length -= to - from;
      const isLast = run.end > to;
      if (run.start < from) {
        const behind = run.end;
        run.end = from;
        this.#step();
        if (isLast) this.#insert({ start: to, end: behind, at: at + (to - from), tag: run.tag });
      } else if (isLast) {
        run.at += to - run.start;
        run.start = to;
      } else this.#delete();
      gone?.(from, to, at, run.tag);
      if (isLast) return;
    }
  }

  /** Adds [start, end), of which nothing may be there. */
  put(start: number, end: number, at: number, tag: T): void {
    if (end <= start) return;
    this.length += end - start;
    this.#seek(start);
    const next = this.#piece < this.#pieces.length ? this.#pieces[this.#piece][this.#index] : null;
    const before = this.#before();
    const joinsBefore =
      before !== null && before.end === start && before.tag === tag && before.at + (start - before.start) === at;
    const joinsNext = next !== null && next.start === end && next.tag === tag && at + (end - start) === next.at;
    if (joinsBefore && joinsNext) {
      before.end = next.end;
      this.#delete();
    } else if (joinsBefore) before.end = end;
    else if (joinsNext) {
      next.start = start;
      next.at = at;
    } else this.#insert({ start, end, at, tag });
  }

  /** Makes [start, end) stand for itself: a set of keys. Returns how many were not there before. */
  cover(start: number, end: number, tag: T): number {
    const run = this.find(start);
    if (run !== null && run.end >= end) return 0;
    const before = this.length;
    this.clear(start, end);
    this.put(start, end, start, tag);
    return this.length - before;
  }

  /** The run that holds a key, null when it is not there. */
  find(key: number): Run<T> | null {
    this.#seek(key);
    if (this.#piece >= this.#pieces.length) return null;
    const run = this.#pieces[this.#piece][this.#index];
    return run.start <= key ? run : null;
  }

  /** Keys of [start, end) that are there. */
  covered(start: number, end: number): number {
    let keys = 0;
    this.forEach(start, end, (from, to) => {
      keys += to - from;
    });
    return keys;
  }

  /** Whether any key of [start, end) is there. */
  meets(start: number, end: number): boolean {
    if (end <= start) return false;
    this.#seek(start);
    return this.#piece < this.#pieces.length && this.#pieces[this.#piece][this.#index].start < end;
  }

  /** Visits what is there of [start, end), by ascending key. The map must not change meanwhile. */
  forEach(start: number, end: number, visit: RunVisitor<T>): void {
    this.#seek(start);
    for (let p = this.#piece, i = this.#index; p < this.#pieces.length; p++, i = 0) {
      const piece = this.#pieces[p];
      for (; i < piece.length; i++) {
        const run = piece[i];
        if (run.start >= end) return;
        const from = Math.max(start, run.start);
        visit(from, Math.min(end, run.end), run.at + (from - run.start), run.tag);
      }
    }
  }

  /** Stands at the first run that ends behind `key`. */
  #seek(key: number): void {
    const pieces = this.#pieces;
    let low = 0;
    let high = pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const piece = pieces[middle];
      if (piece[piece.length - 1].end > key) high = middle;
      else low = middle + 1;
    }
    this.#piece = low;
    this.#index = 0;
    if (low === pieces.length) return;
    const piece = pieces[low];
    low = 0;
    high = piece.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (piece[middle].end > key) high = middle;
      else low = middle + 1;
    }
    this.#index = low;
  }

  #before(): Live<T> | null {
    if (this.#index > 0) return this.#pieces[this.#piece][this.#index - 1];
    if (this.#piece === 0) return null;
    const piece = this.#pieces[this.#piece - 1];
    return piece[piece.length - 1];
  }

  #step(): void {
    if (++this.#index < this.#pieces[this.#piece].length) return;
    this.#piece++;
    this.#index = 0;
  }

  /** Puts a run before the one it stands at. */
  #insert(run: Live<T>): void {
    this.runs++;
    if (this.#piece === this.#pieces.length) {
      if (this.#piece === 0) {
        this.#pieces.push([run]);
        return;
      }
      this.#piece--;
      this.#index = this.#pieces[this.#piece].length;
    }
    const piece = this.#pieces[this.#piece];
    piece.splice(this.#index, 0, run);
    if (piece.length > 2 * PIECE) this.#pieces.splice(this.#piece + 1, 0, piece.splice(PIECE));
  }

  /** Takes out the run it stands at, and stands at the next. */
  #delete(): void {
    this.runs--;
    const piece = this.#pieces[this.#piece];
    piece.splice(this.#index, 1);
    if (piece.length === 0) this.#pieces.splice(this.#piece, 1);
    else if (this.#index === piece.length) {
      this.#piece++;
    } else return;
    this.#index = 0;
  }
}
