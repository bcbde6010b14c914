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

  /** For a table that is met for the first time: the oldest, taken off when others differ. Undefined: none was recorded. */
  next(): PgtableAlloc | undefined {
    const recorded: Recorded | undefined = this.#recorded[this.#head];
    if (this.#changes > 0) {
      this.#head++;
      if (this.#recorded[this.#head].text !== recorded.text) this.#changes--;
    }
    return recorded?.alloc;
  }
}
