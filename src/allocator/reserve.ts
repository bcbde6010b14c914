import { NO_PAGE } from '../lpae/callbacks.ts';
import type { PageTable } from '../lpae/page-table.ts';
import type { Demand } from './demand.ts';
import { type Formula, type FormulaName, formulaFor } from './need/formulas.ts';
import type { Need } from './need/need.ts';
import { type CommonPages, PageCache } from './pages/common-pages.ts';
import type { PageStock } from './pages/page-stock.ts';
import { TicketedAllocator } from './ticketed-allocator.ts';

/** Msm lets no job in while more pages than this are in flight (msm_gem_vma.c:msm_ioctl_vm_bind). */
const THROTTLE_PAGES = 1024;

/**
 * What GPU drivers do for queued operations (panthor_mmu.c:alloc_pt, msm_iommu.c:msm_iommu_pagetable_alloc_pt): pages are
 * reserved at submission, all or none, and belong to that operation alone. It never gets any other page, not even one
 * that it freed itself: freed pages and the surplus go to a cache that later submissions, of any address space, draw from.
 */
export class ReserveAllocator extends TicketedAllocator {
  readonly announced = true;
  readonly usesContext = true;
  override readonly unit: 'op' | 'job';
  readonly #name: FormulaName;
  #formula: Formula | null = null;
  #cache = new PageCache();
  /** Pages of tickets that are not cleaned up yet, used ones included. */
  #inFlight = 0;
  /** A submission is waiting for the throttle. */
  #waiting = false;

  constructor(formula: FormulaName, zero: boolean, common?: CommonPages) {
    super({ freshOnTake: true, recycled: zero }, common);
    this.#name = formula;
    this.unit = formula === 'msm' ? 'job' : 'op';
  }

  override attach(table: PageTable): void {
    super.attach(table);
    this.#cache = this.common.cacheOf(table.granule);
    this.#cache.users++;
    this.#formula = formulaFor(this.#name, table);
  }

  /** The check comes before a job's pages are added, so that the last job let in may go beyond the limit. */
  override mustWait(): boolean {
    if (this.#name !== 'msm' || this.#inFlight <= THROTTLE_PAGES) return false;
    if (!this.#waiting) this.stats.throttleWaits++;
    this.#waiting = true;
    return true;
  }

  override submit(demands: readonly Demand[]): number {
    this.#waiting = false;
    const ticket = super.submit(demands);
    if (ticket >= 0) this.#inFlight += this.ledger.reserved(ticket);
    return ticket;
  }

  override cleanup(ticket: number): void {
    this.#inFlight -= this.ledger.reserved(ticket);
    super.cleanup(ticket);
  }

  protected override plan(demands: readonly Demand[], need: Need): void {
    this.#formula?.(demands, need);
    need.addTables(demands);
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    return own === NO_PAGE ? this.failUnderReserved() : own;
  }

  protected recycle(token: number): void {
    this.#cache.stock.put(token);
    this.borrow(-1);
    this.notePool(this.#cache.stock.pages);
  }

  protected override obtain(pages: number, own: PageStock): boolean {
    const { stock, promised } = this.#cache;
    // Address spaces that count their pages may draw from the same cache: theirs are not taken.
    const free = stock.pages - promised;
    if (!this.obtainFrom(stock, pages, own, free)) return false;
    this.borrow(Math.min(free, pages));
    return true;
  }

  protected override surplus(own: PageStock): void {
    this.borrow(-own.pages);
    own.moveTo(this.#cache.stock, own.pages);
    this.notePool(this.#cache.stock.pages);
  }

  protected override release(): void {
    const { stock } = this.#cache;
    if (--this.#cache.users > 0) return;
    this.borrow(stock.pages);
    stock.giveBack(this.source, stock.pages);
    this.notePool(0);
  }
}
