import * as C from '../../lpae/counters.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { OwnTable } from '../gpu-vm.ts';

/** What stands in an entry that translates nothing, and in one that reads as zeros: no physical address is negative. */
export const EMPTY = -1;
export const ZEROS = -2;

export const PAGE = 4096;

/** Tables and leaves of a page table by level, and tables with no leaf below. */
export interface OwnCensus {
  readonly tables: number[];
  readonly leaves: number[];
  emptyTables: number;
}

/**
 * The books of a page table that is not the engine's: what is allocated and freed by level, in the engine's counters, so that
 * statistics treat both alike. Levels are Arm's, from 0 at the root to 3.
 */
export class TableBooks implements OwnTable {
  readonly counters = new Float64Array(C.COUNTERS);
  readonly startLevel = 0;
  readonly granule = PAGE;
  /** The nth table asked for from now on cannot be had; 0: none. */
  failAllocIn = 0;
  readonly #count: (census: OwnCensus) => void;

  /** `count` adds what stands in the tables now. */
  constructor(count: (census: OwnCensus) => void) {
    this.#count = count;
  }

  /** A table of `bytes` bytes is asked for; false: there is no memory. */
  allocate(level: number, bytes: number): boolean {
    const { counters } = this;
    if (this.failAllocIn > 0 && --this.failAllocIn === 0) {
      counters[C.TABLE_ALLOC_FAILS]++;
      return false;
    }
    counters[C.TABLE_ALLOCS]++;
    counters[C.TABLES_LIVE]++;
    raise(counters, C.TABLES_LIVE, C.TABLES_PEAK);
    counters[C.LEVEL_ALLOCS + level]++;
    const live = this.live(level);
    if (live > counters[C.LEVEL_PEAK + level]) counters[C.LEVEL_PEAK + level] = live;
    counters[C.BYTES_LOGICAL] += bytes;
    counters[C.BYTES_REQUESTED] += bytes;
    return true;
  }

  free(level: number, bytes: number): void {
    const { counters } = this;
    counters[C.TABLE_FREES]++;
    counters[C.TABLES_LIVE]--;
    counters[C.LEVEL_FREES + level]++;
    counters[C.BYTES_LOGICAL] -= bytes;
    counters[C.BYTES_REQUESTED] -= bytes;
  }

  /** Whole pages are taken from the page allocator, or given back when `pages` is negative. */
  occupy(pages: number): void {
    const { counters } = this;
    counters[C.BYTES_OCCUPIED] += pages * PAGE;
    raise(counters, C.BYTES_OCCUPIED, C.BYTES_OCCUPIED_PEAK);
  }

  /** `count` leaves of `size` bytes translate from now on. */
  written(count: number, size: number): void {
    const { counters } = this;
    counters[C.LEAVES_WRITTEN] += count;
    counters[C.MAPPED_BYTES] += count * size;
    raise(counters, C.MAPPED_BYTES, C.MAPPED_BYTES_PEAK);
  }

  /** `count` leaves of `size` bytes translate no more. */
  cleared(count: number, size: number): void {
    const { counters } = this;
    counters[C.LEAVES_CLEARED] += count;
    counters[C.MAPPED_BYTES] -= count * size;
  }

  /** Tables of a level, the root too. */
  live(level: number): number {
    const { counters } = this;
    return counters[C.LEVEL_ALLOCS + level] - counters[C.LEVEL_FREES + level];
  }

  census(): OwnCensus {
    const census = { tables: new Array(LEVELS).fill(0), leaves: new Array(LEVELS).fill(0), emptyTables: 0 };
    this.#count(census);
    return census;
  }
}

function raise(counters: Float64Array, value: number, peak: number): void {
  if (counters[value] > counters[peak]) counters[peak] = counters[value];
}
