import type { CostlyEvent } from '../replay/timeline/offenders.ts';

/**
 * A value over the events of a trace: the least after any event of each bucket, and the most of each bucket, also within an event,
 * so that no peak is lost.
 */
export interface Gauge {
  /** The least of each bucket, after any of its events. */
  readonly min: readonly number[];
  /** The most of each bucket. */
  readonly max: readonly number[];
}

/**
 * What a replay came to along the way, in buckets of `stride` events each; bounded, however long the trace. All numbers are
 * those of the run, summed over address spaces.
 */
export interface Timeline {
  /** Events of a bucket, a power of two; the last bucket may have fewer. */
  readonly stride: number;
  /** Events in all buckets. */
  readonly events: number;
  /** When the first event of each bucket happened, in nanoseconds of the trace; null where it has no times. */
  readonly ts: readonly number[] | null;
  /** Without those that were 0 all along. By metric: `tables.live`, `tables.live.l0` ... `.l3`, `memory.occupied`, `op.unused`, `reservations.pinned`, `alloc.held`, `mapped.live`. */
  readonly gauges: Readonly<Record<string, Gauge>>;
  /** What each bucket added, without what nothing was added to; `findings.KIND` too. By metric: `tables.allocated`, `tables.freed`, `tlb.flushWalks`, `tlb.iotlbSyncs`, `tlb.addPages`, `tlb.flushAlls`, `tlb.commands`, ... */
  readonly counts: Readonly<Record<string, readonly number[]>>;
}

/** One event that cost more of something than most. */
export type Offender = CostlyEvent;
