/** Upper bounds in bytes of the classes that operations are sorted into by their size; the last has none. */
export const SIZE_CLASSES: readonly number[] = [2 ** 12, 2 ** 16, 2 ** 21, 2 ** 25, 2 ** 30, Number.POSITIVE_INFINITY];

/** Classes of the share of a reservation that was used, in per cent: none, quarters, all. */
export const USE_CLASSES = ['0', '1-25', '26-50', '51-75', '76-99', '100'] as const;

/** Peaks over all address spaces of a run: those of single ones do not add up. */
export class RunPeaks {
  /** Operations of all address spaces that have gone by. */
  ticks = 0;
  unusedNow = 0;
  unusedPeak = 0;
  heldBytes = 0;
  heldBytesPeak = 0;

  /** Counts pages reserved elsewhere, for tables of a format of their own: see TableMemory.elsewhere. */
  elsewhere(pages: number, most: number): void {
    this.unusedPeak = Math.max(this.unusedPeak, this.unusedNow + most);
    this.unusedNow += pages;
    this.unusedPeak = Math.max(this.unusedPeak, this.unusedNow);
  }
}

/** What an allocator of one address space did. Pages are table pages; an operation is what a ticket was given for. */
export class AllocatorStats {
  /** Shared by the address spaces of a run. */
  peaks = new RunPeaks();
  /** Calls of the page allocator for one page, and for several at once; pages that came of both. */
  singleCalls = 0;
  bulkCalls = 0;
  pages = 0;
  /** Pages that bulk calls asked for and got, and the most of one. */
  bulkPages = 0;
  bulkMax = 0;
  /** Calls that gave pages back to the page allocator, one or several at once; pages that went so. */
  freeCalls = 0;
  bulkFreeCalls = 0;
  pagesFreed = 0;
  /** Tables served from what the allocator held already, and those for which it had to ask the page allocator. */
  hits = 0;
  misses = 0;
  refills = 0;
  /** Pages that the allocator holds and that no table and no reservation uses. */
  poolNow = 0;
  poolPeak = 0;
  /** Bytes got and not given back: tables, reservations and pool, less what lies in a cache that address spaces share. */
  heldBytes = 0;
  heldBytesPeak = 0;
  zeroedBytes = 0;
  /** Without zeroing: leaves that a recycled page brought into a new table, and descriptors that were left out. */
  staleLeaves = 0;
  staleDropped = 0;
  /** Operations that failed for want of pages: at submission (or before they touched the tree), and while they ran. */
  failedAtSubmit = 0;
  failedInRun = 0;
  /** Calls of the page allocator, or refused requests for pages, while an operation ran. */
  callsInRun = 0;
  hypercalls = 0;
  /** Submissions that had to wait for a throttle. */
  throttleWaits = 0;
  /** Operations with a ticket, pages reserved for them, used and returned, and tables that they freed while running. */
  operations = 0;
  reserved = 0;
  used = 0;
  returned = 0;
  /** Reserved pages that others took (shared-pool): reserved = used + returned + stolen once all are cleaned up. */
  stolen = 0;
  freedInRun = 0;
  readonly reservedByLevel = new Float64Array(4);
  readonly usedByLevel = new Float64Array(4);
  /** By class of SIZE_CLASSES. */
  readonly classOperations = new Float64Array(SIZE_CLASSES.length);
  readonly classReserved = new Float64Array(SIZE_CLASSES.length);
  readonly classUsed = new Float64Array(SIZE_CLASSES.length);
  /** Operations with a reservation, by the share of it that they used: classes of USE_CLASSES. */
  readonly useClasses = new Float64Array(USE_CLASSES.length);
  /** Pages that are reserved for some operation and not (yet) a table, the most there ever were, and their sum over ticks. */
  unusedNow = 0;
  unusedPeak = 0;
  #pageTicks = 0;
  #settledAt = 0;

  /** Counts pages that are reserved for an operation (or, negative, used or returned). */
  reserve(pages: number): void {
    const { peaks } = this;
    this.#settle();
    this.unusedNow += pages;
    if (this.unusedNow > this.unusedPeak) this.unusedPeak = this.unusedNow;
    peaks.unusedNow += pages;
    if (peaks.unusedNow > peaks.unusedPeak) peaks.unusedPeak = peaks.unusedNow;
  }

  /** Counts bytes got from the page allocator (or, negative, given back). */
  hold(bytes: number): void {
    const { peaks } = this;
    this.heldBytes += bytes;
    if (this.heldBytes > this.heldBytesPeak) this.heldBytesPeak = this.heldBytes;
    peaks.heldBytes += bytes;
    if (peaks.heldBytes > peaks.heldBytesPeak) peaks.heldBytesPeak = peaks.heldBytes;
  }

  /** Counts bytes that come from what all address spaces of a run share (or, negative, go there): held all the while. */
  borrow(bytes: number): void {
    this.heldBytes += bytes;
    if (this.heldBytes > this.heldBytesPeak) this.heldBytesPeak = this.heldBytes;
  }

  /** A tick passes: what is reserved and unused, in any address space, has been so for a tick longer. */
  tick(): void {
    this.peaks.ticks++;
  }

  /** Pages that were reserved and unused, summed over the ticks that went by. */
  get pageTicks(): number {
    this.#settle();
    return this.#pageTicks;
  }

  #settle(): void {
    const { ticks } = this.peaks;
    this.#pageTicks += this.unusedNow * (ticks - this.#settledAt);
    this.#settledAt = ticks;
  }
}
