import * as C from '../../lpae/counters.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { unitOf } from '../../lpae/table/memory.ts';
import type { PteCost } from '../pte-cost.ts';
import { RangePosition } from './address-range.ts';
import type { UnlinkedBatch } from './unlinked-tables.ts';

/** Leaves of several sizes were cleared. */
export const MIXED_SIZES = -1;

/**
 * Unmaps a whole range in one walk (iommu_pt.h:__unmap_range). Leaves go whole: of one that reaches past the end of the
 * range all is removed, so that more bytes can go than were asked for; one that begins before the range stops the walk, as
 * does the first hole. A table that the range covers is unlinked once all below it has gone.
 */
export class RangeUnmap {
  readonly at = new RangePosition();
  /** Bytes that one of the cleared leaves maps: 0 when there were none. */
  leafSize = 0;
  readonly #pt: PageTable;
  readonly #cost: PteCost;
  #batch: UnlinkedBatch = { hi: 0, lo: 0, size: 0, tables: [] };

  constructor(pt: PageTable, cost: PteCost) {
    this.#pt = pt;
    this.#cost = cost;
  }

  /** Unmaps from an IOVA on and returns the tables that were unlinked; the bytes removed are in `at.done`. */
  unmap(hi: number, lo: number, size: number): UnlinkedBatch {
    const pt = this.#pt;
    this.at.begin(hi, lo, size);
    this.leafSize = 0;
    this.#batch = { hi: this.at.startHi, lo: this.at.startLo, size, tables: [] };
    pt.counters[C.UNMAP_CALLS]++;
    this.#cost.walks++;
    this.#inTable(pt.root, pt.startLevel);
    return this.#batch;
  }

  /** False when the walk has come to what it cannot remove. */
  #inTable(table: number, level: number): boolean {
    const pt = this.#pt;
    const { memory } = pt;
    const { at } = this;
    const end = table + pt.entriesAt(level);
    let entry = table + pt.indexAt(level, at.hi, at.lo);
    let unlinked = 0;
    let goesOn = true;
    while (goesOn && entry < end && at.left > 0) {
      const slot = memory.kid[entry];
      if (slot === 0) {
        const length = this.#leavesFrom(level, entry, end);
        if (length === 0) {
          this.#cost.reads++;
          goesOn = false;
          break;
        }
        this.#clearLeaves(table, level, entry, length);
        entry += length;
        continue;
      }
      this.#cost.reads++;
      const offset = at.done;
      const covered = at.isAligned(pt, level) && at.left >= pt.sizes[level];
      goesOn = this.#inTable(slot, level + 1);
      if (goesOn && covered) {
        memory.lo[entry] = 0;
        memory.hi[entry] = 0;
        memory.kid[entry] = 0;
        memory.live[unitOf(table)]--;
        this.#cost.writes++;
        pt.counters[C.SUBTREES_FREED]++;
        this.#batch.tables.push({ slot, level: level + 1, offset });
        unlinked++;
      }
      entry++;
    }
    // Entries of one table are cleaned together, when the walk leaves it.
    if (unlinked > 0) pt.syncTable();
    return goesOn;
  }

  /** Adjacent leaves from an entry on that the range reaches, 0 where there is none that may go. */
  #leavesFrom(level: number, entry: number, end: number): number {
    const { lo, kid } = this.#pt.memory;
    const { at } = this;
    if (lo[entry] === 0 || !at.isAligned(this.#pt, level)) return 0;
    const most = Math.min(end - entry, Math.ceil(at.left / this.#pt.sizes[level]));
    let length = 1;
    while (length < most && lo[entry + length] !== 0 && (level === LAST_LEVEL || kid[entry + length] === 0)) length++;
    return length;
  }

  #clearLeaves(table: number, level: number, first: number, length: number): void {
    const pt = this.#pt;
    const { memory, counters } = pt;
    const size = pt.sizes[level];
    memory.lo.fill(0, first, first + length);
    memory.hi.fill(0, first, first + length);
    memory.live[unitOf(table)] -= length;
    counters[C.LEAVES_CLEARED] += length;
    counters[C.MAPPED_BYTES] -= length * size;
    this.#cost.reads += length;
    this.#cost.writes += length;
    pt.syncTable();
    this.leafSize = this.leafSize === 0 || this.leafSize === size ? size : MIXED_SIZES;
    this.at.advance(length * size);
  }
}
