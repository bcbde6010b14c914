import type { PgtableAlloc } from '../payload.ts';

interface Recorded {
  readonly alloc: PgtableAlloc;
  readonly text: string;
}

/**
 * Configurations of page tables in the order they were made, for tables whose keys are not known yet: a probe on a constructor
 * does not see the key.
 */
export class RecordedConfigs {
  readonly #recorded: Recorded[] = [];
  #head = 0;
  /** Neighbours that differ, from the head on. */
  #changes = 0;

  add(alloc: PgtableAlloc): void {
    const text = JSON.stringify(alloc);
    if (this.#recorded.length > this.#head && this.#recorded[this.#recorded.length - 1].text !== text) this.#changes++;
    this.#recorded.push({ alloc, text });
  }

  /** All that may be meant are the same, so that there is nothing to choose. */
  get alike(): boolean {
    return this.#changes === 0;
  }

  /**
   * For a table that is met for the first time, whose smallest page is `granule`: the oldest that has such pages, taken off
   * when others differ. Undefined: none was recorded.
   */
  next(granule: number): PgtableAlloc | undefined {
    const recorded = this.#recorded;
    if (this.#changes === 0) return recorded[this.#head]?.alloc;
    const last = Math.min(recorded.length, this.#head + LOOKED_AT);
    let found = this.#head;
    while (found < last && smallestPage(recorded[found].alloc.pgsizes) !== granule) found++;
    if (found === last) found = this.#head;
    const { alloc } = recorded[found];
    const differ = (a: number, b: number): number =>
      a >= this.#head && b < recorded.length && recorded[a].text !== recorded[b].text ? 1 : 0;
    this.#changes -= differ(found - 1, found) + differ(found, found + 1);
    if (found === this.#head) this.#head++;
    else {
      this.#changes += differ(found - 1, found + 1);
      recorded.splice(found, 1);
    }
    return alloc;
  }
}

/** Configurations that are looked at for one that fits. */
const LOOKED_AT = 64;

/** The lowest bit of a bitmap of page sizes below 2^53. */
function smallestPage(pgsizes: number): number {
  const low = pgsizes % 2 ** 32;
  return low === 0 ? 2 ** 32 * ((pgsizes / 2 ** 32) & -(pgsizes / 2 ** 32)) : low & -low;
}
