import { exactSize } from '../base/sizes.ts';
import { hex64 } from '../base/u64.ts';
import type { Demand } from './demand.ts';
import type { Need } from './need/need.ts';
import { PageStock } from './pages/page-stock.ts';
import { FormulaAllocator } from './tickets/formula-allocator.ts';
import type { TicketOwner } from './tickets/ledger.ts';
import { NO_OPERATION } from './tickets/ticketed-allocator.ts';

/**
 * How not to do it: each submission adds its pages to one pool, and whoever runs takes from it, reservation or not. An
 * operation that overtakes the queue takes pages that queued ones count on; when one of those finds the pool empty, the
 * page was stolen. What an operation did not use is taken out of the pool when it is cleaned up, as far as there is any.
 */
export class SharedPoolAllocator extends FormulaAllocator {
  readonly usesContext = false;
  override readonly reservesSync = false;
  readonly #pool = new PageStock();
  /** The last that took a page which others count on. */
  #thief: TicketOwner | null = null;

  override submit(demands: readonly Demand[]): number {
    const ticket = super.submit(demands);
    this.#note();
    return ticket;
  }

  override cleanup(ticket: number): void {
    const unused = this.ledger.unused(ticket);
    super.cleanup(ticket);
    const left = Math.min(unused, this.#pool.pages);
    this.#pool.giveBack(this.source, left);
    // The rest is a part of others' tables by now.
    this.stats.returned -= unused - left;
    this.stats.stolen += unused - left;
    this.#note();
  }

  protected override plan(demands: readonly Demand[], need: Need): void {
    if (demands.length === 0 || !demands[0].unreserved) super.plan(demands, need);
  }

  protected take(level: number): number {
    const { running, ledger, stats } = this;
    const reserved = running !== NO_OPERATION && ledger.unused(running) > 0;
    if (this.#pool.pages > 0) {
      if (reserved) ledger.use(running, level);
      else if (this.#pool.pages <= stats.unusedNow) this.#thief = this.owner();
      stats.hits++;
      const token = this.#pool.take(this.source);
      this.#note();
      return token;
    }
    if (reserved) return this.#failRobbed();
    if (running === NO_OPERATION || !ledger.announced(running)) return this.takeFetched();
    return this.failUnderReserved();
  }

  protected recycle(token: number): void {
    // The pool is as large as the reservations are together.
    if (this.#pool.pages >= this.stats.unusedNow) this.giveBack(token);
    else this.#pool.put(token);
    this.#note();
  }

  protected override obtain(pages: number, _own: PageStock): boolean {
    if (!this.source.fetchBulk(pages)) return false;
    this.#pool.addFresh(pages);
    return true;
  }

  protected override surplus(_own: PageStock): void {}

  protected override release(): void {
    this.#pool.giveBack(this.source, this.#pool.pages);
    this.notePool(0);
  }

  /** The running operation has reserved more pages than it has got, and there is none. */
  #failRobbed(): number {
    const { running, ledger } = this;
    this.stats.callsInRun++;
    const missing = `${ledger.unused(running)} of ${ledger.reserved(running)} reserved pages are gone`;
    const by = this.#thief === null ? '' : `; ${nameOf(this.#thief)} took more than it had reserved`;
    this.violations.push({ rule: 'steal', ...this.owner(), message: missing + by });
    return this.fail();
  }

  #note(): void {
    this.notePool(Math.max(0, this.#pool.pages - this.stats.unusedNow));
  }
}

/** Of an operation that came without demands only the number of its event is known. */
function nameOf({ seq, line, iovaHi, iovaLo, size }: TicketOwner): string {
  if (line === 0) return `event ${seq}`;
  return `event ${seq} (line ${line}, ${exactSize(size)} at ${hex64(iovaHi, iovaLo)})`;
}
