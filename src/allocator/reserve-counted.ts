import type { Demand } from './demand.ts';
import type { FormulaName } from './need/formulas.ts';
import type { CommonPages } from './pages/common-pages.ts';
import type { PageStock } from './pages/page-stock.ts';
import { CachedAllocator } from './tickets/formula-allocator.ts';
import { NO_OPERATION } from './tickets/ticketed-allocator.ts';

/**
 * The guarantee of `reserve` with less motion: pages stay in a shared pool, and a ticket is a number of them. A
 * submission is refused when the pool, less what others have been promised, cannot be made to hold its pages; a table is
 * refused once its operation has used up its number. So the pool never runs out under an operation.
 */
export class ReserveCountedAllocator extends CachedAllocator {
  /** Pages that the pool may hold; 0: any number. */
  readonly #max: number;

  constructor(formula: FormulaName, max: number, zero: boolean, common?: CommonPages) {
    super(formula, zero, common);
    this.#max = max;
  }

  override submit(demands: readonly Demand[]): number {
    const ticket = super.submit(demands);
    this.#note();
    return ticket;
  }

  override cleanup(ticket: number): void {
    this.cache.promised -= this.ledger.unused(ticket);
    super.cleanup(ticket);
    this.#note();
  }

  protected take(level: number): number {
    const { running, ledger } = this;
    if (running === NO_OPERATION || ledger.unused(running) === 0) return this.failUnderReserved();
    ledger.use(running, level);
    this.stats.hits++;
    this.cache.promised--;
    this.borrow(1);
    return this.cache.stock.take(this.source);
  }

  protected recycle(token: number): void {
    const { stock } = this.cache;
    if (this.#max > 0 && stock.pages >= this.#max) this.giveBack(token);
    else {
      stock.put(token);
      this.borrow(-1);
    }
    this.#note();
  }

  /** The pages stay in the pool, which grows by what is not promised to others and still lacking. */
  protected override obtain(pages: number, _own: PageStock): boolean {
    const { stock, promised } = this.cache;
    const lacking = pages - (stock.pages - promised);
    if (lacking > 0) {
      if (this.#max > 0 && stock.pages + lacking > this.#max) return false;
      if (!this.source.fetchBulk(lacking)) return false;
      stock.addFresh(lacking);
      this.borrow(-lacking);
    }
    this.cache.promised += pages;
    return true;
  }

  protected override surplus(_own: PageStock): void {}

  #note(): void {
    this.notePool(Math.max(0, this.cache.stock.pages - this.cache.promised));
  }
}
