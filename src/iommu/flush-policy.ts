/** What a TLB flush policy is told, and what it makes of it. Addresses are 64-bit halves, ends inclusive, sizes bytes. */
export interface FlushPolicy {
  /** Walk caches of a range must go at once: a table was unlinked. */
  flushWalk(hi: number, lo: number, size: number, granule: number): void;
  /** A gather ends: leaves of `pgsize` in [start, end] were cleared; pgsize 0 when no page was added. */
  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void;
  /** The whole address space. */
  flushAll(): void;
  /** Invalidation commands and the syncs behind them so far. */
  readonly commands: number;
  readonly commandSyncs: number;
}

/** Receives every TLB callback in order, when somebody wants to see each. */
export interface TlbLog {
  flushWalk(hi: number, lo: number, size: number, granule: number): void;
  /** `count` adjacent pages of `size` bytes. */
  addPages(hi: number, lo: number, size: number, count: number): void;
  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void;
  flushAll(): void;
}
