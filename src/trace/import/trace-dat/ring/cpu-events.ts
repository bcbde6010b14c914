import { u32 } from '../../binary/event-fields.ts';
import type { PageLayout } from '../descriptions.ts';
import { type CpuPages, type Page, PageDamage } from './cpu-pages.ts';
import type { EventTimes } from './event-times.ts';

/** Kinds of entries of a ring buffer by their type_len (`enum ring_buffer_type`); below, the data's length in words of 32 bits. */
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;

/** In the word that says how many bytes of a page are used (`ring_buffer.c:RB_MISSED_EVENTS`, `RB_MISSED_STORED`). */
const MISSED_EVENTS = 2 ** 31;
const MISSED_STORED = 2 ** 30;
const COMMIT_MASK = 2 ** 27 - 1;

/** Walks the events of one CPU. After `advance` was true the fields tell of the present event. */
export class CpuEvents {
  readonly cpu: number;
  /** Place among the CPUs of the recording, for events at the same time. */
  readonly order: number;
  readonly times: EventTimes;
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Events that are missing before this one: -1 none, 0 some. */
  missed = -1;
  /** Why `advance` was false, null at the regular end; completes "the data of CPU 1 ...". */
  damage: string | null = null;
  readonly #pages: CpuPages;
  readonly #layout: PageLayout;
  readonly #bigEndian: boolean;
  #page: Page | null = null;
  /** What comes next, and the ends of the page's data: what it should hold and what is there. */
  #at = 0;
  #dataEnd = 0;
  #limit = 0;

  constructor(cpu: number, order: number, pages: CpuPages, layout: PageLayout, times: EventTimes, bigEndian: boolean) {
    this.cpu = cpu;
    this.order = order;
    this.times = times;
    this.#pages = pages;
    this.#layout = layout;
    this.#bigEndian = bigEndian;
  }

  /** Goes to the next event; false when there is none. */
  advance(): boolean {
    this.missed = -1;
    try {
      for (;;) {
        while (this.#at >= this.#dataEnd) if (!this.#nextPage()) return false;
        if (this.#entry()) return true;
      }
    } catch (error) {
      if (!(error instanceof PageDamage)) throw error;
      this.damage = error.message;
      return false;
    }
  }

  /** Reads the next entry of the page; true when it is an event (`kbuffer-parse.c:__next_event` of libtraceevent). */
  #entry(): boolean {
    const b = this.bytes;
    const at = this.#at;
    this.#need(at + 4);
    const word = u32(b, at, this.#bigEndian);
    const type = this.#bigEndian ? word >>> 27 : word & 31;
    const delta = this.#bigEndian ? word & 0x7ffffff : word >>> 5;
    if (type > 0 && type < PADDING) {
      this.times.advance(delta);
      return this.#found(at + 4, at + 4 + type * 4);
    }
    if (type === PADDING && delta === 0) {
      // Nothing comes behind it on this page.
      this.#at = this.#dataEnd;
      return false;
    }
    this.#need(at + 8);
    const second = u32(b, at + 4, this.#bigEndian);
    switch (type) {
      case 0:
        if (second < 4) throw this.#damaged(at, `an event of ${second} bytes`);
        this.times.advance(delta);
        return this.#found(at + 8, at + 4 + roundUp(second));
      case PADDING:
        this.times.advance(delta);
        this.#need(at + 4 + second);
        this.#at = at + 4 + roundUp(second);
        return false;
      case TIME_EXTEND:
        this.times.advanceFar(second, delta);
        break;
      case TIME_STAMP:
        this.times.absolute(second, delta);
    }
    this.#at = at + 8;
    return false;
  }

  #found(start: number, end: number): boolean {
    this.#need(end);
    this.start = start;
    this.end = end;
    this.#at = end;
    return true;
  }

  /** The present page must reach up to `end`. */
  #need(end: number): void {
    if (end > this.#dataEnd) throw this.#damaged(this.#at, 'an event reaches beyond the end of its page');
    if (end > this.#limit) throw new PageDamage('is cut off');
  }

  #nextPage(): boolean {
    const page = this.#pages.next();
    if (page === null) return false;
    const { timeAt, commitAt, commitSize, dataAt } = this.#layout;
    const { bytes, start, end, isCut } = page;
    this.#page = page;
    if (end - start < dataAt)
      throw isCut ? new PageDamage('is cut off') : this.#damaged(start, 'the page is too short');
    const commit = this.#low(bytes, start + commitAt, commitSize);
    const length = commit & COMMIT_MASK;
    this.bytes = bytes;
    this.#at = start + dataAt;
    this.#dataEnd = this.#at + length;
    this.#limit = end;
    if (!isCut && this.#dataEnd > end) throw this.#damaged(start, `the page announces ${length} bytes`);
    const hi = u32(bytes, start + (this.#bigEndian ? timeAt : timeAt + 4), this.#bigEndian);
    const lo = u32(bytes, start + (this.#bigEndian ? timeAt + 4 : timeAt), this.#bigEndian);
    this.times.page(hi, lo);
    if (commit >= MISSED_EVENTS) this.#addMissed((commit & MISSED_STORED) !== 0);
    // Files that were not written to their end have holes, which read as zeros.
    else if (commit === 0 && hi === 0 && lo === 0) this.missed = Math.max(0, this.missed);
    return true;
  }

  /** The number of events that were lost before this page, where it has been stored behind the page's data. */
  #addMissed(isStored: boolean): void {
    const { commitSize } = this.#layout;
    const at = roundUp(this.#dataEnd);
    const count = isStored && at + commitSize <= this.#limit ? this.#low(this.bytes, at, commitSize) : 0;
    this.missed = Math.max(0, this.missed) + count;
  }

  /** The lower 32 bits of a `long`. */
  #low(b: Buffer, at: number, size: number): number {
    return u32(b, this.#bigEndian ? at + size - 4 : at, this.#bigEndian);
  }

  #damaged(at: number, why: string): PageDamage {
    const page = this.#page;
    const offset = page === null ? 0 : at - page.start;
    return new PageDamage(`is damaged at ${page?.place}, ${offset} bytes into the page: ${why}`);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
