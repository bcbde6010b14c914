import type { PageSource } from './page-source.ts';

/** Pages that are held and are no tables: those that were tables, which have tokens, and fresh ones, which are a number. */
export class PageStock {
  readonly #recycled: number[] = [];
  #fresh = 0;

  get pages(): number {
    return this.#fresh + this.#recycled.length;
  }

  /** Adds a page that was a table. */
  put(token: number): void {
    this.#recycled.push(token);
  }

  addFresh(pages: number): void {
    this.#fresh += pages;
  }

  /** Takes a page for a table, the one that came last first. The stock is not empty. */
  take(source: PageSource): number {
    const token = this.#recycled.pop();
    source.taken(token !== undefined);
    if (token !== undefined) return token;
    this.#fresh--;
    return source.newToken();
  }

  /** Hands `pages` of its pages over, in the order in which it would give them out. */
  moveTo(other: PageStock, pages: number): void {
    let left = pages;
    for (; left > 0; left--) {
      const token = this.#recycled.pop();
      if (token === undefined) break;
      other.put(token);
    }
    this.#fresh -= left;
    other.#fresh += left;
  }

  /** One call that gives `pages` of its pages back, those that were never tables first. */
  giveBack(source: PageSource, pages: number): void {
    if (pages === 0) return;
    const fresh = Math.min(pages, this.#fresh);
    this.#fresh -= fresh;
    for (let left = pages - fresh; left > 0; left--) source.dropToken(this.#recycled.pop() as number);
    source.giveBackBulk(pages);
  }
}
