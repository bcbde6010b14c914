import { search } from './live-ranges.ts';

/** Who walks a page table without a lock. */
export type ReaderId = string | number;

/** A software walk in progress. */
export class Reader {
  readonly id: ReaderId;
  /** The IOVA whose path it follows; null: it may hold any table. */
  readonly iovaHi: number | null;
  readonly iovaLo: number | null;
  /** Tick at which it will have ended; infinity while that is not known. */
  readonly end: number;
  active = true;

  constructor(id: ReaderId, iova: ReaderPath, end: number) {
    this.id = id;
    this.iovaHi = iova === null ? null : iova.hi >>> 0;
    this.iovaLo = iova === null ? null : iova.lo >>> 0;
    this.end = end;
  }
}

/** The one IOVA that a reader looks up, null for a walk over the whole table. */
export type ReaderPath = { readonly hi: number; readonly lo: number } | null;

/** A reader that is known before it begins. */
interface Expected {
  readonly begin: number;
  readonly reader: Reader;
}

/** The readers of one address space: those that somebody begins and ends, and those whose interval is known. */
export class Readers {
  readonly active = new Set<Reader>();
  readonly #ended: (reader: Reader) => void;
  readonly #byId = new Map<ReaderId, Reader[]>();
  /** By ascending end, and by ascending begin. */
  readonly #timed: Reader[] = [];
  readonly #expected: Expected[] = [];
  #intervals = 0;

  /** `ended` hears of every reader that ends. */
  constructor(ended: (reader: Reader) => void) {
    this.#ended = ended;
  }

  begin(id: ReaderId, iova: ReaderPath): void {
    const reader = new Reader(id, iova, Number.POSITIVE_INFINITY);
    this.active.add(reader);
    const same = this.#byId.get(id);
    if (same === undefined) this.#byId.set(id, [reader]);
    else same.push(reader);
  }

  /** Ends the reader that began last under this id; false when there is none. */
  end(id: ReaderId): boolean {
    const same = this.#byId.get(id);
    const reader = same?.pop();
    if (same === undefined || reader === undefined) return false;
    if (same.length === 0) this.#byId.delete(id);
    this.#finish(reader);
    return true;
  }

  /** A reader inside [begin, end); `id` is a number of its own, counted down from -1. */
  interval(begin: number, end: number, iova: ReaderPath, now: number): void {
    if (end <= begin || end <= now) return;
    const reader = new Reader(--this.#intervals, iova, end);
    if (begin <= now) {
      this.#enter(reader);
      return;
    }
    this.#expected.splice(
      search(this.#expected.length, (at) => this.#expected[at].begin > begin),
      0,
      { begin, reader },
    );
  }

  /** True when no interval begins or ends by itself any more. */
  get settled(): boolean {
    return this.#timed.length === 0 && this.#expected.length === 0;
  }

  /** Lets intervals begin and end up to `now`; a reader that ends and one that begins at one tick never meet. */
  advance(now: number): void {
    this.#expire(now);
    while (this.#expected.length > 0 && this.#expected[0].begin <= now) {
      const expected = this.#expected.shift() as Expected;
      if (expected.reader.end > now) this.#enter(expected.reader);
    }
  }

  #expire(now: number): void {
    const due = search(this.#timed.length, (at) => this.#timed[at].end > now);
    for (const reader of this.#timed.splice(0, due)) this.#finish(reader);
  }

  #enter(reader: Reader): void {
    this.active.add(reader);
    this.#timed.splice(
      search(this.#timed.length, (at) => this.#timed[at].end > reader.end),
      0,
      reader,
    );
  }

  #finish(reader: Reader): void {
    reader.active = false;
    this.active.delete(reader);
    this.#ended(reader);
  }
}
