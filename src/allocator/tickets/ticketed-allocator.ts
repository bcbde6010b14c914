import { GFP_ATOMIC, NO_PAGE } from '../../lpae/callbacks.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { Demand } from '../demand.ts';
import { Need } from '../need/need.ts';
import { CommonPages } from '../pages/common-pages.ts';
import { START_TOKEN } from '../pages/page-names.ts';
import { PageSource, type ZeroRules } from '../pages/page-source.ts';
import { PageStock } from '../pages/page-stock.ts';
import { StalePages } from '../pages/stale-pages.ts';
import { type AllocatorStrategy, type AllocatorViolation, REFUSED } from '../strategy.ts';
import { AllocatorStats } from './allocator-stats.ts';
import { Ledger } from './ledger.ts';

/** No operation runs. */
export const NO_OPERATION = -1;

/**
 * What all strategies share: the start table, tickets with pages of their own, and the phases around an operation. A
 * strategy says where reserved pages come from, where a table's page comes from, and where pages go.
 */
export abstract class TicketedAllocator implements AllocatorStrategy {
  abstract readonly announced: boolean;
  abstract readonly usesContext: boolean;
  readonly unit: 'op' | 'job' = 'op';
  readonly reservesSync: boolean = true;
  readonly stats = new AllocatorStats();
  readonly violations: AllocatorViolation[] = [];
  refused = false;
  readonly throttles: boolean = false;
  readonly stale: StalePages | null;
  protected readonly common: CommonPages;
  protected readonly source: PageSource;
  protected readonly ledger: Ledger;
  /** Ticket of the operation that runs. */
  protected running = NO_OPERATION;
  protected table: PageTable | null = null;
  protected readonly need = new Need();
  /** Pages of each ticket. */
  readonly #own: PageStock[] = [];
  #gone = false;

  constructor(zero: ZeroRules, common = new CommonPages()) {
    this.common = common;
    this.stale = zero.recycled ? null : new StalePages(this.stats, common.names);
    this.source = new PageSource(this.stats, zero, common.names);
    this.ledger = new Ledger(this.stats);
  }

  /** A page for a table of `level`, or NO_PAGE. */
  protected abstract take(level: number): number;
  /** A page that is no table any more. */
  protected abstract recycle(token: number): void;

  /** Gets `pages` (> 0) pages for a ticket, all or none: here one call of the page allocator. */
  protected obtain(pages: number, own: PageStock): boolean {
    if (!this.source.fetchBulk(pages)) return false;
    own.addFresh(pages);
    return true;
  }

  /** Takes back what a ticket did not use: here it goes to the page allocator. */
  protected surplus(own: PageStock): void {
    own.giveBack(this.source, own.pages);
  }

  /** Gives everything that is held to the page allocator: here nothing is. */
  protected release(): void {}

  attach(table: PageTable): void {
    this.table = table;
    this.source.pageBytes = table.granule;
    if (this.stale !== null) this.stale.table = table;
    // Whoever is not told when an operation begins counts every call as one of its.
    this.source.inRun = !this.announced;
  }

  get inFlight(): number {
    return 0;
  }

  mustWait(): boolean {
    return false;
  }

  submit(demands: readonly Demand[]): number {
    const { need, source } = this;
    need.clear();
    this.plan(demands, need);
    const ticket = this.open(demands);
    source.inRun = false;
    const granted = need.pages === 0 || this.obtain(need.pages, this.#own[ticket]);
    source.inRun = !this.announced;
    if (!granted) {
      this.ledger.withdraw(ticket);
      return this.turnDown();
    }
    this.ledger.grant(ticket, need);
    return ticket;
  }

  begin(ticket: number): boolean {
    this.running = ticket;
    this.refused = false;
    this.source.inRun = true;
    return true;
  }

  alloc(_logical: number, _requested: number, occupied: number, gfp: number, level: number): number {
    if (!this.source.started) return this.source.start(occupied);
    if (this.stale !== null) this.stale.splitting = gfp === GFP_ATOMIC;
    return this.take(level);
  }

  free(token: number, _logical: number, _occupied: number): void {
    if (token === START_TOKEN) {
      this.source.freeStart();
      return;
    }
    if (this.running !== NO_OPERATION) this.stats.freedInRun++;
    this.recycle(token);
  }

  end(_ticket: number): void {
    this.running = NO_OPERATION;
    this.source.inRun = !this.announced;
  }

  cleanup(ticket: number): void {
    this.ledger.close(ticket);
    const own = this.#own[ticket];
    if (own.pages === 0) return;
    if (this.#gone) own.giveBack(this.source, own.pages);
    else this.surplus(own);
  }

  failPage(nth: number): boolean {
    this.source.failPage(nth);
    return true;
  }

  teardown(): void {
    this.#gone = true;
    this.release();
  }

  /** What a unit needs; without a reservation only the tables that it asks for by number. */
  protected plan(demands: readonly Demand[], need: Need): void {
    need.addTables(demands);
  }

  /** A ticket with an empty stock. */
  protected open(demands: readonly Demand[]): number {
    const ticket = this.ledger.open(demands, this.now);
    if (ticket === this.#own.length) this.#own.push(new PageStock());
    return ticket;
  }

  protected ownOf(ticket: number): PageStock {
    return this.#own[ticket];
  }

  /** A page of the running operation's own, or NO_PAGE when it has none. */
  protected takeOwn(level: number): number {
    const { running } = this;
    if (running === NO_OPERATION) return NO_PAGE;
    const own = this.#own[running];
    if (own.pages === 0) return NO_PAGE;
    this.ledger.use(running, level);
    this.stats.hits++;
    return own.take(this.source);
  }

  /** A page that the page allocator is asked for now, or NO_PAGE. */
  protected takeFetched(): number {
    if (!this.source.fetch()) return this.fail();
    this.stats.misses++;
    this.source.taken(false);
    return this.source.newToken();
  }

  /** `pages` pages for a ticket: up to `free` of `stock` first, the rest from the page allocator in one call, all or none. */
  protected obtainFrom(stock: PageStock, pages: number, own: PageStock, free = stock.pages): boolean {
    const held = Math.min(free, pages);
    if (held < pages && !this.source.fetchBulk(pages - held)) return false;
    stock.moveTo(own, held);
    own.addFresh(pages - held);
    this.notePool(stock.pages);
    return true;
  }

  /** Pages come from what all address spaces have in common, or (negative) go there. */
  protected borrow(pages: number): void {
    this.stats.borrow(pages * this.source.pageBytes);
  }

  /** One page goes back to the page allocator. */
  protected giveBack(token: number): void {
    this.source.dropToken(token);
    this.source.giveBack();
  }

  protected notePool(pages: number): void {
    const { stats } = this;
    stats.poolNow = pages;
    if (pages > stats.poolPeak) stats.poolPeak = pages;
  }

  /** The running operation gets no page. */
  protected fail(): number {
    this.refused = true;
    this.stats.failedInRun++;
    return NO_PAGE;
  }

  /** The running operation gets no page although there may be some: it has used what it reserved. */
  protected failUnderReserved(): number {
    const { running, ledger } = this;
    this.stats.callsInRun++;
    const reserved = running === NO_OPERATION ? 0 : ledger.reserved(running);
    const message =
      running === NO_OPERATION
        ? 'a table was needed while no operation ran'
        : `one more table was needed than the ${reserved} reserved`;
    this.violations.push({ rule: 'under-reservation', ...this.owner(), message });
    return this.fail();
  }

  /** The operation that runs, as far as it is known. */
  protected owner(): Omit<AllocatorViolation, 'rule' | 'message'> {
    if (this.running !== NO_OPERATION) return this.ledger.owner(this.running);
    return { seq: this.now, line: 0, iovaHi: 0, iovaLo: 0, size: 0 };
  }

  /** A unit fails before it has touched the tree. */
  protected turnDown(): number {
    this.refused = true;
    this.stats.failedAtSubmit++;
    return REFUSED;
  }

  protected get now(): number {
    return this.table === null ? 0 : this.table.memory.now;
  }
}
