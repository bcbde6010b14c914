import { QuickRequest } from '../quick-request.ts';
import type { RecordedRequest } from '../request.ts';

/** A request that waits for its address space. */
export class Waiting {
  /** Null for one that a line tells all of. */
  request: RecordedRequest | null = null;
  /** Such a line and its number. */
  readonly line = new QuickRequest();
  number = 0;
}

const FIRST_PLACES = 16;

/** Requests in their order. What they wait in is used again, so that nothing is made for a line. */
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

  /** The request on line `number`. */
  addQuick(line: QuickRequest, number: number): void {
    const waiting = this.#next();
    waiting.line.copy(line);
    waiting.number = number;
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
