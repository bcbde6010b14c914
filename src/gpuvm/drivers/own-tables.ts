import * as C from '../../lpae/counters.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import { TableMemoryExhausted } from '../../lpae/table/memory.ts';
import * as G from '../gpu-counters.ts';
import type { OwnTable, ReservationDesk } from '../gpu-vm.ts';

/** What stands in an entry that translates nothing, and in one that reads as zeros: no physical address is negative. */
export const EMPTY = -1;
export const ZEROS = -2;

export const PAGE = 4096;
/** Tables that are kept at most for one address space: with 4 KiB each as much memory as a process gets at ease. */
const MOST_TABLES = 2 ** 19;
const BLOCK = 2 ** 21;

/** Tables and leaves of a page table by level, and tables with no leaf below. */
export interface OwnCensus {
  readonly tables: number[];
  readonly leaves: number[];
  emptyTables: number;
}

/** What sets a format apart: see OwnTable. */
export type OwnShape = Pick<OwnTable, 'pgsizes' | 'ias' | 'entrySpans' | 'countsCalls'>;

/** The pages that a driver takes from the page allocator for its tables, one call for each; the first table's is among them. */
export class OwnPages {
  readonly #counters: Float64Array;
  readonly #stats: ReservationDesk['stats'];

  /** `counters` are those of the address space (gpu-counters.ts); `stats` hears of bytes, for the peak of the run. */
  constructor(counters: Float64Array, stats: ReservationDesk['stats']) {
    this.#counters = counters;
    this.#stats = stats;
  }

  take(pages: number): void {
    const counters = this.#counters;
    counters[G.OWN_PAGES] += pages;
    const held = (counters[G.OWN_PAGES] - counters[G.OWN_PAGES_FREED]) * PAGE;
    if (held > counters[G.OWN_HELD_PEAK]) counters[G.OWN_HELD_PEAK] = held;
    this.#stats.hold(pages * PAGE);
  }

  give(pages: number): void {
    this.#counters[G.OWN_PAGES_FREED] += pages;
    this.#stats.hold(-pages * PAGE);
  }
}

/**
 * The books of a page table that is not the engine's: what is allocated and freed by level, in the engine's counters, so that
 * statistics treat both alike. Levels are Arm's, from 0 at the root to 3.
 */
export class TableBooks implements OwnTable {
  readonly counters = new Float64Array(C.COUNTERS);
  readonly startLevel = 0;
  readonly granule = PAGE;
  readonly pgsizes: number;
  readonly ias: number;
  readonly entrySpans: readonly (number | null)[];
  readonly countsCalls: boolean;
  /** The nth table asked for from now on cannot be had; 0: none. */
  failAllocIn = 0;
  readonly #pages: OwnPages;
  readonly #leaves = new Map<number, number>();
  readonly #count: (census: OwnCensus) => void;

  /** `count` adds what stands in the tables now. */
  constructor(pages: OwnPages, shape: OwnShape, count: (census: OwnCensus) => void) {
    this.#pages = pages;
    this.pgsizes = shape.pgsizes;
    this.ias = shape.ias;
    this.entrySpans = shape.entrySpans;
    this.countsCalls = shape.countsCalls;
    this.#count = count;
  }

  /**
   * A table of `bytes` bytes is asked for; false: there is no memory in the model. Throws TableMemoryExhausted where this
   * process has none for it.
   */
  allocate(level: number, bytes: number): boolean {
    const { counters } = this;
    if (this.failAllocIn > 0 && --this.failAllocIn === 0) {
      counters[C.TABLE_ALLOC_FAILS]++;
      return false;
    }
    if (counters[C.TABLES_LIVE] >= MOST_TABLES) throw new TableMemoryExhausted(counters[C.TABLES_LIVE]);
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

  /** An operation is about to use `tables` tables, some of which may be there. Throws as `allocate` would in the end. */
  refuseHopeless(tables: number): void {
    const live = this.counters[C.TABLES_LIVE];
    if (tables - live > MOST_TABLES) throw new TableMemoryExhausted(live, tables);
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
    if (pages > 0) this.#pages.take(pages);
    else this.#pages.give(-pages);
    counters[C.BYTES_OCCUPIED] += pages * PAGE;
    raise(counters, C.BYTES_OCCUPIED, C.BYTES_OCCUPIED_PEAK);
  }

  /** `count` leaves of `size` bytes translate from now on. */
  written(count: number, size: number): void {
    const { counters } = this;
    counters[C.LEAVES_WRITTEN] += count;
    counters[C.MAPPED_BYTES] += count * size;
    this.#leaves.set(size, (this.#leaves.get(size) ?? 0) + count);
    raise(counters, C.MAPPED_BYTES, C.MAPPED_BYTES_PEAK);
  }

  /** `count` leaves of `size` bytes translate no more. */
  cleared(count: number, size: number): void {
    const { counters } = this;
    counters[C.LEAVES_CLEARED] += count;
    counters[C.MAPPED_BYTES] -= count * size;
    this.#leaves.set(size, (this.#leaves.get(size) ?? 0) - count);
  }

  leafSizes(): ReadonlyMap<number, number> {
    return this.#leaves;
  }

  /** Leaves of 2M and more. */
  get blocks(): number {
    let blocks = 0;
    for (const [size, count] of this.#leaves) if (size >= BLOCK) blocks += count;
    return blocks;
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
