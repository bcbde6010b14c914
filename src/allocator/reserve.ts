import { NO_PAGE } from '../lpae/callbacks.ts';
import type { Demand } from './demand.ts';
import type { FormulaName } from './need/formulas.ts';
import type { CommonPages } from './pages/common-pages.ts';
import type { PageStock } from './pages/page-stock.ts';
import { CachedAllocator } from './tickets/formula-allocator.ts';

/** Msm lets no job in while more pages than this are in flight (msm_gem_vma.c:msm_ioctl_vm_bind). */
export const THROTTLE_PAGES = 1024;

/**
 * What GPU drivers do for queued operations (panthor_mmu.c:alloc_pt, msm_iommu.c:msm_iommu_pagetable_alloc_pt): pages are
 * reserved at submission, all or none, and belong to that operation alone. It never gets any other page, not even one
 * that it freed itself: freed pages and the surplus go to a cache that later submissions, of any address space, draw from.
 */
export class ReserveAllocator extends CachedAllocator {
  override readonly unit: 'op' | 'job';
  override readonly throttles: boolean;
  /** Pages of tickets that are not cleaned up yet, used ones included. */
  #inFlight = 0;
  /** A submission is waiting for the throttle. */
  #waiting = false;

  constructor(formula: FormulaName, zero: boolean, common?: CommonPages) {
    super(formula, zero, common);
    this.unit = formula === 'msm' ? 'job' : 'op';
    this.throttles = formula === 'msm';
  }

  override get inFlight(): number {
    return this.#inFlight;
  }

  /** The check comes before a job's pages are added, so that the last job let in may go beyond the limit. */
  override mustWait(): boolean {
    if (!this.throttles || this.#inFlight <= THROTTLE_PAGES) return false;
    if (!this.#waiting) this.stats.throttleWaits++;
    this.#waiting = true;
    return true;
  }

  override submit(demands: readonly Demand[]): number {
    this.#waiting = false;
    const ticket = super.submit(demands);
    if (ticket >= 0) this.#inFlight += this.ledger.reserved(ticket);
    // The kernel's count keeps the pages of a job for which there were none (msm_gem_vma.c:vm_bind_job_prepare).
    else if (this.throttles) this.#inFlight += this.need.pages;
    return ticket;
  }

  override cleanup(ticket: number): void {
    this.#inFlight -= this.ledger.reserved(ticket);
    super.cleanup(ticket);
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    return own === NO_PAGE ? this.failUnderReserved() : own;
  }

  protected recycle(token: number): void {
    this.cache.stock.put(token);
    this.borrow(-1);
    this.notePool(this.cache.stock.pages);
  }

  protected override obtain(pages: number, own: PageStock): boolean {
    const { stock, promised } = this.cache;
    // Address spaces that count their pages may draw from the same cache: theirs are not taken.
    const free = stock.pages - promised;
    if (!this.obtainFrom(stock, pages, own, free)) return false;
    this.borrow(Math.min(free, pages));
    return true;
  }

  protected override surplus(own: PageStock): void {
    this.borrow(-own.pages);
    own.moveTo(this.cache.stock, own.pages);
    this.notePool(this.cache.stock.pages);
  }
}
