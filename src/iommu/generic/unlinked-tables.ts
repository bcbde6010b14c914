import type { PageTable } from '../../lpae/page-table.ts';

/** A table that no entry points to any more, and where in the range of its operation it stood. */
interface Unlinked {
  readonly slot: number;
  readonly level: number;
  readonly offset: number;
}

/** Hears what becomes of the tables of gathers, where flush policies are studied. Addresses are 64-bit halves, sizes bytes. */
export interface FreelistWatch {
  /** The gather of what runs now waits for a flush queue: its invalidation is no callback, and told to the watch alone. */
  readonly hidesLeaves: boolean;
  flushWalk(hi: number, lo: number, size: number, granule: number): void;
  /** Tables of a range are about to be freed, and no invalidation was asked for. */
  unlinked(hi: number, lo: number, size: number): void;
}

/** The tables that one operation on a range has unlinked. */
export interface UnlinkedBatch {
  readonly hi: number;
  readonly lo: number;
  readonly size: number;
  readonly tables: Unlinked[];
}

/**
 * The freelist of a gather: tables wait here until the invalidation that covers them is done
 * (iommu_pt.h:gather_range_pages, iommu.h:iommu_iotlb_sync).
 */
export class UnlinkedTables {
  #batches: UnlinkedBatch[] = [];

  get any(): boolean {
    return this.#batches.length > 0;
  }

  add(batch: UnlinkedBatch): void {
    if (batch.tables.length > 0) this.#batches.push(batch);
  }

  /**
   * Gives the pages back: at once, or to whoever keeps them for readers. Below a table only empty ones are left. `untold` hears of
   * them first, where no invalidation was asked for.
   */
  free(pt: PageTable, untold: FreelistWatch | null): void {
    const batches = this.#batches;
    if (batches.length === 0) return;
    this.#batches = [];
    for (const { hi, lo, size, tables } of batches) {
      untold?.unlinked(hi, lo, size);
      pt.reclaim?.begin(hi, lo, size);
      for (const { slot, level, offset } of tables) pt.freeSubtree(slot, level, offset);
      pt.reclaim?.end();
    }
  }
}
