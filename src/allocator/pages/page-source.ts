import { NO_PAGE } from '../../lpae/callbacks.ts';
import type { AllocatorStats } from '../tickets/allocator-stats.ts';
import { type PageNames, START_TOKEN } from './page-names.ts';

/** What an operation of absurd size asks for is not there, as on every machine: 8 TiB of table pages. */
const MOST_BYTES = 2 ** 43;

/** When pages are zeroed. */
export interface ZeroRules {
  /** By whoever takes a fresh page to make a table of it (a slab cache), rather than by the page allocator. */
  readonly freshOnTake: boolean;
  /** Pages that were tables before are zeroed before they become tables again. */
  readonly recycled: boolean;
}

/**
 * The page allocator below all strategies: calls for one page or several, their bytes and zeroing, injected failures, and
 * the tokens of pages. Pages are counted; a page has a token of its own only from when it becomes a table until it goes
 * back to the page allocator, so that a reservation of millions of pages costs nothing.
 */
export class PageSource {
  readonly stats: AllocatorStats;
  /** Bytes of a table page; those of the start table are its own. */
  pageBytes = 4096;
  /** Calls are made while an operation runs. */
  inRun = false;
  /** The start table has been allocated. */
  started = false;
  readonly #names: PageNames;
  readonly #zero: ZeroRules;
  #startBytes = 0;
  /** Pages until the one that fails, itself included; 0: none fails. */
  #failIn = 0;

  constructor(stats: AllocatorStats, zero: ZeroRules, names: PageNames) {
    this.stats = stats;
    this.#zero = zero;
    this.#names = names;
  }

  /** The start table: `bytes` from the page allocator, zeroed, whatever the strategy. Its token, or NO_PAGE. */
  start(bytes: number): number {
    this.stats.singleCalls++;
    if (this.#fails(1)) return NO_PAGE;
    this.started = true;
    this.#startBytes = bytes;
    this.stats.zeroedBytes += bytes;
    this.#gain(1, bytes);
    return START_TOKEN;
  }

  freeStart(): void {
    this.stats.freeCalls++;
    this.#lose(1, this.#startBytes);
  }

  /** One call for one page; false when there is none. */
  fetch(): boolean {
    const { stats } = this;
    stats.singleCalls++;
    if (this.inRun) stats.callsInRun++;
    if (this.#failIn !== 0 && this.#fails(1)) return false;
    if (!this.#zero.freshOnTake) stats.zeroedBytes += this.pageBytes;
    this.#gain(1, this.pageBytes);
    return true;
  }

  /** One call for `pages` (> 0) pages, all or none (mm/slub.c:kmem_cache_alloc_bulk): false when one of them is missing. */
  fetchBulk(pages: number): boolean {
    const { stats } = this;
    stats.bulkCalls++;
    if (this.inRun) stats.callsInRun++;
    if (this.#failIn !== 0 && this.#fails(pages)) return false;
    if (stats.heldBytes + pages * this.pageBytes > MOST_BYTES) return false;
    stats.bulkPages += pages;
    if (pages > stats.bulkMax) stats.bulkMax = pages;
    if (!this.#zero.freshOnTake) stats.zeroedBytes += pages * this.pageBytes;
    this.#gain(pages, pages * this.pageBytes);
    return true;
  }

  /** One call that gives one page back. */
  giveBack(): void {
    this.stats.freeCalls++;
    this.#lose(1, this.pageBytes);
  }

  /** One call that gives `pages` (> 0) pages back. */
  giveBackBulk(pages: number): void {
    this.stats.bulkFreeCalls++;
    this.#lose(pages, pages * this.pageBytes);
  }

  /** A held page becomes a table. `recycled`: it was one before. */
  taken(recycled: boolean): void {
    if (recycled ? this.#zero.recycled : this.#zero.freshOnTake) this.stats.zeroedBytes += this.pageBytes;
  }

  newToken(): number {
    return this.#names.newToken();
  }

  /** The page `token` goes back to the page allocator, and what it held with it. */
  dropToken(token: number): void {
    this.#names.dropToken(token);
  }

  /** Fault injection: the `nth` page from now cannot be had. The call that asks for it fails as a whole. */
  failPage(nth: number): void {
    this.#failIn = nth;
  }

  #fails(pages: number): boolean {
    if (this.#failIn === 0) return false;
    if (this.#failIn > pages) {
      this.#failIn -= pages;
      return false;
    }
    this.#failIn = 0;
    return true;
  }

  #gain(pages: number, bytes: number): void {
    const { stats } = this;
    stats.pages += pages;
    stats.hold(bytes);
  }

  #lose(pages: number, bytes: number): void {
    this.stats.pagesFreed += pages;
    this.stats.hold(-bytes);
  }
}
