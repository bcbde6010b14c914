import { NO_PAGE } from '../lpae/callbacks.ts';
import { PageStock } from './pages/page-stock.ts';
import { TicketedAllocator } from './tickets/ticketed-allocator.ts';

/**
 * A private batch of pages: filled up with `k` at a time, all or none, when it is empty. Freed pages go to the batch;
 * when it would hold more than 2k, k go back in one call.
 */
export class BulkAllocator extends TicketedAllocator {
  readonly announced = false;
  readonly usesContext = false;
  readonly #batch = new PageStock();
  readonly #k: number;

  constructor(k: number, zero: boolean) {
    super({ freshOnTake: false, recycled: zero });
    this.#k = k;
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    if (own !== NO_PAGE) return own;
    if (this.#batch.pages > 0) this.stats.hits++;
    else {
      if (!this.source.fetchBulk(this.#k)) return this.fail();
      this.#batch.addFresh(this.#k);
      this.stats.refills++;
      this.stats.misses++;
    }
    const token = this.#batch.take(this.source);
    this.notePool(this.#batch.pages);
    return token;
  }

  protected recycle(token: number): void {
    if (this.#batch.pages >= 2 * this.#k) this.#batch.giveBack(this.source, this.#k);
    this.#batch.put(token);
    this.notePool(this.#batch.pages);
  }

  protected override obtain(pages: number, own: PageStock): boolean {
    return this.obtainFrom(this.#batch, pages, own);
  }

  protected override surplus(own: PageStock): void {
    own.moveTo(this.#batch, Math.min(own.pages, Math.max(0, 2 * this.#k - this.#batch.pages)));
    own.giveBack(this.source, own.pages);
    this.notePool(this.#batch.pages);
  }

  protected override release(): void {
    this.#batch.giveBack(this.source, this.#batch.pages);
    this.notePool(0);
  }
}
