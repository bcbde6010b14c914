import { QuickRequest } from '../quick-request.ts';
import type { RecordedRequest } from '../request.ts';

/** A request that waits for its address space. */
export class Waiting {
  /** Null for one that its line or record tells all of. */
  request: RecordedRequest | null = null;
  /** Such a request, and the number of its line or record. */
  readonly quick = new QuickRequest();
  line = 0;
}

const FIRST_PLACES = 16;

/** Requests in their order. What they wait in is used again, so that nothing is made for one that is quick. */
export class WaitingRequests {
  #places: Waiting[] = Array.from({ length: FIRST_PLACES }, () => new Waiting());
  /** Requests that have left, and all that came. */
  #head = 0;
  #count = 0;

  /** Requests that have come so far. */
  get count(): number {
    return this.#count;
  }

  add(request: RecordedRequest): void {
    this.#next().request = request;
  }

  /** The request on line `line`. */
  addQuick(request: QuickRequest, line: number): void {
    const waiting = this.#next();
    waiting.quick.copy(request);
    waiting.line = line;
  }

  /** The oldest, which no longer waits. It is valid until one is added. */
  shift(): Waiting {
    return this.#places[this.#head++ % this.#places.length];
  }

  #next(): Waiting {
    if (this.#count - this.#head === this.#places.length) this.#grow();
    const waiting = this.#places[this.#count++ % this.#places.length];
    waiting.request = null;
    return waiting;
  }

  #grow(): void {
    const old = this.#places;
    const places = Array.from({ length: old.length * 2 }, () => new Waiting());
    for (let i = this.#head; i < this.#count; i++) places[i % places.length] = old[i % old.length];
    this.#places = places;
  }
}
