import type { TableReclaim } from '../lpae/callbacks.ts';
import { search } from './live-ranges.ts';
import type { RcuMode } from './options.ts';
import { type Reader, type ReaderId, type ReaderPath, Readers } from './readers.ts';
import { contains, type Unlink, UnlinkLog } from './unlink-log.ts';

/** Gives a page back: the allocator's own free. */
export type FreePage = (token: number, logical: number, occupied: number) => void;

/** A table went back while a reader may have been inside it. */
export interface GraceViolation {
  readonly rule: 'use-after-free';
  /** Tick at which the pages went back. */
  readonly at: number;
  /** The range that had been unlinked, and its pages. */
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  readonly pages: number;
  /** A number below 0 for a reader known by its interval only. */
  readonly reader: ReaderId;
}

interface Page {
  readonly token: number;
  readonly logical: number;
  readonly occupied: number;
}

/** The pages of one unlinked range, and the readers that were active at that moment. */
interface Batch extends Unlink {
  readonly due: number;
  readonly readers: readonly Reader[];
  readonly pages: Page[];
}

/**
 * Grace periods of one address space: where freed tables wait until no software walk can hold them any more. Time is
 * what the caller says it is: event numbers, or the time stamps of a trace; it never goes back.
 */
export class Grace implements TableReclaim {
  readonly mode: RcuMode;
  /** The least time that a page waits in the modes `page` and `list`, in ticks. */
  readonly latency: number;
  /** Found since the caller emptied the list. */
  readonly violations: GraceViolation[] = [];
  /** Pages that wait now, and the most there ever were. */
  deferred = 0;
  deferredPeak = 0;
  /** Pages that went back through here, and the callbacks that it took. */
  frees = 0;
  callbacks = 0;
  /** Ticks between an unlink and the free of its pages, over all callbacks (in mode gather over all unlinked ranges). */
  latencyMin = 0;
  latencySum = 0;
  latencyMax = 0;
  latencyCount = 0;

  readonly #free: FreePage;
  readonly #readers = new Readers((reader) => this.#wake(reader));
  /** Every batch that waits, in the order of unlinking. */
  readonly #held = new Set<Batch>();
  /** Each waits for one of its readers at a time, so that the end of a reader concerns few of them; */
  readonly #behind = new Map<Reader, Batch[]>();
  /** when none is left it stands here by ascending time, from `#first` on. */
  #due: Batch[] = [];
  #first = 0;
  readonly #unlinks = new UnlinkLog();
  #open: Batch | null = null;
  #now = 0;
  #pageTicks = 0;
  #countedUntil = 0;

  constructor(mode: RcuMode, latency: number, free: FreePage) {
    this.mode = mode;
    this.latency = latency;
    this.#free = free;
  }

  /** Tick of the event at hand. Setting it lets known readers begin and end, and frees nothing: see `advance`. */
  get now(): number {
    return this.#now;
  }

  set now(now: number) {
    this.#now = now;
    if (!this.#readers.settled) this.#readers.advance(now);
  }

  /** The sum over all pages of the ticks that they have waited so far. */
  get pageTicks(): number {
    return this.#pageTicks + this.deferred * (this.#now - this.#countedUntil);
  }

  /** Readers that are inside now. */
  get activeReaders(): number {
    return this.#readers.active.size;
  }

  readerBegin(id: ReaderId, iova: ReaderPath): void {
    this.#readers.begin(id, iova);
  }

  /** False when no such reader is inside. */
  readerEnd(id: ReaderId): boolean {
    const known = this.#readers.end(id);
    this.#freeDue();
    return known;
  }

  /** A reader is known to be inside [begin, end), in ticks. */
  readerInterval(begin: number, end: number, iova: ReaderPath): void {
    this.#readers.interval(begin, end, iova, this.#now);
  }

  begin(hi: number, lo: number, size: number): void {
    const at = this.#now;
    this.#unlinks.add({ at, iovaHi: hi, iovaLo: lo, size });
    const due = at + (this.mode === 'page' || this.mode === 'list' ? this.latency : 0);
    this.#open = { at, iovaHi: hi, iovaLo: lo, size, due, readers: [...this.#readers.active], pages: [] };
  }

  take(token: number, logical: number, occupied: number): void {
    if (this.#open === null) this.#free(token, logical, occupied);
    else this.#open.pages.push({ token, logical, occupied });
  }

  end(): void {
    const batch = this.#open;
    this.#open = null;
    if (batch === null) return;
    if (this.mode === 'none') {
      this.#accuse(batch);
      this.#giveBack(batch);
      return;
    }
    this.#count(batch.pages.length);
    this.#held.add(batch);
    if (this.mode === 'gather') return;
    this.#queue(batch);
    this.#freeDue();
  }

  /** Time passes: frees what is due. */
  advance(now: number): void {
    this.now = now;
    this.#freeDue();
  }

  /** The invalidation of a gather is complete: in mode gather the pages go back, whoever may still read them. */
  sync(): void {
    if (this.mode !== 'gather') return;
    for (const batch of this.#held) {
      this.#accuse(batch);
      this.#release(batch);
    }
  }

  /** The end of the run, or of the address space: everything goes back. */
  finish(): void {
    for (const batch of this.#held) this.#release(batch);
    this.#behind.clear();
    this.#due = [];
    this.#first = 0;
  }

  /** Keeps note of what is unlinked up to the tick `end`, for `unlinkedSince`. */
  noteUnlinks(end: number): void {
    this.#unlinks.keepUntil(this.#now, end);
  }

  /** How many noted unlinks after the tick `time` touch the range: a walk that began then met a dead table as often. */
  unlinkedSince(time: number, hi: number, lo: number, size: number): number {
    return this.#unlinks.since(time, hi, lo, size);
  }

  /** Puts a batch behind the first of its readers that is still inside, or where it waits for its time. */
  #queue(batch: Batch): void {
    const reader = batch.readers.find((candidate) => candidate.active);
    if (reader === undefined) {
      const due = this.#due;
      if (due.length === this.#first || due[due.length - 1].due <= batch.due) due.push(batch);
      else {
        const after = search(due.length - this.#first, (at) => due[this.#first + at].due > batch.due);
        due.splice(this.#first + after, 0, batch);
      }
      return;
    }
    const others = this.#behind.get(reader);
    if (others === undefined) this.#behind.set(reader, [batch]);
    else others.push(batch);
  }

  /** A reader has ended. */
  #wake(reader: Reader): void {
    const batches = this.#behind.get(reader);
    if (batches === undefined) return;
    this.#behind.delete(reader);
    for (const batch of batches) this.#queue(batch);
  }

  #freeDue(): void {
    const due = this.#due;
    if (due.length === 0) return;
    while (this.#first < due.length && due[this.#first].due <= this.#now) this.#release(due[this.#first++]);
    if (this.#first * 2 > due.length) {
      due.splice(0, this.#first);
      this.#first = 0;
    }
  }

  #release(batch: Batch): void {
    this.#held.delete(batch);
    this.#count(-batch.pages.length);
    const waited = this.#now - batch.at;
    const callbacks = this.mode === 'page' ? batch.pages.length : 1;
    if (this.mode !== 'gather') this.callbacks += callbacks;
    if (this.latencyCount === 0 || waited < this.latencyMin) this.latencyMin = waited;
    if (waited > this.latencyMax) this.latencyMax = waited;
    this.latencySum += waited * callbacks;
    this.latencyCount += callbacks;
    this.#giveBack(batch);
  }

  #giveBack(batch: Batch): void {
    this.frees += batch.pages.length;
    for (const { token, logical, occupied } of batch.pages) this.#free(token, logical, occupied);
  }

  /** Notes the readers that were inside when the range was unlinked, still are, and may be looking at its tables. */
  #accuse(batch: Batch): void {
    const { iovaHi, iovaLo, size } = batch;
    for (const reader of batch.readers) {
      if (!reader.active) continue;
      if (reader.iovaHi !== null && reader.iovaLo !== null && !contains(batch, reader.iovaHi, reader.iovaLo)) continue;
      const pages = batch.pages.length;
      this.violations.push({ rule: 'use-after-free', at: this.#now, iovaHi, iovaLo, size, pages, reader: reader.id });
    }
  }

  #count(pages: number): void {
    this.#pageTicks += this.deferred * (this.#now - this.#countedUntil);
    this.#countedUntil = this.#now;
    this.deferred += pages;
    if (this.deferred > this.deferredPeak) this.deferredPeak = this.deferred;
  }
}
