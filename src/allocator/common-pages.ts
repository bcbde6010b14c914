import { PageStock } from './page-stock.ts';

/** What a page held when it ceased to be a table: how much, and of a last-level table the descriptors themselves. */
export interface Contents {
  readonly live: number;
  readonly lo: Uint32Array | null;
  readonly hi: Uint32Array | null;
}

/** A cache of table pages of one size. */
export class PageCache {
  readonly stock = new PageStock();
  /** Pages of it that operations have been promised. */
  promised = 0;
  /** Address spaces that draw from it. */
  users = 0;
}

/** The page of the start table. No other page ever has this token. */
export const START_TOKEN = 0;

/**
 * What the allocators of a run have in common: a driver's slab cache serves all its address spaces
 * (panthor_mmu.c:panthor_mmu_pt_cache_init), so that one's surplus is another's supply; and the names of pages.
 */
export class CommonPages {
  /** What pages hold that nobody zeroed, by token. */
  readonly contents = new Map<number, Contents>();
  readonly #caches = new Map<number, PageCache>();
  readonly #freeTokens: number[] = [];
  #lastToken = START_TOKEN;

  /** The cache of pages of `bytes`. */
  cacheOf(bytes: number): PageCache {
    let cache = this.#caches.get(bytes);
    if (cache === undefined) {
      cache = new PageCache();
      this.#caches.set(bytes, cache);
    }
    return cache;
  }

  newToken(): number {
    return this.#freeTokens.pop() ?? ++this.#lastToken;
  }

  /** The page `token` is gone, and what it held with it. */
  dropToken(token: number): void {
    this.contents.delete(token);
    this.#freeTokens.push(token);
  }
}
