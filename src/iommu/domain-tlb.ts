import { addHi, addLo } from '../base/u64.ts';
import type { Kernel } from '../base/vocabulary.ts';
import type { GatherState, TlbCallbacks } from '../lpae/callbacks.ts';
import * as C from '../lpae/counters.ts';
import type { FlushPolicy, TlbLog } from './flush-policy.ts';
import type { Gather } from './gather.ts';

// A copy: V8 compiles a module's own constants into the code, but reads imported ones from memory at each use.
const { ADD_PAGES } = C;

/**
 * The TLB side of one domain: counts the engine's callbacks, merges pages into gathers (iommu.c:iommu_iotlb_gather_add_page)
 * and tells the flush policy what to invalidate.
 */
export class DomainTlb implements TlbCallbacks {
  readonly #kernel: Kernel;
  readonly #policy: FlushPolicy;
  #log: TlbLog | null;
  /** The page table's own counters, known once the table exists. */
  counters: Float64Array = new Float64Array(C.COUNTERS);

  constructor(kernel: Kernel, policy: FlushPolicy, log: TlbLog | null) {
    this.#kernel = kernel;
    this.#policy = policy;
    this.#log = log;
  }

  flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.counters[C.FLUSH_WALKS]++;
    this.#log?.flushWalk(hi, lo, size, granule);
    this.#policy.flushWalk(hi, lo, size, granule);
  }

  addPages(state: GatherState | null, hi: number, lo: number, size: number, count: number): void {
    this.counters[ADD_PAGES] += count;
    const gather = state as Gather | null;
    if (gather === null || gather.append(hi, lo, size, count)) this.#log?.addPages(hi, lo, size, count);
    else this.#addApart(gather, hi, lo, size, count);
  }

  /** Pages that do not just continue what was gathered: a function of its own, so that the usual case is small enough to be inlined. */
  #addApart(gather: Gather, hi: number, lo: number, size: number, count: number): void {
    // Only the first page of a run can differ in size or stand apart, except where addresses wrap at 2^64.
    if (addHi(hi, lo, size * count) >= hi && !(gather.endHi === 0xffffffff && gather.endLo === 0xffffffff)) {
      if (this.#needsSync(gather, hi, lo, size)) {
        this.#log?.addPages(hi, lo, size, 1);
        this.sync(gather);
        if (count > 1) this.#log?.addPages(addHi(hi, lo, size), addLo(lo, size), size, count - 1);
      } else this.#log?.addPages(hi, lo, size, count);
      gather.pgsize = size;
      gather.addRange(hi, lo, size * count);
      return;
    }
    for (let i = 0; i < count; i++) {
      const pageHi = addHi(hi, lo, i * size);
      const pageLo = addLo(lo, i * size);
      this.#log?.addPages(pageHi, pageLo, size, 1);
      if (this.#needsSync(gather, pageHi, pageLo, size)) this.sync(gather);
      gather.pgsize = size;
      gather.addRange(pageHi, pageLo, size);
    }
  }

  flushAll(): void {
    this.counters[C.FLUSH_ALLS]++;
    this.#log?.flushAll();
    this.#policy.flushAll();
  }

  /** Ends a gather: 7.1 calls the driver only for a non-empty range, 6.12 always (iommu.h:iommu_iotlb_sync). */
  sync(gather: Gather): void {
    if (this.#kernel === '6.12' || gather.nonEmpty) {
      this.counters[C.IOTLB_SYNCS]++;
      this.#log?.iotlbSync(gather.startHi, gather.startLo, gather.endHi, gather.endLo, gather.pgsize);
      this.#policy.iotlbSync(gather.startHi, gather.startLo, gather.endHi, gather.endLo, gather.pgsize);
    }
    gather.reset();
  }

  /** Does `work` while nobody counts or logs what it calls back. */
  protected unseen(work: () => void): void {
    const { counters } = this;
    const log = this.#log;
    this.counters = UNSEEN;
    this.#log = null;
    work();
    this.counters = counters;
    this.#log = log;
  }

  #needsSync(gather: Gather, hi: number, lo: number, size: number): boolean {
    return (gather.pgsize !== 0 && gather.pgsize !== size) || gather.isDisjoint(hi, lo, size);
  }
}

/** Where counts go that are none. */
const UNSEEN = new Float64Array(C.COUNTERS);

/**
 * The TLB side under a lazy policy: the engine would make no callback for a leaf (its gather is queued), so that none is counted
 * or logged; policies that are studied beside it are told all the same.
 */
export class LazyTlb extends DomainTlb {
  readonly #hides: () => boolean;

  /** `hides`: whether the leaves of what runs now wait for a flush queue. */
  constructor(kernel: Kernel, policy: FlushPolicy, log: TlbLog | null, hides: () => boolean) {
    super(kernel, policy, log);
    this.#hides = hides;
  }

  override addPages(state: GatherState | null, hi: number, lo: number, size: number, count: number): void {
    if (this.#hides()) this.unseen(() => super.addPages(state, hi, lo, size, count));
    else super.addPages(state, hi, lo, size, count);
  }

  override sync(gather: Gather): void {
    if (this.#hides()) this.unseen(() => super.sync(gather));
    else super.sync(gather);
  }
}
