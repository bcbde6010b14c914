/**
 * What operations cost in accesses to table memory: a stand-in for time that is the same on every machine. Freed pages
 * and pages zeroed by the allocator are not counted.
 */
export class PteCost {
  /** Walks that began at the start table. */
  walks = 0;
  /** Descriptors read, and written or cleared. */
  reads = 0;
  writes = 0;
}
