import { addHi, addLo, compare64, distance64 } from '../../base/u64.ts';
import { EINVAL, ENXIO, EOVERFLOW, ERANGE, PROT_ALL, PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import * as C from '../../lpae/counters.ts';
import { attributeIndex } from '../../lpae/extended/extended-attributes.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { IommuDomain } from '../domain.ts';
import type { DomainTlb } from '../domain-tlb.ts';
import { Gather } from '../gather.ts';
import { LOOKED_AT, refuseHopeless } from '../hopeless.ts';
import { PteCost } from '../pte-cost.ts';
import { RangeMap } from './map-range.ts';
import { type FreelistWatch, type UnlinkedBatch, UnlinkedTables } from './unlinked-tables.ts';
import { MIXED_SIZES, RangeUnmap } from './unmap-range.ts';

/**
 * What one invalidation covers: `range` the whole of an operation, with what had not to be invalidated
 * (PT_FEAT_FLUSH_RANGE); `no-gaps` only what has changed, in several where that is not adjacent (PT_FEAT_FLUSH_RANGE_NO_GAPS).
 */
export const FLUSH_FEATURES = ['range', 'no-gaps'] as const;
export type FlushFeature = (typeof FLUSH_FEATURES)[number];

const ACCESS = PROT_READ | PROT_WRITE;

/**
 * The kernel's format-independent page tables (drivers/iommu/generic_pt/iommu_pt.h) over the LPAE format: a request is one
 * walk over its whole range, whatever page sizes it takes. Descriptors, look-ups and dumps are those of io-pgtable-arm.
 * A range must lie in the address space as a whole, which io-pgtable-arm asks of its first page only; that a physical
 * range must is stricter than the kernel, where the rest of an address beyond the last bit is lost.
 */
export class GenericDomain extends IommuDomain {
  override readonly cost = new PteCost();
  override readonly pins = false;
  /** Wants to know what becomes of unlinked tables. */
  watch: FreelistWatch | null = null;
  readonly #feature: FlushFeature;
  readonly #own = new Gather();
  readonly #mapping: RangeMap;
  readonly #unmapping: RangeUnmap;
  /** What waits for the sync of the gather that is open: tables, and the bytes of the leaves, MIXED_SIZES for several. */
  readonly #unlinked = new UnlinkedTables();
  #leafSize = 0;

  constructor(table: PageTable, tlb: DomainTlb, feature: FlushFeature) {
    super(table, tlb);
    this.#feature = feature;
    this.#mapping = new RangeMap(table, this.cost);
    this.#unmapping = new RangeUnmap(table, this.cost);
  }

  override map(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number, size: number, prot: number): number {
    this.mapped = 0;
    this.pgdOverrun = false;
    if (!this.chooser.isAligned(iovaHi, iovaLo, paddrHi, paddrLo, size)) return -EINVAL;
    return size === 0 ? 0 : this.#map(iovaHi >>> 0, iovaLo >>> 0, paddrHi >>> 0, paddrLo >>> 0, size, prot);
  }

  /** A raw call maps a range of `pgsize * count` bytes; which pages it takes is not the caller's choice. */
  override mapPages(
    iovaHi: number,
    iovaLo: number,
    paddrHi: number,
    paddrLo: number,
    pgsize: number,
    count: number,
    prot: number,
  ): number {
    const { table } = this;
    const size = pgsize * count;
    this.mapped = 0;
    table.mapped = 0;
    table.pgdOverrun = false;
    if (size === 0) return -EINVAL;
    if (!this.chooser.isAligned(iovaHi, iovaLo, paddrHi, paddrLo, size)) return -ENXIO;
    const ret = this.#map(iovaHi >>> 0, iovaLo >>> 0, paddrHi >>> 0, paddrLo >>> 0, size, prot);
    table.mapped = this.mapped;
    return ret;
  }

  override unmapInto(iovaHi: number, iovaLo: number, size: number, gather: Gather): number {
    this.pgdOverrun = false;
    this.splitWithoutGather = false;
    return this.#unmap(iovaHi >>> 0, iovaLo >>> 0, size, gather);
  }

  override unmapPages(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const bytes = this.#unmapRaw(iovaHi, iovaLo, pgsize, count, null);
    this.#unlinked.free(this.table, this.watch);
    return bytes;
  }

  override unmapPagesSynced(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const bytes = this.#unmapRaw(iovaHi, iovaLo, pgsize, count, this.#own);
    this.sync(this.#own);
    return bytes;
  }

  override unmapPagesQueued(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    this.#own.queued = true;
    const bytes = this.#unmapRaw(iovaHi, iovaLo, pgsize, count, this.#own);
    this.endQueued(this.#own);
    return bytes;
  }

  /**
   * One invalidation for what the gather holds, then the tables go. Walk caches are included where tables went, and where
   * leaves of several sizes did, for which there is no common level.
   */
  override sync(gather: Gather): void {
    const { table, tlb } = this;
    if (gather.nonEmpty) {
      if (this.#unlinked.any || this.#leafSize === MIXED_SIZES) {
        const size = distance64(gather.endHi, gather.endLo, gather.startHi, gather.startLo) + 1;
        const told = this.watch?.hidesLeaves ? this.watch : tlb;
        told.flushWalk(gather.startHi, gather.startLo, size, table.granule);
      } else {
        gather.pgsize = this.#leafSize === 0 ? table.granule : this.#leafSize;
        tlb.sync(gather);
      }
    }
    gather.reset();
    this.#leafSize = 0;
    this.#unlinked.free(table, null);
  }

  /** Only flush policies know when their queue runs: for the allocator the tables of a queued unmap go with its end. */
  protected override endQueued(gather: Gather): void {
    gather.reset();
    this.#leafSize = 0;
    this.#unlinked.free(this.table, this.watch);
  }

  #map(hi: number, lo: number, paddrHi: number, paddrLo: number, size: number, prot: number): number {
    const { table } = this;
    const mapping = this.#mapping;
    if ((prot & ACCESS) === 0) return -EINVAL;
    const lastHi = addHi(hi, lo, size - 1);
    const lastLo = addLo(lo, size - 1);
    if (compare64(lastHi, lastLo, hi, lo) < 0) return -EOVERFLOW;
    const paddrLastHi = addHi(paddrHi, paddrLo, size - 1);
    if (!table.paddrInRange(paddrHi, paddrLo) || !table.paddrInRange(paddrLastHi, addLo(paddrLo, size - 1))) {
      return -ERANGE;
    }
    if (!table.iovaInRange(hi, lo) || !table.iovaInRange(lastHi, lastLo)) return -ERANGE;
    // The contiguous hint stays a hint: it is not written.
    const attributes = prot > PROT_ALL ? attributeIndex(table, prot) : prot;
    if (attributes < 0) return attributes;
    if (size >= LOOKED_AT) refuseHopeless(table, hi, lo, size, this.chooser.common(hi, lo, paddrHi, paddrLo));
    const ret = mapping.map(hi, lo, paddrHi, paddrLo, size, attributes);
    if (ret === 0) {
      this.mapped = size;
      for (const { slot, level, offset, size: span } of mapping.replaced) {
        const batch = { hi: addHi(hi, lo, offset), lo: addLo(lo, offset), size: span };
        this.#gather(this.#own, batch.hi, batch.lo, span, 0, { ...batch, tables: [{ slot, level, offset: 0 }] });
      }
    } else if (mapping.touched) {
      // What was written could be walked until it was taken back.
      const reached = Math.min(size, mapping.at.done + table.granule);
      this.#gather(this.#own, hi, lo, reached, MIXED_SIZES, {
        hi,
        lo,
        size: reached,
        tables: mapping.withdrawn.slice(),
      });
    }
    if (this.#unlinked.any || this.#own.nonEmpty) this.sync(this.#own);
    return ret;
  }

  #unmapRaw(hi: number, lo: number, pgsize: number, count: number, gather: Gather | null): number {
    this.table.pgdOverrun = false;
    this.table.splitWithoutGather = false;
    return this.#unmap(hi >>> 0, lo >>> 0, pgsize * count, gather);
  }

  #unmap(hi: number, lo: number, size: number, gather: Gather | null): number {
    const { table } = this;
    if (size === 0 || !this.chooser.isAligned(hi, lo, 0, 0, size)) return 0;
    const lastHi = addHi(hi, lo, size - 1);
    const lastLo = addLo(lo, size - 1);
    if (compare64(lastHi, lastLo, hi, lo) < 0) return 0;
    if (!table.iovaInRange(hi, lo) || !table.iovaInRange(lastHi, lastLo)) return 0;
    const batch = this.#unmapping.unmap(hi, lo, size);
    const { leafSize, at } = this.#unmapping;
    const changed = this.#feature === 'range' ? Math.max(size, at.done) : at.done;
    this.#gather(gather, hi, lo, changed, leafSize, batch);
    return at.done;
  }

  /** Adds a range to a gather and what was unlinked in it to the tables that wait for its sync (iommu_pt.h:gather_range_pages). */
  #gather(
    gather: Gather | null,
    hi: number,
    lo: number,
    size: number,
    leafSize: number,
    unlinked: UnlinkedBatch,
  ): void {
    if (gather !== null && !gather.queued && size > 0) {
      if (this.#feature === 'no-gaps' && gather.isDisjoint(hi, lo, size)) this.sync(gather);
      gather.addRange(hi, lo, size);
      if (!this.watch?.hidesLeaves) this.table.counters[C.ADD_PAGES]++;
      if (leafSize !== 0) {
        this.#leafSize = this.#leafSize === 0 || this.#leafSize === leafSize ? leafSize : MIXED_SIZES;
      }
    }
    this.#unlinked.add(unlinked);
  }
}
