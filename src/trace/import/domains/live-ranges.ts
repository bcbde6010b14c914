import { ChunkTable } from './chunk-table.ts';
import { HugeRanges, type PageRange } from './huge-ranges.ts';

/** Pages of a chunk, which has a bit for each: 2 MiB. */
const CHUNK = 512;
/** Words of a chunk that say which pages are live; as many more say where ranges begin. */
const WORDS = CHUNK / 32;
/** Ranges of more pages than this are kept as a list instead of bits. */
const HUGE = 64 * CHUNK;

/**
 * Which ranges of pages are live in one address space. Pages are numbered in units of 4K, below 2^52. What is added
 * becomes a range of its own, and stays one until a part of it is removed: then what is left are ranges.
 */
export class LiveRanges {
  readonly #chunks = new ChunkTable(WORDS * 2);
  readonly #huge = new HugeRanges();

  /** Whether any of some pages is live. */
  overlaps(page: number, pages: number): boolean {
    if (!this.#huge.empty && this.#huge.first(page, pages) >= 0) return true;
    if (pages > HUGE) return this.#firstLive(page, page + pages) >= 0;
    const end = page + pages;
    for (let at = page; at < end; ) {
      const chunk = Math.floor(at / CHUNK);
      const from = at - chunk * CHUNK;
      const to = Math.min(CHUNK, end - chunk * CHUNK);
      const base = this.#chunks.find(chunk);
      if (base >= 0 && this.#any(base, from, to)) return true;
      at = (chunk + 1) * CHUNK;
    }
    return false;
  }

  /** Whether there is a live range that begins at `page` and has this very length. */
  isExactly(page: number, pages: number): boolean {
    if (!this.#huge.empty) {
      const huge = this.#huge.first(page, 1);
      if (huge >= 0) return this.#huge.at(huge).page === page && this.#huge.at(huge).pages === pages;
    }
    return this.#isStart(page) && this.#endOf(page, page + pages + 1) === page + pages;
  }

  /** Pages from `page` on, `pages` at most, that are live without a hole. */
  livePages(page: number, pages: number): number {
    const end = page + pages;
    let at = page;
    while (at < end) {
      const huge = this.#huge.empty ? -1 : this.#huge.first(at, 1);
      const next = huge < 0 ? this.#firstDead(at, end) : this.#huge.at(huge).page + this.#huge.at(huge).pages;
      if (next === at) break;
      at = next;
    }
    return Math.min(at, end) - page;
  }

  /** Makes pages live, as a range of its own. What was live of them before belongs to it. */
  add(page: number, pages: number): void {
    if (pages <= 0) return;
    if (!this.#huge.empty) this.#huge.remove(page, pages);
    if (pages > HUGE) {
      this.remove(page, pages);
      this.#huge.add(page, pages);
      return;
    }
    const end = page + pages;
    // The rest of a range that goes on behind the new one is a range by itself.
    this.#cut(end);
    for (let at = page; at < end; ) {
      const chunk = Math.floor(at / CHUNK);
      const from = at - chunk * CHUNK;
      const to = Math.min(CHUNK, end - chunk * CHUNK);
      const base = this.#chunks.make(chunk);
      this.#put(base, from, to, true);
      this.#put(base + WORDS, from, to, false);
      if (at === page) this.#chunks.words[base + WORDS + (from >>> 5)] |= 1 << (from & 31);
      at = (chunk + 1) * CHUNK;
    }
  }

  /** Makes pages dead. What is left of ranges before and behind them stays live. */
  remove(page: number, pages: number): void {
    if (pages <= 0) return;
    if (!this.#huge.empty) this.#huge.remove(page, pages);
    const end = page + pages;
    this.#cut(end);
    if (pages > HUGE) {
      for (const chunk of this.#chunks.between(page / CHUNK - 1, end / CHUNK)) this.#clear(chunk, page, end);
      return;
    }
    for (let chunk = Math.floor(page / CHUNK); chunk * CHUNK < end; chunk++) this.#clear(chunk, page, end);
  }

  /** The first live range, whole, that meets some pages; null when there is none. */
  firstOverlap(page: number, pages: number): PageRange | null {
    const huge = this.#huge.empty ? -1 : this.#huge.first(page, pages);
    const large = huge < 0 ? null : this.#huge.at(huge);
    const first = this.#firstLive(page, large === null ? page + pages : Math.min(page + pages, large.page));
    return first < 0 ? large : this.#rangeAt(first);
  }

  /** All live ranges, those that are no huge ones rising. */
  all(): PageRange[] {
    const found = this.#huge.all();
    for (const chunk of this.#chunks.between(-1, Number.POSITIVE_INFINITY)) {
      for (let page = this.#firstIn(chunk, chunk * CHUNK, (chunk + 1) * CHUNK); page >= 0; ) {
        const end = this.#endOf(page, Number.POSITIVE_INFINITY);
        if (this.#isStart(page)) found.push({ page, pages: end - page });
        page = end < (chunk + 1) * CHUNK ? this.#firstIn(chunk, end, (chunk + 1) * CHUNK) : -1;
      }
    }
    return found;
  }

  /** The live range that a page lies in. */
  #rangeAt(page: number): PageRange | null {
    if (!this.#huge.empty) {
      const huge = this.#huge.first(page, 1);
      if (huge >= 0) return this.#huge.at(huge);
    }
    if (!this.#isLive(page)) return null;
    let start = page;
    while (!this.#isStart(start)) start--;
    return { page: start, pages: this.#endOf(page, Number.POSITIVE_INFINITY) - start };
  }

  /** Where the range that a live page lies in ends, at most `limit`. */
  #endOf(page: number, limit: number): number {
    for (let at = page + 1; at < limit; ) {
      const chunk = Math.floor(at / CHUNK);
      const base = this.#chunks.find(chunk);
      if (base < 0) return at;
      const { words } = this.#chunks;
      const offset = at - chunk * CHUNK;
      const stops = (~words[base + (offset >>> 5)] | words[base + WORDS + (offset >>> 5)]) >>> (offset & 31);
      if (stops !== 0) return Math.min(limit, at + 31 - Math.clz32(stops & -stops));
      at = chunk * CHUNK + (offset | 31) + 1;
    }
    return limit;
  }

  #isLive(page: number): boolean {
    return this.#bit(page, 0);
  }

  #isStart(page: number): boolean {
    return this.#bit(page, WORDS);
  }

  #bit(page: number, part: number): boolean {
    const chunk = Math.floor(page / CHUNK);
    const base = this.#chunks.find(chunk);
    if (base < 0) return false;
    const offset = page - chunk * CHUNK;
    return ((this.#chunks.words[base + part + (offset >>> 5)] >>> (offset & 31)) & 1) === 1;
  }

  /** First live page from `page` to before `end` that bits tell of, -1: none. */
  #firstLive(page: number, end: number): number {
    if (end - page > HUGE) {
      for (const chunk of this.#chunks.between(page / CHUNK - 1, end / CHUNK)) {
        const found = this.#firstIn(chunk, page, end);
        if (found >= 0) return found;
      }
      return -1;
    }
    for (let chunk = Math.floor(page / CHUNK); chunk * CHUNK < end; chunk++) {
      const found = this.#firstIn(chunk, page, end);
      if (found >= 0) return found;
    }
    return -1;
  }

  /** First page from `page` on that bits do not call live, at most `end`. */
  #firstDead(page: number, end: number): number {
    for (let at = page; at < end; ) {
      const chunk = Math.floor(at / CHUNK);
      const base = this.#chunks.find(chunk);
      if (base < 0) return at;
      const offset = at - chunk * CHUNK;
      const word = ~this.#chunks.words[base + (offset >>> 5)] >>> (offset & 31);
      if (word !== 0) return Math.min(end, at + 31 - Math.clz32(word & -word));
      at = chunk * CHUNK + (offset | 31) + 1;
    }
    return end;
  }

  #firstIn(chunk: number, page: number, end: number): number {
    const base = this.#chunks.find(chunk);
    if (base < 0) return -1;
    const from = Math.max(0, page - chunk * CHUNK);
    const to = Math.min(CHUNK, end - chunk * CHUNK);
    for (let offset = from; offset < to; ) {
      const word = this.#chunks.words[base + (offset >>> 5)] >>> (offset & 31);
      if (word !== 0) {
        const found = offset + 31 - Math.clz32(word & -word);
        return found < to ? chunk * CHUNK + found : -1;
      }
      offset = (offset | 31) + 1;
    }
    return -1;
  }

  /** A range that holds both `end - 1` and `end` becomes two there. */
  #cut(end: number): void {
    if (!this.#isLive(end) || this.#isStart(end)) return;
    const chunk = Math.floor(end / CHUNK);
    const offset = end - chunk * CHUNK;
    this.#chunks.words[this.#chunks.find(chunk) + WORDS + (offset >>> 5)] |= 1 << (offset & 31);
  }

  #clear(chunk: number, page: number, end: number): void {
    const base = this.#chunks.find(chunk);
    if (base < 0) return;
    const from = Math.max(0, page - chunk * CHUNK);
    const to = Math.min(CHUNK, end - chunk * CHUNK);
    if (to <= from) return;
    this.#put(base, from, to, false);
    this.#put(base + WORDS, from, to, false);
    if (!this.#any(base, 0, CHUNK)) this.#chunks.drop(chunk);
  }

  /** Whether a bit from `from` to before `to` is set in the words at `base`. */
  #any(base: number, from: number, to: number): boolean {
    const { words } = this.#chunks;
    const first = from >>> 5;
    const last = (to - 1) >>> 5;
    for (let i = first; i <= last; i++) if ((words[base + i] & maskOf(i, from, to)) !== 0) return true;
    return false;
  }

  #put(base: number, from: number, to: number, value: boolean): void {
    const { words } = this.#chunks;
    const first = from >>> 5;
    const last = (to - 1) >>> 5;
    for (let i = first; i <= last; i++) {
      const mask = maskOf(i, from, to);
      if (value) words[base + i] |= mask;
      else words[base + i] &= ~mask;
    }
  }
}

/** Bits of word `i` that lie from `from` to before `to`. */
function maskOf(i: number, from: number, to: number): number {
  const low = from > i << 5 ? -1 << (from & 31) : -1;
  const high = to < (i + 1) << 5 ? ~(-1 << (to & 31)) : -1;
  return low & high;
}
