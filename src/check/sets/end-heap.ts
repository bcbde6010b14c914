/** Items by the time at which they end: the one that ends first is at hand. */
export class EndHeap {
  readonly #ends: number[] = [];
  readonly #items: number[] = [];

  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  /** When the first of them ends; infinity when there is none. */
  get next(): number {
    return this.#ends.length === 0 ? Number.POSITIVE_INFINITY : this.#ends[0];
  }

  push(end: number, item: number): void {
    const ends = this.#ends;
    const items = this.#items;
    let at = ends.length;
    ends.push(end);
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (ends[parent] <= end) break;
      ends[at] = ends[parent];
      items[at] = items[parent];
      at = parent;
    }
    ends[at] = end;
    items[at] = item;
  }

  /** Takes out the item that ends first; the heap must not be empty. */
  pop(): number {
    const ends = this.#ends;
    const items = this.#items;
    const first = items[0];
    const end = ends.pop() as number;
    const item = items.pop() as number;
    const { length } = ends;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && ends[child + 1] < ends[child]) child++;
      if (ends[child] >= end) break;
      ends[at] = ends[child];
      items[at] = items[child];
      at = child;
    }
    ends[at] = end;
    items[at] = item;
    return first;
  }
}
