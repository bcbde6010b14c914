import * as C from '../../../lpae/counters.ts';
import { PAGE } from './rogue.ts';

const { LEAVES_WRITTEN, LEAVES_CLEARED, MAPPED_BYTES, MAPPED_BYTES_PEAK } = C;

/**
 * What the page tables of one PowerVR address space are counted in, the counters of the engine: tables by their level, each a
 * page of memory, and valid entries, each of them a page that is mapped.
 */
export class TableCounts {
  readonly counters = new Float64Array(C.COUNTERS);

  /** Live tables of a level. */
  live(level: number): number {
    return this.counters[C.LEVEL_ALLOCS + level] - this.counters[C.LEVEL_FREES + level];
  }

  /** Valid entries of all page tables. */
  get pages(): number {
    return this.counters[LEAVES_WRITTEN] - this.counters[LEAVES_CLEARED];
  }

  /** A table of a level has been made. */
  made(level: number): void {
    const { counters } = this;
    counters[C.TABLE_ALLOCS]++;
    counters[C.LEVEL_ALLOCS + level]++;
    counters[C.LEVEL_PEAK + level] = Math.max(counters[C.LEVEL_PEAK + level], this.live(level));
    if (++counters[C.TABLES_LIVE] > counters[C.TABLES_PEAK]) counters[C.TABLES_PEAK] = counters[C.TABLES_LIVE];
    counters[C.BYTES_LOGICAL] += PAGE;
    counters[C.BYTES_REQUESTED] += PAGE;
    counters[C.BYTES_OCCUPIED] += PAGE;
    counters[C.BYTES_OCCUPIED_PEAK] = Math.max(counters[C.BYTES_OCCUPIED_PEAK], counters[C.BYTES_OCCUPIED]);
  }

  /** So many tables of a level have been freed. */
  freed(level: number, count: number): void {
    const { counters } = this;
    counters[C.TABLE_FREES] += count;
    counters[C.LEVEL_FREES + level] += count;
    counters[C.TABLES_LIVE] -= count;
    for (const bytes of [C.BYTES_LOGICAL, C.BYTES_REQUESTED, C.BYTES_OCCUPIED]) counters[bytes] -= count * PAGE;
  }

  /** So many entries have become valid. */
  written(entries: number): void {
    const { counters } = this;
    counters[LEAVES_WRITTEN] += entries;
    counters[MAPPED_BYTES] += entries * PAGE;
    if (counters[MAPPED_BYTES] > counters[MAPPED_BYTES_PEAK]) counters[MAPPED_BYTES_PEAK] = counters[MAPPED_BYTES];
  }

  /** So many valid entries have been cleared, or went with their tables. */
  cleared(entries: number): void {
    this.counters[LEAVES_CLEARED] += entries;
    this.counters[MAPPED_BYTES] -= entries * PAGE;
  }
}
