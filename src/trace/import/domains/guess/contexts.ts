import type { Journal } from './journal.ts';

/** What the last request of a context was. */
export interface LastRequest {
  readonly space: number;
  /** Nanoseconds, -1 unknown. */
  readonly ns: number;
  /** Page behind a map, -1 after an unmap. */
  readonly end: number;
  /** Where the list began that it may be a piece of, and the pages of the freed range that the list took, 0: none. */
  readonly base: number;
  readonly cap: number;
}

/** A task or an interrupt level of one: what it did last, and for which address spaces it works. */
export class Context {
  last: LastRequest | null = null;
  /** Surprises so far, fading, and how many are too many. */
  surprise = 0;
  limit = 0;
  #total = 0;
  readonly #counts: number[] = [];

  /** Share of this context's requests that were for a space, of `spaces` in all. */
  shareOf(space: number, spaces: number): number {
    return ((this.#counts[space] ?? 0) + 0.1) / (this.#total + 0.1 * spaces);
  }

  get fresh(): boolean {
    return this.#total === 0;
  }

  note(last: LastRequest, journal: Journal): void {
    const before = this.last;
    const { space } = last;
    this.last = last;
    this.#total++;
    this.#counts[space] = (this.#counts[space] ?? 0) + 1;
    journal.undo(() => {
      this.last = before;
      this.#total--;
      this.#counts[space]--;
    });
  }
}
