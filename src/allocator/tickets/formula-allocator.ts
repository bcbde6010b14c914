import type { PageTable } from '../../lpae/page-table.ts';
import type { Demand } from '../demand.ts';
import { type Formula, type FormulaName, formulaFor } from '../need/formulas.ts';
import type { Need } from '../need/need.ts';
import { type CommonPages, PageCache } from '../pages/common-pages.ts';
import { TicketedAllocator } from './ticketed-allocator.ts';

/** Strategies that reserve by a formula, before anybody knows what an operation will find. Slab pages: zeroed when taken. */
export abstract class FormulaAllocator extends TicketedAllocator {
  readonly announced = true;
  protected readonly formulaName: FormulaName;
  #formula: Formula | null = null;

  constructor(formula: FormulaName, zero: boolean, common?: CommonPages) {
    super({ freshOnTake: true, recycled: zero }, common);
    this.formulaName = formula;
  }

  override attach(table: PageTable): void {
    super.attach(table);
    this.#formula = formulaFor(this.formulaName, table);
  }

  protected override plan(demands: readonly Demand[], need: Need): void {
    this.#formula?.(demands, need);
    need.addTables(demands);
  }
}

/** Of these, the ones whose free pages lie in a cache that serves all address spaces of a run. */
export abstract class CachedAllocator extends FormulaAllocator {
  readonly usesContext = true;
  protected cache = new PageCache();

  override attach(table: PageTable): void {
    super.attach(table);
    this.cache = this.common.cacheOf(table.granule);
    this.cache.users++;
  }

  protected override release(): void {
    const { stock } = this.cache;
    if (--this.cache.users > 0) return;
    this.borrow(stock.pages);
    stock.giveBack(this.source, stock.pages);
    this.notePool(0);
  }
}
