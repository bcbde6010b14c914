import { search } from '../areas/live-ranges.ts';

/** Who walks a page table without a lock. */
export type ReaderId = string | number;

/** A software walk in progress. */
export class Reader {
  readonly id: ReaderId;
  /** The IOVA whose path it follows; null: it may hold any table. */
  readonly iovaHi: number | null;
  readonly iovaLo: number | null;
  /** Tick at which it began. */
  readonly begin: number;
  /** Tick at which it has ended or will have; infinity while that is not known. */
  end: number;
  /** Readers that had begun when it did, itself included; infinity when nobody knew of it while it ran. */
  serial = Number.POSITIVE_INFINITY;
  active = false;

  constructor(id: ReaderId, iova: ReaderPath, begin: number, end: number) {
    this.id = id;
    this.begin = begin;
    this.iovaHi = iova === null ? null : iova.hi >>> 0;
    this.iovaLo = iova === null ? null : iova.lo >>> 0;
    this.end = end;
  }
}

/** The one IOVA that a reader looks up, null for a walk over the whole table. */
export type ReaderPath = { readonly hi: number; readonly lo: number } | null;

/** The readers of one address space: those that somebody begins and ends, and those whose interval is known. */
export class Readers {
  readonly active = new Set<Reader>();
  readonly #ended: (reader: Reader) => void;
  readonly #byId = new Map<ReaderId, Reader[]>();
  /** By ascending end, and by ascending begin. */
  readonly #timed: Reader[] = [];
  readonly #expected: Reader[] = [];
  #intervals = 0;
  /** Readers that have begun so far. */
  begun = 0;

  /** `ended` hears of every reader that ends. */
  constructor(ended: (reader: Reader) => void) {
    this.#ended = ended;
  }

  begin(id: ReaderId, iova: ReaderPath, now: number): void {
    const reader = new Reader(id, iova, now, Number.POSITIVE_INFINITY);
    this.#activate(reader);
    const same = this.#byId.get(id);
    if (same === undefined) this.#byId.set(id, [reader]);
    else same.push(reader);
  }

  /** Ends the reader that began last under this id; false when there is none. */
  end(id: ReaderId, now: number): boolean {
    const same = this.#byId.get(id);
    const reader = same?.pop();
    if (same === undefined || reader === undefined) return false;
    if (same.length === 0) this.#byId.delete(id);
    reader.end = now;
    this.#finish(reader);
    return true;
  }

  /**
   * A reader inside [begin, end), which may be over; `id` is a number of its own, counted down from -1. Null for an empty
   * interval.
   */
  interval(begin: number, end: number, iova: ReaderPath, now: number): Reader | null {
    if (end <= begin) return null;
    const reader = new Reader(--this.#intervals, iova, begin, end);
    if (begin > now) {
      this.#expected.splice(
        search(this.#expected.length, (at) => this.#expected[at].begin > begin),
        0,
        reader,
      );
    } else if (end > now) this.#enter(reader);
    return reader;
  }

  /** True when no interval begins or ends by itself any more. */
  get settled(): boolean {
    return this.#timed.length === 0 && this.#expected.length === 0;
  }

  /** Lets intervals begin and end up to `now`; a reader that ends and one that begins at one tick never meet. */
  advance(now: number): void {
    this.#expire(now);
    while (this.#expected.length > 0 && this.#expected[0].begin <= now) {
      const reader = this.#expected.shift() as Reader;
      if (reader.end > now) this.#enter(reader);
    }
  }

  #expire(now: number): void {
    const due = search(this.#timed.length, (at) => this.#timed[at].end > now);
    for (const reader of this.#timed.splice(0, due)) this.#finish(reader);
  }

  #activate(reader: Reader): void {
    reader.active = true;
    reader.serial = ++this.begun;
    this.active.add(reader);
  }

  #enter(reader: Reader): void {
    this.#activate(reader);
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
