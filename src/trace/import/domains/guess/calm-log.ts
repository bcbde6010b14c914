import type { PageRange } from '../huge-ranges.ts';
import { LiveRanges } from '../live-ranges.ts';

/** Requests that are remembered; a power of two. */
const CAPACITY = 65536;
const HALF = CAPACITY / 2;

/** A remembered request. */
export interface CalmRequest {
  readonly ticket: number;
  readonly isMap: boolean;
  readonly page: number;
  readonly pages: number;
  readonly physical: number;
  readonly context: number;
  readonly cpu: number;
  readonly ns: number;
}

/**
 * The requests of a recording that one address space can have made. While that is so there is nothing to weigh: they are
 * checked against what is live and written down, the latest of them, for the day when a second space shows itself.
 */
export class CalmLog {
  readonly #live = new LiveRanges();
  /** What was live before the first request that is remembered. */
  readonly #before = new LiveRanges();
  readonly #tickets = new Float64Array(CAPACITY);
  readonly #maps = new Uint8Array(CAPACITY);
  readonly #pages = new Float64Array(CAPACITY);
  readonly #starts = new Float64Array(CAPACITY);
  readonly #physical = new Float64Array(CAPACITY);
  readonly #contexts = new Int32Array(CAPACITY);
  readonly #cpus = new Int32Array(CAPACITY);
  readonly #times = new Float64Array(CAPACITY);
  /** Requests forgotten, and all that came. */
  #first = 0;
  #count = 0;
  /** Unmaps of what never was mapped. */
  unknown = 0;

  get count(): number {
    return this.#count;
  }

  /** Number of the first request that is remembered. */
  get first(): number {
    return this.#first;
  }

  /** Writes a request down; false when one space cannot have made it: then nothing is changed. */
  take(
    ticket: number,
    isMap: boolean,
    page: number,
    pages: number,
    physical: number,
    context: number,
    cpu: number,
    ns: number,
  ): boolean {
    const live = this.#live;
    if (isMap) {
      if (live.overlaps(page, pages)) return false;
      live.add(page, pages);
    } else {
      const there = live.livePages(page, pages);
      if (there < pages && (there > 0 || live.overlaps(page, pages))) return false;
      if (there === 0) this.unknown++;
      else live.remove(page, pages);
    }
    if (this.#count - this.#first === CAPACITY) this.#forgetHalf();
    const at = this.#count++ & (CAPACITY - 1);
    this.#tickets[at] = ticket;
    this.#maps[at] = isMap ? 1 : 0;
    this.#starts[at] = page;
    this.#pages[at] = pages;
    this.#physical[at] = physical;
    this.#contexts[at] = context;
    this.#cpus[at] = cpu;
    this.#times[at] = ns;
    return true;
  }

  ticketOf(number: number): number {
    return this.#tickets[number & (CAPACITY - 1)];
  }

  request(number: number): CalmRequest {
    const at = number & (CAPACITY - 1);
    return {
      ticket: this.#tickets[at],
      isMap: this.#maps[at] === 1,
      page: this.#starts[at],
      pages: this.#pages[at],
      physical: this.#physical[at],
      context: this.#contexts[at],
      cpu: this.#cpus[at],
      ns: this.#times[at],
    };
  }

  /** What was live before the first request that is remembered. */
  liveBefore(): PageRange[] {
    return this.#before.all();
  }

  #forgetHalf(): void {
    for (const end = this.#first + HALF; this.#first < end; this.#first++) {
      const at = this.#first & (CAPACITY - 1);
      if (this.#maps[at] === 1) this.#before.add(this.#starts[at], this.#pages[at]);
      else this.#before.remove(this.#starts[at], this.#pages[at]);
    }
  }
}
