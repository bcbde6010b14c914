import { NO_PAGE } from '../lpae/callbacks.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { PageStock } from './pages/page-stock.ts';
import { TicketedAllocator } from './tickets/ticketed-allocator.ts';

/**
 * A pool of free pages in front of the page allocator: the page freed last is used first, a table that finds the pool
 * empty costs one call. The pool is filled to `min` pages at first and keeps at most `max`.
 */
export class PoolAllocator extends TicketedAllocator {
  readonly announced = false;
  readonly usesContext = false;
  readonly #pool = new PageStock();
  readonly #min: number;
  readonly #max: number;

  constructor(min: number, max: number, zero: boolean) {
    super({ freshOnTake: false, recycled: zero });
    this.#min = min;
    this.#max = max;
  }

  override attach(table: PageTable): void {
    super.attach(table);
    this.source.inRun = false;
    if (this.#min > 0 && this.source.fetchBulk(this.#min)) this.#pool.addFresh(this.#min);
    this.source.inRun = true;
    this.notePool(this.#pool.pages);
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    if (own !== NO_PAGE) return own;
    if (this.#pool.pages === 0) return this.takeFetched();
    this.stats.hits++;
    const token = this.#pool.take(this.source);
    this.notePool(this.#pool.pages);
    return token;
  }

  protected recycle(token: number): void {
    if (this.#pool.pages >= this.#max) {
      this.giveBack(token);
      return;
    }
    this.#pool.put(token);
    this.notePool(this.#pool.pages);
  }

  protected override obtain(pages: number, own: PageStock): boolean {
    return this.obtainFrom(this.#pool, pages, own);
  }

  protected override surplus(own: PageStock): void {
    own.moveTo(this.#pool, Math.min(own.pages, Math.max(0, this.#max - this.#pool.pages)));
    own.giveBack(this.source, own.pages);
    this.notePool(this.#pool.pages);
  }

  protected override release(): void {
    this.#pool.giveBack(this.source, this.#pool.pages);
    this.notePool(0);
  }
}
