import { addHi, addLo } from '../base/u64.ts';
import { EINVAL } from '../base/vocabulary.ts';
import { mapPages } from '../lpae/map.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { NOT_GUARDED, type TableGuard } from '../lpae/table/table-guard.ts';
import { unmapPages } from '../lpae/unmap.ts';
import type { DomainTlb } from './domain-tlb.ts';
import { Gather } from './gather.ts';
import { LOOKED_AT, refuseHopeless } from './hopeless.ts';
import { PageSizeChooser } from './page-size.ts';
import type { PteCost } from './pte-cost.ts';

/**
 * The kernel's core layer over one page table: requests of any size are cut into raw calls, failures unwound, pages
 * gathered and synced (iommu.c:iommu_map, iommu_unmap). Address halves may come signed or unsigned; signed ones pass
 * from call to call without becoming objects on the heap. What is only declared: see TableShape.
 */
export class IommuDomain {
  declare readonly table: PageTable;
  declare readonly tlb: DomainTlb;
  /** How requests are cut; another may be set before the first of them. */
  declare chooser: PageSizeChooser;
  /** Bytes that the last `map` wrote before it ended or failed. */
  mapped = 0;
  /** The last operation met a start table smaller than a page at its end. */
  pgdOverrun = false;
  /** The last operation split a block without a gather. */
  splitWithoutGather = false;
  /** What operations cost in descriptors, where that is counted. */
  readonly cost: PteCost | null = null;
  /** Tables can be made to stay for IOVA reservations. */
  readonly pins: boolean = true;
  /** Repeat mappings can share tables: the engine itself looks after those, and nothing that stands before it. */
  readonly shares: boolean;
  /** Empty between operations. */
  readonly #gather = new Gather();
  readonly #fixed: boolean;

  constructor(table: PageTable, tlb: DomainTlb) {
    this.table = table;
    this.tlb = tlb;
    this.shares = new.target === IommuDomain;
    tlb.counters = table.counters;
    this.chooser = new PageSizeChooser(table.config.pgsizes);
    this.#fixed = table.config.kernel === '7.1';
  }

  /** Maps `size` bytes; 0 or a negative errno, after which nothing that this call mapped is left. */
  map(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number, size: number, prot: number): number {
    this.mapped = 0;
    this.pgdOverrun = false;
    const { chooser, table } = this;
    if (!chooser.isAligned(iovaHi, iovaLo, paddrHi, paddrLo, size)) return -EINVAL;
    if (size >= LOOKED_AT) {
      refuseHopeless(table, iovaHi, iovaLo, size, chooser.common(iovaHi, iovaLo, paddrHi, paddrLo));
    }
    let ret = 0;
    let done = 0;
    let atHi = iovaHi >>> 0;
    let atLo = iovaLo >>> 0;
    let toHi = paddrHi >>> 0;
    let toLo = paddrLo >>> 0;
    while (done < size) {
      chooser.choose(atHi | 0, atLo | 0, toHi | 0, toLo | 0, size - done);
      ret = mapPages(table, atHi | 0, atLo | 0, toHi | 0, toLo | 0, chooser.size, chooser.count, prot);
      if (table.pgdOverrun) this.pgdOverrun = true;
      const mapped = table.mapped;
      done += mapped;
      if (ret !== 0 || done >= size) break;
      atHi = addHi(atHi, atLo, mapped);
      atLo = addLo(atLo, mapped);
      toHi = addHi(toHi, toLo, mapped);
      toLo = addLo(toLo, mapped);
    }
    this.mapped = done;
    if (ret !== 0) {
      const overrun = this.pgdOverrun;
      this.unmap(iovaHi, iovaLo, done);
      if (overrun) this.pgdOverrun = true;
    }
    return ret;
  }

  /** Unmaps `size` bytes under a gather of its own and syncs it; the bytes removed. */
  unmap(iovaHi: number, iovaLo: number, size: number): number {
    const gather = this.#gather;
    const unmapped = this.unmapInto(iovaHi, iovaLo, size, gather);
    this.sync(gather);
    return unmapped;
  }

  /** As `unmap`, but the flush comes later from elsewhere (the DMA API's flush queue): no page is gathered, no sync. */
  unmapQueued(iovaHi: number, iovaLo: number, size: number): number {
    const gather = this.#gather;
    gather.queued = true;
    const unmapped = this.unmapInto(iovaHi, iovaLo, size, gather);
    this.endQueued(gather);
    return unmapped;
  }

  /** Ends a gather: what it holds is invalidated. */
  sync(gather: Gather): void {
    this.tlb.sync(gather);
  }

  /** A gather ends whose flush comes later. */
  protected endQueued(gather: Gather): void {
    gather.reset();
  }

  /** The unmap loop without a sync (iommu.c:__iommu_unmap): stops at the first hole; whole blocks may exceed `size`. */
  unmapInto(iovaHi: number, iovaLo: number, size: number, gather: Gather): number {
    this.pgdOverrun = false;
    this.splitWithoutGather = false;
    const { chooser, table } = this;
    const { guard } = table;
    if (!chooser.isAligned(iovaHi, iovaLo, 0, 0, size)) return 0;
    let done = 0;
    let atHi = iovaHi >>> 0;
    let atLo = iovaLo >>> 0;
    while (done < size) {
      chooser.choose(atHi | 0, atLo | 0, atHi | 0, atLo | 0, size - done);
      let unmapped = guard === null ? NOT_GUARDED : this.#unmapShared(guard, atHi, atLo, size - done);
      if (unmapped === NOT_GUARDED)
        unmapped = unmapPages(table, atHi | 0, atLo | 0, chooser.size, chooser.count, gather);
      if (table.pgdOverrun) this.pgdOverrun = true;
      if (table.splitWithoutGather) this.splitWithoutGather = true;
      if (unmapped === 0) break;
      // 7.1 makes a gather that nobody added to look non-empty, over the whole request.
      if (this.#fixed === true && !gather.nonEmpty) gather.addRange(atHi, atLo, size);
      done += unmapped;
      if (done >= size) break;
      atHi = addHi(atHi, atLo, unmapped);
      atLo = addLo(atLo, unmapped);
    }
    return done;
  }

  /** Of a request to unmap what can go at a time behind entries that point to shared tables, whatever sizes were chosen. */
  #unmapShared(guard: TableGuard, iovaHi: number, iovaLo: number, size: number): number {
    const { table, chooser } = this;
    const unmapped = guard.unmapShared(iovaHi, iovaLo, size, table.levelOf(chooser.size));
    if (unmapped !== NOT_GUARDED) {
      table.pgdOverrun = false;
      table.splitWithoutGather = false;
    }
    return unmapped;
  }

  /** One raw map call; 0 or a negative errno, the bytes mapped are in `table.mapped`. */
  mapPages(
    iovaHi: number,
    iovaLo: number,
    paddrHi: number,
    paddrLo: number,
    pgsize: number,
    count: number,
    prot: number,
  ): number {
    return mapPages(this.table, iovaHi, iovaLo, paddrHi, paddrLo, pgsize, count, prot);
  }

  /** One raw unmap call of a caller that has no gather. */
  unmapPages(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    return unmapPages(this.table, iovaHi, iovaLo, pgsize, count, null);
  }

  /** One raw unmap call with a gather of its own that is synced after it. */
  unmapPagesSynced(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const gather = this.#gather;
    const unmapped = unmapPages(this.table, iovaHi, iovaLo, pgsize, count, gather);
    this.tlb.sync(gather);
    return unmapped;
  }

  /** One raw unmap call whose flush comes later: `queued`. */
  unmapPagesQueued(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const gather = this.#gather;
    gather.queued = true;
    const unmapped = unmapPages(this.table, iovaHi, iovaLo, pgsize, count, gather);
    gather.reset();
    return unmapped;
  }
}
