/** Numbers that look random and are the same every time: xorshift on 32 bits. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds shall not give neighbouring numbers.
    let mixed = Math.imul(seed + 1, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    this.#state = mixed ^ (mixed >>> 13) || 1;
  }

  /** From 0 up to and without `limit`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor(((x >>> 0) / 2 ** 32) * limit);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }
}
