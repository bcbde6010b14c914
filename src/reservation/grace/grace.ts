import type { Moment, TableReclaim } from '../../lpae/callbacks.ts';
import { RangePeaks } from '../areas/range-peaks.ts';
import type { RcuMode } from '../options.ts';
import { type Reader, type ReaderId, type ReaderPath, Readers } from './readers.ts';
import { UnlinkLog } from './unlink-log.ts';
import { pagesHeld, type UnlinkedRange } from './unlinked-range.ts';
import { WaitingRanges } from './waiting-ranges.ts';

/** Gives a page back: the allocator's own free. */
export type FreePage = (token: number, logical: number, occupied: number) => void;

/** A table went back while a reader may have been inside it. */
export interface GraceViolation {
  readonly rule: 'use-after-free';
  /** Tick at which the pages went back. */
  readonly at: number;
  /** The range that had been unlinked, and the pages of it that the reader may have been inside. */
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  readonly pages: number;
  /** A number below 0 for a reader known by its interval only. */
  readonly reader: ReaderId;
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
  /**
   * Readers that nobody knew of while they ran and that a known one would have delayed a free for; in the modes that
   * promise nothing they are violations.
   */
  lateReaders = 0;
  /** For what follows between `begin` and `end`: see TableReclaim. */
  aside: Moment | null = null;
  /** Shared by the address spaces of a run. */
  readonly peaks: RangePeaks;

  readonly #free: FreePage;
  readonly #waiting = new WaitingRanges();
  readonly #readers = new Readers((reader) => this.#waiting.readerEnded(reader));
  /** Every range that waits, in the order of unlinking. */
  readonly #held = new Set<UnlinkedRange>();
  readonly #unlinks = new UnlinkLog<UnlinkedRange>();
  #open: UnlinkedRange | null = null;
  #now = 0;
  /** Tick until which the event at hand runs. */
  #eventEnd = 0;
  #pageTicks = 0;
  #countedUntil = 0;

  constructor(mode: RcuMode, latency: number, free: FreePage, peaks = new RangePeaks()) {
    this.peaks = peaks;
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
    this.#eventEnd = now;
    if (!this.#readers.settled) this.#readers.advance(now);
  }

  /** The present, for whoever takes a table out of reach of later readers. */
  get moment(): Moment {
    return { at: this.#now, readers: this.#readers.begun };
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
    this.#readers.begin(id, iova, this.#now);
  }

  /** False when no such reader is inside. */
  readerEnd(id: ReaderId): boolean {
    const known = this.#readers.end(id, this.#now);
    this.#freeDue();
    return known;
  }

  /**
   * A reader is known to be inside [begin, end), in ticks. One that is told of late is held against the unlinks since its
   * beginning, as far back as these are remembered.
   */
  readerInterval(begin: number, end: number, iova: ReaderPath): void {
    const reader = this.#readers.interval(begin, end, iova, this.#now);
    if (reader !== null && begin < this.#unlinks.last) this.#comeLate(reader);
  }

  begin(hi: number, lo: number, size: number): void {
    const at = this.#now;
    const due = at + (this.mode === 'page' || this.mode === 'list' ? this.latency : 0);
    const never = Number.POSITIVE_INFINITY;
    const readers = [...this.#readers.active];
    const range = { iovaHi: hi, iovaLo: lo, size };
    this.#open = {
      at,
      end: Math.max(at, this.#eventEnd),
      ...range,
      due,
      ready: never,
      freedAt: never,
      readers,
      pages: [],
    };
    this.aside = null;
  }

  take(token: number, logical: number, occupied: number, offset: number, span: number): void {
    if (this.#open === null) this.#free(token, logical, occupied);
    else this.#open.pages.push({ token, logical, occupied, offset, span, aside: this.aside });
  }

  end(): void {
    const range = this.#open;
    this.#open = null;
    if (range === null) return;
    this.#unlinks.add(range);
    if (this.mode === 'none') {
      this.#accuse(range);
      this.#giveBack(range, this.#now);
      return;
    }
    this.#count(range.pages.length);
    this.#held.add(range);
    if (this.mode === 'gather') return;
    this.#waiting.add(range);
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
    for (const range of this.#held) {
      this.#accuse(range);
      this.#release(range);
    }
  }

  /** The end of the run, or of the address space: everything goes back. */
  finish(): void {
    for (const range of this.#held) this.#release(range);
    this.#waiting.clear();
    this.#unlinks.clear();
  }

  /** The event at hand runs until the tick `end`: so do the unlinks that it makes. */
  noteUnlinks(end: number): void {
    this.#eventEnd = end;
  }

  /**
   * How many unlinks of events that ran beyond the tick `time` touch the range, of those that are remembered: a walk that
   * began then met a dead table as often.
   */
  unlinkedSince(time: number, hi: number, lo: number, size: number): number {
    return this.#unlinks.endedSince(time, hi, lo, size);
  }

  #freeDue(): void {
    const waiting = this.#waiting;
    for (let range = waiting.takeDue(this.#now); range !== null; range = waiting.takeDue(this.#now))
      this.#release(range);
  }

  #release(range: UnlinkedRange): void {
    const pages = range.pages.length;
    // No event may have come at the moment from which on it was free.
    const at = Math.min(this.#now, range.ready);
    this.#held.delete(range);
    this.#count(-pages);
    this.#pageTicks -= pages * (this.#now - at);
    const waited = at - range.at;
    const callbacks = this.mode === 'page' ? pages : 1;
    if (this.mode !== 'gather') this.callbacks += callbacks;
    if (this.latencyCount === 0 || waited < this.latencyMin) this.latencyMin = waited;
    if (waited > this.latencyMax) this.latencyMax = waited;
    this.latencySum += waited * callbacks;
    this.latencyCount += callbacks;
    this.#giveBack(range, at);
  }

  #giveBack(range: UnlinkedRange, at: number): void {
    range.freedAt = at;
    range.readers = [];
    this.frees += range.pages.length;
    for (const { token, logical, occupied } of range.pages) this.#free(token, logical, occupied);
  }

  /** Notes the readers that were inside when the range was unlinked, still are, and may be looking at its tables. */
  #accuse(range: UnlinkedRange): void {
    for (const reader of range.readers) if (reader.active) this.#blame(range, reader, this.#now);
  }

  #blame(range: UnlinkedRange, reader: Reader, at: number): void {
    const { iovaHi, iovaLo, size } = range;
    const pages = pagesHeld(range, reader);
    if (pages > 0) this.violations.push({ rule: 'use-after-free', at, iovaHi, iovaLo, size, pages, reader: reader.id });
  }

  /** Holds a reader against the unlinks since its beginning, when it was not known yet. */
  #comeLate(reader: Reader): void {
    const free = this.mode === 'none' || this.mode === 'gather';
    let missed = false;
    this.#unlinks.forEachAfter(reader.begin, (range) => {
      if (range.freedAt === Number.POSITIVE_INFINITY) range.readers.push(reader);
      else if (range.freedAt >= reader.end) return;
      else if (free) this.#blame(range, reader, range.freedAt);
      else if (pagesHeld(range, reader) > 0) missed = true;
    });
    if (missed) this.lateReaders++;
  }

  #count(pages: number): void {
    this.#pageTicks += this.deferred * (this.#now - this.#countedUntil);
    this.#countedUntil = this.#now;
    this.deferred += pages;
    this.peaks.defer(pages);
    if (this.deferred > this.deferredPeak) this.deferredPeak = this.deferred;
  }
}
