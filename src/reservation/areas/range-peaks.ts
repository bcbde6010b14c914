/** What IOVA reservations and grace periods held at most over all address spaces of a run: those of single ones do not add up. */
export class RangePeaks {
  pinned = 0;
  pinnedPeak = 0;
  pinnedBytes = 0;
  pinnedBytesPeak = 0;
  parked = 0;
  parkedPeak = 0;
  deferred = 0;
  deferredPeak = 0;

  /** Counts tables that became pinned (or, negative, are no more), and their bytes. */
  pin(tables: number, bytes: number): void {
    this.pinned += tables;
    this.pinnedBytes += bytes;
    if (this.pinned > this.pinnedPeak) this.pinnedPeak = this.pinned;
    if (this.pinnedBytes > this.pinnedBytesPeak) this.pinnedBytesPeak = this.pinnedBytes;
  }

  /** Counts tables set aside (or, negative, taken from there). */
  park(tables: number): void {
    this.parked += tables;
    if (this.parked > this.parkedPeak) this.parkedPeak = this.parked;
  }

  /** Counts freed tables that begin to wait (or, negative, have gone back). */
  defer(tables: number): void {
    this.deferred += tables;
    if (this.deferred > this.deferredPeak) this.deferredPeak = this.deferred;
  }
}
