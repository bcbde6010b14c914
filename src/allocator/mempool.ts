import { NO_PAGE } from '../lpae/callbacks.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { PageStock } from './pages/page-stock.ts';
import { TicketedAllocator } from './tickets/ticketed-allocator.ts';

/**
 * An emergency reserve behind the page allocator (mm/mempool.c): a page is asked for first, and only when there is none
 * does the reserve give one. Freed pages fill the reserve up before they go back. Where both are empty the kernel would
 * sleep until somebody frees a page; here that is a failure.
 */
export class MempoolAllocator extends TicketedAllocator {
  readonly announced = false;
  readonly usesContext = false;
  readonly #reserve = new PageStock();
  readonly #min: number;

  constructor(min: number, zero: boolean) {
    super({ freshOnTake: false, recycled: zero });
    this.#min = min;
  }

  override attach(table: PageTable): void {
    super.attach(table);
    this.source.inRun = false;
    if (this.#min > 0 && this.source.fetchBulk(this.#min)) this.#reserve.addFresh(this.#min);
    this.source.inRun = true;
    this.notePool(this.#reserve.pages);
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    if (own !== NO_PAGE) return own;
    if (this.source.fetch()) {
      this.stats.misses++;
      return this.source.newToken();
    }
    if (this.#reserve.pages === 0) return this.fail();
    this.stats.hits++;
    const token = this.#reserve.take(this.source);
    this.notePool(this.#reserve.pages);
    return token;
  }

  protected recycle(token: number): void {
    if (this.#reserve.pages >= this.#min) {
      this.giveBack(token);
      return;
    }
    this.#reserve.put(token);
    this.notePool(this.#reserve.pages);
  }

  /** The page allocator first, here too; the reserve only if it can give all of them. */
  protected override obtain(pages: number, own: PageStock): boolean {
    if (this.source.fetchBulk(pages)) own.addFresh(pages);
    else if (this.#reserve.pages < pages) return false;
    else this.#reserve.moveTo(own, pages);
    this.notePool(this.#reserve.pages);
    return true;
  }

  protected override surplus(own: PageStock): void {
    own.moveTo(this.#reserve, Math.min(own.pages, Math.max(0, this.#min - this.#reserve.pages)));
    own.giveBack(this.source, own.pages);
    this.notePool(this.#reserve.pages);
  }

  protected override release(): void {
    this.#reserve.giveBack(this.source, this.#reserve.pages);
    this.notePool(0);
  }
}
