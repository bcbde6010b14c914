import { GranuleGuess } from './domains/granule.ts';
import type { RecordedRequest } from './request.ts';

/** The first requests of a recording, each with its address space, while they wait for the granule to be known. */
export class HeldRequests {
  readonly #guess = new GranuleGuess();
  #held: [RecordedRequest, string][] | null = [];

  /** Requests wait. */
  get waiting(): boolean {
    return this.#held !== null;
  }

  /** The granule in bytes by the alignment of what came so far. */
  get granule(): number {
    return this.#guess.granule;
  }

  /** Whether a request on the address space `key` waits. */
  isFor(key: string): boolean {
    return this.#held?.some(([, held]) => held === key) === true;
  }

  /** Takes a request; true once the granule is known. */
  add(request: RecordedRequest, key: string): boolean {
    this.#held?.push([request, key]);
    const { event } = request;
    const paddr = event.kind === 'iommu-map' && event.physical === undefined ? event.paddr : event.iova;
    return this.#guess.add(event.iova, paddr, event.size);
  }

  /** What waited, in its order; from now on nothing waits. */
  release(): readonly (readonly [RecordedRequest, string])[] {
    const held = this.#held ?? [];
    this.#held = null;
    return held;
  }
}
