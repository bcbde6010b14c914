import type { CpuEvents } from './cpu-events.ts';

/** Gives the events of several CPUs in the order of time; at the same time, that of the CPU that was named first. */
export class Merge {
  /** A heap: each comes before those at twice its place plus one and plus two. */
  readonly #heap: CpuEvents[];

  /** All must stand on an event. */
  constructor(cpus: readonly CpuEvents[]) {
    this.#heap = [...cpus].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  /** The CPU whose event is next; undefined when there are no more. */
  get first(): CpuEvents | undefined {
    return this.#heap[0];
  }

  /** To be called after the first has gone on to its next event. */
  update(): void {
    this.#sink();
  }

  /** Takes out the first, which has no more events. */
  drop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #sink(): void {
    const heap = this.#heap;
    const moved = heap[0];
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], moved)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = moved;
  }
}

function isBefore(a: CpuEvents, b: CpuEvents): boolean {
  if (a.times.seconds !== b.times.seconds) return a.times.seconds < b.times.seconds;
  if (a.times.nanos !== b.times.nanos) return a.times.nanos < b.times.nanos;
  return a.order < b.order;
}
