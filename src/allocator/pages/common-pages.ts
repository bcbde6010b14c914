import { PageNames } from './page-names.ts';
import { PageStock } from './page-stock.ts';

/** A cache of table pages of one size. */
export class PageCache {
  readonly stock = new PageStock();
  /** Pages of it that operations have been promised. */
  promised = 0;
  /** Address spaces that draw from it. */
  users = 0;
}

/**
 * What the allocators of a run have in common: a driver's slab cache serves all its address spaces
 * (panthor_mmu.c:panthor_mmu_pt_cache_init), so that one's surplus is another's supply; and the names of pages.
 */
export class CommonPages {
  readonly names = new PageNames();
  readonly #caches = new Map<number, PageCache>();

  /** The cache of pages of `bytes`. */
  cacheOf(bytes: number): PageCache {
    let cache = this.#caches.get(bytes);
    if (cache === undefined) {
      cache = new PageCache();
      this.#caches.set(bytes, cache);
    }
    return cache;
  }
}
