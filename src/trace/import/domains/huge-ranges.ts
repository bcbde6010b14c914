/** A run of pages. */
export interface PageRange {
  readonly page: number;
  readonly pages: number;
}

/** Ranges of many pages, apart from each other and in rising order: machines have a few dozen. */
export class HugeRanges {
  readonly #list: PageRange[] = [];

  get empty(): boolean {
    return this.#list.length === 0;
  }

  at(index: number): PageRange {
    return this.#list[index];
  }

  all(): PageRange[] {
    return [...this.#list];
  }

  /** Index of the first that meets some pages, -1: none does. */
  first(page: number, pages: number): number {
    const index = this.#endingAfter(page);
    return index < this.#list.length && this.#list[index].page < page + pages ? index : -1;
  }

  /** Adds a range that meets none of those that are there. */
  add(page: number, pages: number): void {
    this.#list.splice(this.#endingAfter(page), 0, { page, pages });
  }

  /** Takes pages out; what is left of a range before and behind them stays. */
  remove(page: number, pages: number): void {
    const from = this.#endingAfter(page);
    let to = from;
    const rest: PageRange[] = [];
    for (; to < this.#list.length && this.#list[to].page < page + pages; to++) {
      const { page: start, pages: length } = this.#list[to];
      if (start < page) rest.push({ page: start, pages: page - start });
      if (start + length > page + pages) rest.push({ page: page + pages, pages: start + length - page - pages });
    }
    if (to > from) this.#list.splice(from, to - from, ...rest);
  }

  /** Index of the first range that ends behind `page`; their number when none does. */
  #endingAfter(page: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { page: start, pages } = this.#list[middle];
      if (start + pages <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
