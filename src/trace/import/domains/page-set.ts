import { ChunkTable } from './chunk-table.ts';

/** Pages of a chunk, which has a bit for each: 2 MiB. */
const CHUNK = 512;
const WORDS = CHUNK / 32;

/** A set of pages, numbered in units of 4K below 2^52. */
export class PageSet {
  readonly #chunks = new ChunkTable(WORDS);

  has(page: number): boolean {
    const chunk = Math.floor(page / CHUNK);
    const base = this.#chunks.find(chunk);
    if (base < 0) return false;
    const offset = page - chunk * CHUNK;
    return ((this.#chunks.words[base + (offset >>> 5)] >>> (offset & 31)) & 1) === 1;
  }

  add(page: number, pages: number): void {
    this.#put(page, pages, true);
  }

  remove(page: number, pages: number): void {
    this.#put(page, pages, false);
  }

  /** How many of some pages are in the set. */
  count(page: number, pages: number): number {
    let count = 0;
    const end = page + pages;
    for (let chunk = Math.floor(page / CHUNK); chunk * CHUNK < end; chunk++) {
      const base = this.#chunks.find(chunk);
      if (base < 0) continue;
      const from = Math.max(0, page - chunk * CHUNK);
      const to = Math.min(CHUNK, end - chunk * CHUNK);
      for (let i = from >>> 5; i <= (to - 1) >>> 5; i++) {
        count += popCount(this.#chunks.words[base + i] & maskOf(i, from, to));
      }
    }
    return count;
  }

  /** The first page in the set from `page` to before `end`; `end` when there is none. */
  next(page: number, end: number): number {
    for (let at = page; at < end; ) {
      const chunk = Math.floor(at / CHUNK);
      const base = this.#chunks.find(chunk);
      const stop = Math.min(CHUNK, end - chunk * CHUNK);
      let offset = at - chunk * CHUNK;
      while (base >= 0 && offset < stop) {
        const word = this.#chunks.words[base + (offset >>> 5)] >>> (offset & 31);
        if (word !== 0) {
          const found = offset + 31 - Math.clz32(word & -word);
          return found < stop ? chunk * CHUNK + found : end;
        }
        offset = (offset | 31) + 1;
      }
      at = (chunk + 1) * CHUNK;
    }
    return end;
  }

  #put(page: number, pages: number, value: boolean): void {
    const end = page + pages;
    for (let chunk = Math.floor(page / CHUNK); chunk * CHUNK < end; chunk++) {
      const base = value ? this.#chunks.make(chunk) : this.#chunks.find(chunk);
      if (base < 0) continue;
      const { words } = this.#chunks;
      const from = Math.max(0, page - chunk * CHUNK);
      const to = Math.min(CHUNK, end - chunk * CHUNK);
      for (let i = from >>> 5; i <= (to - 1) >>> 5; i++) {
        if (value) words[base + i] |= maskOf(i, from, to);
        else words[base + i] &= ~maskOf(i, from, to);
      }
      if (!value && isEmpty(words, base)) this.#chunks.drop(chunk);
    }
  }
}

/** Bits of word `i` that lie from `from` to before `to`. */
function maskOf(i: number, from: number, to: number): number {
  const low = from > i << 5 ? -1 << (from & 31) : -1;
  const high = to < (i + 1) << 5 ? ~(-1 << (to & 31)) : -1;
  return low & high;
}

function isEmpty(words: Int32Array, base: number): boolean {
  for (let i = 0; i < WORDS; i++) if (words[base + i] !== 0) return false;
  return true;
}

function popCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
