import type { TableMemory } from './table/memory.ts';

/** What the engine asks of the world: table pages, and TLB maintenance. `struct io_pgtable_cfg`'s alloc/free and tlb. */

/** GFP_KERNEL may sleep; GFP_ATOMIC (a split inside an unmap) may not. */
export const GFP_KERNEL = 0;
export const GFP_ATOMIC = 1;

/** A page was refused. */
export const NO_PAGE = -1;

/**
 * The driver's table allocator as the engine sees it. Pages are tokens: a page takes its simulated address when it
 * becomes a table, not when the allocator obtains it.
 */
export interface TableAllocator {
  /**
   * One zeroed page of `occupied` bytes for a table of `level` and of `logical` bytes, of which `requested` were asked
   * for; a token >= 0, or NO_PAGE, which makes the operation fail with -ENOMEM.
   */
  alloc(logical: number, requested: number, occupied: number, gfp: number, level: number): number;
  /** Takes back the page `token`; like the kernel's callback it is told the logical size. */
  free(token: number, logical: number, occupied: number): void;
  /** Where pages that are not zeroed keep what they held; absent or null when every page is zeroed. */
  readonly stale?: StaleContents | null;
}

/** What recycled pages still hold when nobody zeroes them. */
export interface StaleContents {
  /** The table at `slot` is about to be freed as page `token`: notes its entries. */
  keep(token: number, memory: TableMemory, slot: number, level: number): void;
  /** The page `token` has become the table at `slot`: writes into it what it held. */
  restore(token: number, memory: TableMemory, slot: number, level: number): void;
}

/** A moment in the life of an address space: a tick, and how many software readers had begun by then. */
export interface Moment {
  readonly at: number;
  readonly readers: number;
}

/** Takes tables that left the tree when their pages may go back later only: software may still walk through them. */
export interface TableReclaim {
  /** The entry that covers `size` bytes from an IOVA has been unlinked; the tables below it follow, then `end`. */
  begin(hi: number, lo: number, size: number): void;
  /** Since when the tables that `take` is given have been set aside, where no walk comes to; null: they have not. */
  aside: Moment | null;
  /**
   * One table of the unlinked subtree, on the path of `span` bytes from `offset` in the range: the page `token`, to be
   * given back to the allocator once nobody can hold it.
   */
  take(token: number, logical: number, occupied: number, offset: number, span: number): void;
  end(): void;
}

/** The gather of one unmap as far as the engine looks at it. */
export interface GatherState {
  /** The caller flushes later by itself: the engine adds no pages. */
  queued: boolean;
}

/** `struct iommu_flush_ops`. Addresses are 64-bit halves, sizes bytes. */
export interface TlbCallbacks {
  /** A whole subtree was unlinked: walk caches of the range must go at once. */
  flushWalk(hi: number, lo: number, size: number, granule: number): void;
  /** `count` adjacent leaves of `size` bytes were cleared, in ascending order. `gather` is null when the caller gave none. */
  addPages(gather: GatherState | null, hi: number, lo: number, size: number, count: number): void;
  /** The address space goes away. */
  flushAll(): void;
}
