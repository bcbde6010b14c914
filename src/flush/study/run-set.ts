/** Runs that one piece of the list holds; inserting moves half as many on average. */
const PIECE = 64;
/** Numbers of a run: its start and end, its shift, its tag. */
const RUN = 4;
const END = 1;
const SHIFT = 2;
const TAG = 3;

/** A stretch of runs, in ascending order. */
class Piece {
  length = 0;
  readonly runs = new Float64Array(PIECE * RUN);

  /** The end of the last run. */
  get last(): number {
    return this.runs[(this.length - 1) * RUN + END];
  }

  /** Makes room for a run at `at`. */
  open(at: number): void {
    this.runs.copyWithin((at + 1) * RUN, at * RUN, this.length * RUN);
    this.length++;
  }

  close(at: number): void {
    this.runs.copyWithin(at * RUN, (at + 1) * RUN, this.length * RUN);
    this.length--;
  }
}

/** Told of the part of a run that overlaps a range. */
export type RunVisitor = (start: number, end: number, shift: number, tag: number) => void;

/**
 * Disjoint ranges of addresses in ascending order, each with the distance to where it translates and a tag: `shift` + address
 * is the other side. Addresses are multiples of a page below 2^64, ends exclusive. Neighbours that continue each other are one
 * run. A list of short arrays, so that each change costs the same however many runs there are.
 */
export class RunSet {
  /** Runs, and bytes in them. */
  size = 0;
  bytes = 0;
  /** Where a range that is added overlaps, for `overlap`. */
  foundStart = 0;
  foundEnd = 0;
  readonly #pieces: Piece[] = [new Piece()];
  #piece = 0;
  #at = 0;

  clear(): void {
    if (this.#pieces.length > 1) this.#pieces.length = 1;
    this.#pieces[0].length = 0;
    this.size = 0;
    this.bytes = 0;
  }

  /** True when anything of [start, end) is in it; `foundStart` and `foundEnd` hold the first part that is. */
  overlap(start: number, end: number): boolean {
    if (this.size === 0 || !this.#find(start)) return false;
    const { runs } = this.#pieces[this.#piece];
    const at = this.#at * RUN;
    if (runs[at] >= end) return false;
    this.foundStart = Math.max(start, runs[at]);
    this.foundEnd = Math.min(end, runs[at + END]);
    return true;
  }

  /** Visits what overlaps [start, end), in ascending order; the visitor must not change the set. */
  each(start: number, end: number, visit: RunVisitor): void {
    if (this.size === 0 || !this.#find(start)) return;
    for (let p = this.#piece, i = this.#at; p < this.#pieces.length; p++, i = 0) {
      const { runs, length } = this.#pieces[p];
      for (; i < length; i++) {
        const at = i * RUN;
        if (runs[at] >= end) return;
        visit(Math.max(start, runs[at]), Math.min(end, runs[at + END]), runs[at + SHIFT], runs[at + TAG]);
      }
    }
  }

  /** Puts a run in, in place of what overlaps it. */
  add(start: number, end: number, shift: number, tag: number): void {
    this.remove(start, end);
    this.bytes += end - start;
    if (this.#find(start)) {
      const { runs } = this.#pieces[this.#piece];
      const at = this.#at * RUN;
      if (runs[at] === end && runs[at + SHIFT] === shift && runs[at + TAG] === tag) {
        runs[at] = start;
        this.#joinBefore();
        return;
      }
    }
    this.#insert(start, end, shift, tag);
    this.#joinBefore();
  }

  /** Takes [start, end) out; `visit` hears of each part that was in it. */
  remove(start: number, end: number, visit: RunVisitor | null = null): void {
    if (this.size === 0) return;
    while (this.#find(start)) {
      const { runs } = this.#pieces[this.#piece];
      const at = this.#at * RUN;
      const from = runs[at];
      const to = runs[at + END];
      if (from >= end) return;
      const cutStart = Math.max(from, start);
      const cutEnd = Math.min(to, end);
      this.bytes -= cutEnd - cutStart;
      visit?.(cutStart, cutEnd, runs[at + SHIFT], runs[at + TAG]);
      if (from < start) {
        runs[at + END] = start;
        if (to <= end) continue;
        this.#at++;
        this.#insert(end, to, runs[at + SHIFT], runs[at + TAG]);
        return;
      }
      if (to > end) {
        runs[at] = end;
        return;
      }
      this.#delete();
    }
  }

  /** Joins neighbours that touch, wherever they lead to: what they lead to is then unknown (NaN). */
  coalesce(): void {
    const runs: number[] = [];
    this.each(0, Number.POSITIVE_INFINITY, (start, end) => {
      if (runs.length > 0 && runs[runs.length - 1] === start) runs[runs.length - 1] = end;
      else runs.push(start, end);
    });
    this.clear();
    for (let i = 0; i < runs.length; i += 2) {
      this.#piece = this.#pieces.length - 1;
      this.#at = this.#pieces[this.#piece].length;
      this.#insert(runs[i], runs[i + 1], Number.NaN, 0);
      this.bytes += runs[i + 1] - runs[i];
    }
  }

  /** Stands at the first run that ends behind `start`; false: there is none, and it stands where one would be put. */
  #find(start: number): boolean {
    const pieces = this.#pieces;
    let low = 0;
    let high = pieces.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pieces[middle].last > start) high = middle;
      else low = middle + 1;
    }
    const { runs, length } = pieces[low];
    this.#piece = low;
    low = 0;
    high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (runs[middle * RUN + END] > start) high = middle;
      else low = middle + 1;
    }
    this.#at = low;
    return low < length;
  }

  /** Puts a run where it stands. */
  #insert(start: number, end: number, shift: number, tag: number): void {
    if (this.#pieces[this.#piece].length === PIECE) this.#split();
    const piece = this.#pieces[this.#piece];
    piece.open(this.#at);
    const at = this.#at * RUN;
    piece.runs[at] = start;
    piece.runs[at + END] = end;
    piece.runs[at + SHIFT] = shift;
    piece.runs[at + TAG] = tag;
    this.size++;
  }

  /** Divides the full piece where it stands, and stands at the same place in what has become of it. */
  #split(): void {
    const piece = this.#pieces[this.#piece];
    // In ascending order runs come at the end: what is there stays together.
    const keep = this.#at === PIECE ? PIECE : PIECE / 2;
    const next = new Piece();
    next.runs.set(piece.runs.subarray(keep * RUN));
    next.length = PIECE - keep;
    piece.length = keep;
    this.#pieces.splice(this.#piece + 1, 0, next);
    if (this.#at <= keep && keep < PIECE) return;
    this.#piece++;
    this.#at -= keep;
  }

  /** Takes out the run where it stands. */
  #delete(): void {
    const piece = this.#pieces[this.#piece];
    piece.close(this.#at);
    this.size--;
    if (piece.length === 0 && this.#pieces.length > 1) this.#pieces.splice(this.#piece, 1);
  }

  /** Joins the run where it stands with the one before it, where they continue each other. */
  #joinBefore(): void {
    const { runs } = this.#pieces[this.#piece];
    const at = this.#at * RUN;
    const inPiece = this.#at > 0;
    if (!inPiece && this.#piece === 0) return;
    const before = inPiece ? this.#pieces[this.#piece] : this.#pieces[this.#piece - 1];
    const last = inPiece ? at - RUN : (before.length - 1) * RUN;
    const continues =
      before.runs[last + END] === runs[at] &&
      before.runs[last + SHIFT] === runs[at + SHIFT] &&
      before.runs[last + TAG] === runs[at + TAG];
    if (!continues) return;
    before.runs[last + END] = runs[at + END];
    this.#delete();
  }
}
