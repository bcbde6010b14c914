/** How a flush queue is laid out. */
export interface QueueShape {
  /** Entries of a ring, of which one stays free. */
  readonly entries: number;
  /** Nanoseconds from the first entry to the timer. */
  readonly timeout: number;
  /** One ring for each CPU; else all share one. */
  readonly perCpu: boolean;
}

/** dma-iommu.c: IOVA_DEFAULT_FQ_SIZE and IOVA_SINGLE_FQ_SIZE, with their timeouts. */
export const QUEUE_SHAPES = {
  percpu: { entries: 256, timeout: 10e6, perCpu: true },
  single: { entries: 32768, timeout: 1000e6, perCpu: false },
} as const satisfies Readonly<Record<string, QueueShape>>;

/** Unmapped ranges that wait for a flush. */
class Ring {
  head = 0;
  tail = 0;
  readonly pages: Float64Array;
  readonly tables: Float64Array;
  readonly counter: Float64Array;

  constructor(entries: number) {
    this.pages = new Float64Array(entries);
    this.tables = new Float64Array(entries);
    this.counter = new Float64Array(entries);
  }
}

/**
 * The DMA API's flush queue of one domain (dma-iommu.c:queue_iova, fq_flush_timeout): IOVAs of lazy unmaps wait until the
 * whole address space has been flushed, which a full ring or a timer asks for; with them the tables of an engine that puts those
 * on the freelist of a gather, which generic_pt does and io-pgtable-arm does not.
 */
export class FlushQueue {
  /** Flushes that a full ring, and the timer, asked for. */
  fullFlushes = 0;
  timerFlushes = 0;
  /** Entries, pages and tables that wait now, in all rings, and at most. */
  waiting = 0;
  waitingPages = 0;
  waitingTables = 0;
  peak = 0;
  peakPages = 0;
  peakTables = 0;
  /** When the timer goes off, in nanoseconds of the trace; infinite while it is not armed. */
  deadline = Number.POSITIVE_INFINITY;
  readonly #shape: QueueShape;
  readonly #flush: () => void;
  readonly #rings = new Map<number, Ring>();
  #started = 0;
  #finished = 0;

  /** `flush` invalidates the whole address space. */
  constructor(shape: QueueShape, flush: () => void) {
    this.#shape = shape;
    this.#flush = flush;
  }

  /**
   * An unmap of so many pages on a CPU, at a time of the trace; NaN where there is none: the timer never goes off. `tables`: how
   * many are on its freelist.
   */
  push(cpu: number, pages: number, now: number, tables = 0): void {
    const { entries, timeout, perCpu } = this.#shape;
    const ring = this.#ring(perCpu ? cpu : 0, entries);
    this.#release(ring, entries);
    if ((ring.tail + 1) % entries === ring.head) {
      this.fullFlushes++;
      this.#flushAll();
      this.#release(ring, entries);
    }
    ring.pages[ring.tail] = pages;
    ring.tables[ring.tail] = tables;
    ring.counter[ring.tail] = this.#started;
    ring.tail = (ring.tail + 1) % entries;
    this.waiting++;
    this.waitingPages += pages;
    this.waitingTables += tables;
    if (this.waiting > this.peak) this.peak = this.waiting;
    if (this.waitingPages > this.peakPages) this.peakPages = this.waitingPages;
    if (this.waitingTables > this.peakTables) this.peakTables = this.waitingTables;
    if (this.deadline === Number.POSITIVE_INFINITY && !Number.isNaN(now)) this.deadline = now + timeout;
  }

  /** Time has come this far. */
  tick(now: number): void {
    if (!(now >= this.deadline)) return;
    this.deadline = Number.POSITIVE_INFINITY;
    this.timerFlushes++;
    this.#flushAll();
    for (const ring of this.#rings.values()) this.#release(ring, this.#shape.entries);
  }

  #flushAll(): void {
    this.#started++;
    this.#flush();
    this.#finished++;
  }

  /** Entries that were there before the last flush began are done with (fq_ring_free). */
  #release(ring: Ring, entries: number): void {
    while (ring.head !== ring.tail && ring.counter[ring.head] < this.#finished) {
      this.waiting--;
      this.waitingPages -= ring.pages[ring.head];
      this.waitingTables -= ring.tables[ring.head];
      ring.head = (ring.head + 1) % entries;
    }
  }

  #ring(cpu: number, entries: number): Ring {
    let ring = this.#rings.get(cpu);
    if (ring === undefined) {
      ring = new Ring(entries);
      this.#rings.set(cpu, ring);
    }
    return ring;
  }
}
