import { usageError } from '../../base/errors.ts';

/** Bytes of a page, and of a huge page: what a block of the upper table level covers. */
export const PAGE = 4096;
export const HUGE = 2 ** 21;
export const PAGES_PER_HUGE = HUGE / PAGE;
/** Order of a huge page: 2^9 pages. */
export const HUGE_ORDER = 9;

/** Page-frame numbers of 8 GiB and 1 TiB: below lies what firmware and kernel use, above what 40 bits cannot name. */
const FIRST_PFN = 2 ** 21;
const END_PFN = 2 ** 28;

/**
 * Physical memory as blocks of 2^order pages, aligned to their size, as a buddy allocator hands them out. A large block is
 * split when there is no smaller one, and its parts never grow together again: memory of a machine that has been up for long.
 */
export class PhysicalMemory {
  #next = FIRST_PFN;
  readonly #free: number[][] = Array.from({ length: HUGE_ORDER + 1 }, () => []);

  /** The first page-frame number of a block of 2^order pages, order 0 to 9. Throws a usage error when memory is used up. */
  allocate(order: number): number {
    let found = order;
    while (found < HUGE_ORDER && this.#free[found].length === 0) found++;
    const pfn = this.#free[found].pop() ?? this.#fresh();
    // What is not needed of a larger block: its upper halves.
    while (found > order) {
      found--;
      this.#free[found].push(pfn + 2 ** found);
    }
    return pfn;
  }

  /** Takes a block back. */
  free(pfn: number, order: number): void {
    this.#free[order].push(pfn);
  }

  #fresh(): number {
    const pfn = this.#next;
    if (pfn === END_PFN) {
      throw usageError(
        'gen: these parameters need more than the 1,016 GiB of physical memory that there is; take less',
      );
    }
    this.#next += PAGES_PER_HUGE;
    return pfn;
  }
}
