import type { AllocatorStats } from '../../allocator/tickets/allocator-stats.ts';
import { NO_PAGE, type StaleContents, type TableAllocator } from '../../lpae/callbacks.ts';

/** Hears that a table was made of a page that was a table before, while an operation runs. */
export interface RecyclingWatch {
  readonly running: boolean;
  pageRecycled(): void;
}

/**
 * An allocator as the engine sees it, watched for pages that an operation frees and takes again before it ends: pages that the
 * allocator kept, and any that it asks the page allocator for after it has given one back, which comes first there.
 */
export class WatchedAllocator implements TableAllocator {
  readonly #allocator: TableAllocator;
  readonly #stats: AllocatorStats;
  readonly #watch: RecyclingWatch;
  /** Pages freed in the operation at hand: those that the allocator kept, and how many went back to the page allocator. */
  readonly #kept = new Set<number>();
  #returned = 0;

  constructor(allocator: TableAllocator, stats: AllocatorStats, watch: RecyclingWatch) {
    this.#allocator = allocator;
    this.#stats = stats;
    this.#watch = watch;
  }

  get stale(): StaleContents | null {
    return this.#allocator.stale ?? null;
  }

  /** An operation begins. */
  begin(): void {
    if (this.#kept.size > 0) this.#kept.clear();
    this.#returned = 0;
  }

  alloc(logical: number, requested: number, occupied: number, gfp: number, level: number): number {
    const before = this.#asked;
    const token = this.#allocator.alloc(logical, requested, occupied, gfp, level);
    if (token === NO_PAGE) return token;
    const fetched = this.#asked > before;
    if (this.#returned > 0 && fetched) {
      this.#returned--;
      this.#watch.pageRecycled();
    } else if (this.#kept.delete(token)) this.#watch.pageRecycled();
    return token;
  }

  free(token: number, logical: number, occupied: number): void {
    const before = this.#given;
    this.#allocator.free(token, logical, occupied);
    if (!this.#watch.running) return;
    if (this.#given > before) this.#returned++;
    else this.#kept.add(token);
  }

  get #asked(): number {
    return this.#stats.singleCalls + this.#stats.bulkCalls;
  }

  get #given(): number {
    return this.#stats.freeCalls + this.#stats.bulkFreeCalls;
  }
}
