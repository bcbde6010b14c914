import { NO_PAGE } from '../lpae/callbacks.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { DEMAND_MAP, DEMAND_TABLES, DEMAND_UNMAP, Demand } from './demand.ts';
import { MissingTables } from './need/missing.ts';
import { REFUSED } from './strategy.ts';
import { TicketedAllocator } from './tickets/ticketed-allocator.ts';

/**
 * The synchronous case, where the tree is known: when an operation begins, the tables that it lacks are counted and
 * fetched in one call, so that it fails before it changes anything or not at all. Nothing is kept for later.
 */
export class BulkExactAllocator extends TicketedAllocator {
  readonly announced = true;
  readonly usesContext = true;
  #missing: MissingTables | null = null;
  /** What each ticket was taken for, until it begins. */
  readonly #demands: Demand[][] = [];

  constructor() {
    super({ freshOnTake: false, recycled: true });
  }

  override attach(table: PageTable): void {
    super.attach(table);
    this.#missing = new MissingTables(table);
  }

  override submit(demands: readonly Demand[]): number {
    // How many tables a reservation lacks is known.
    const known = demands.length > 0 && demands[0].kind === DEMAND_TABLES;
    const ticket = known ? super.submit(demands) : this.open(demands);
    if (ticket === REFUSED) return ticket;
    this.#demands[ticket] ??= [];
    const kept = this.#demands[ticket];
    if (known) {
      kept.length = 0;
      return ticket;
    }
    for (let i = 0; i < demands.length; i++) {
      kept[i] ??= new Demand();
      kept[i].copyFrom(demands[i]);
    }
    kept.length = demands.length;
    return ticket;
  }

  override begin(ticket: number): boolean {
    super.begin(ticket);
    const { need } = this;
    const demands = this.#demands[ticket];
    need.clear();
    // Each operation of a unit is planned for the tree as it is now, not as those before it leave it.
    for (const demand of demands) {
      if (demand.kind === DEMAND_MAP || demand.kind === DEMAND_UNMAP) this.#missing?.add(demand, need);
    }
    if (need.pages > 0 && !this.obtain(need.pages, this.ownOf(ticket))) {
      this.turnDown();
      return false;
    }
    this.ledger.grant(ticket, need);
    return true;
  }

  protected take(level: number): number {
    const own = this.takeOwn(level);
    return own === NO_PAGE ? this.failUnderReserved() : own;
  }

  protected recycle(token: number): void {
    this.giveBack(token);
  }
}
