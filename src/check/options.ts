/** Which operations exclude each other: as a range lock for readers and writers, or as the plain sentence has it. */
export const LOCK_REGIMES = ['rw', 'literal'] as const;
/**
 * `rw`: two operations conflict where at least one of them writes. `literal`: so do two look-ups of one address, as the
 * sentence about map, unmap and iova_to_phys has it, which exempts nobody.
 */
export type LockRegime = (typeof LOCK_REGIMES)[number];

export const CONCURRENCIES = ['time', 'queue', 'thread'] as const;
/** What tells which operations may run at once: their times; or that they come from different queues, or threads. */
export type Concurrency = (typeof CONCURRENCIES)[number];

export const LEAK_CHECKS = ['none', 'destroy', 'all'] as const;
/** When mapped memory is a leak: never, when its address space is destroyed, or at the end of the trace as well. */
export type LeakCheck = (typeof LEAK_CHECKS)[number];

export const FLUSH_QUEUES = ['percpu', 'single'] as const;
/** The flush queue behind lazy unmaps (dma-iommu.c): a ring of 256 and 10 ms, or one of 32768 and 1000 ms. */
export type FlushQueueKind = (typeof FLUSH_QUEUES)[number];

export const TLB_MODELS = ['any', 'touched'] as const;
/** Which translations a TLB may still hold: any that there were, or those that the trace shows to be used (`set_dirty`). */
export type TlbModel = (typeof TLB_MODELS)[number];

/** What is to be checked, and how. */
export interface CheckOptions {
  readonly lock: LockRegime;
  /** Null: times where the trace has them, else queues. */
  readonly concurrent: Concurrency | null;
  readonly leaks: LeakCheck;
  readonly flushQueue: FlushQueueKind;
  readonly tlb: TlbModel;
}

export const DEFAULT_CHECK_OPTIONS: CheckOptions = {
  lock: 'rw',
  concurrent: null,
  leaks: 'all',
  flushQueue: 'percpu',
  tlb: 'any',
};
