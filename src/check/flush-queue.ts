import type { FlushQueueKind } from './options.ts';

const MS = 1_000_000;

/** Entries of the ring, of which one stays free, and nanoseconds until its timer fires. */
const SHAPES: Readonly<Record<FlushQueueKind, readonly [entries: number, timeout: number]>> = {
  percpu: [256, 10 * MS],
  single: [32768, 1000 * MS],
};

/**
 * The flush queue of lazy unmaps (dma-iommu.c:queue_iova, fq_flush_timeout), for one address space. A trace names no CPUs,
 * so that there is one ring; without times there is no timer, and only a full ring flushes.
 */
export class FlushQueue {
  /** Invalidations of the whole address space so far: what was queued before the last one is gone. */
  flushes = 0;
  readonly #entries: number;
  readonly #timeout: number;
  #queued = 0;
  /** When the timer fires; infinity: it is not armed. */
  #fires = Number.POSITIVE_INFINITY;

  constructor(kind: FlushQueueKind) {
    [this.#entries, this.#timeout] = SHAPES[kind];
  }

  /** Time has come to `now`; NaN: it is not known. */
  advance(now: number): void {
    if (!(now >= this.#fires)) return;
    this.#fires = Number.POSITIVE_INFINITY;
    this.flushAll();
  }

  /** An unmap is queued, at a time that is NaN where none is known. The ring is flushed before it, when it is full. */
  queue(now: number): void {
    if (this.#queued + 1 >= this.#entries) this.flushAll();
    this.#queued++;
    if (now + this.#timeout < this.#fires) this.#fires = now + this.#timeout;
  }

  /** Everything is invalidated, by whoever it was. */
  flushAll(): void {
    this.flushes++;
    this.#queued = 0;
  }
}
