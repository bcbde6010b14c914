import { NO_PAGE, type StaleContents } from '../lpae/callbacks.ts';
import type { PageTable } from '../lpae/page-table.ts';
import type { Demand } from './demand.ts';
import { type AllocatorStrategy, type AllocatorViolation, REFUSED } from './strategy.ts';
import type { AllocatorStats } from './tickets/allocator-stats.ts';

/** When the hypervisor is called. */
export interface HypercallOptions {
  /**
   * `page`: for each table that is made, and each that is freed. `batch`: pages stay with the device as long as the
   * wrapped strategy holds them, so that one call is made for each fetch from the page allocator, of however many pages,
   * and one for all that one operation gives back to it.
   */
  readonly per: 'page' | 'batch';
  /** The n-th call fails; 0: none. A call that takes pages from the device cannot be refused and is made once more. */
  readonly fail: number;
}

/** A device whose table pages a hypervisor must be told of: another strategy, and the calls that this adds to it. */
export class HypercallAllocator implements AllocatorStrategy {
  readonly announced: boolean;
  readonly unit: 'op' | 'job';
  readonly reservesSync: boolean;
  readonly throttles = false;
  readonly inFlight = 0;
  readonly usesContext: boolean;
  readonly stats: AllocatorStats;
  readonly violations: AllocatorViolation[];
  readonly #inner: AllocatorStrategy;
  readonly #perPage: boolean;
  #failIn: number;
  #table: PageTable | null = null;
  /** Number of the event that last gave pages back. */
  #givingBack = -1;

  constructor(inner: AllocatorStrategy, options: HypercallOptions) {
    this.announced = inner.announced;
    this.unit = inner.unit;
    this.reservesSync = inner.reservesSync;
    this.usesContext = inner.usesContext;
    this.stats = inner.stats;
    this.violations = inner.violations;
    this.#inner = inner;
    this.#perPage = options.per === 'page';
    this.#failIn = options.fail;
  }

  get refused(): boolean {
    return this.#inner.refused;
  }

  set refused(value: boolean) {
    this.#inner.refused = value;
  }

  get stale(): StaleContents | null {
    return this.#inner.stale ?? null;
  }

  attach(table: PageTable): void {
    this.#table = table;
    const before = this.#fetches;
    this.#inner.attach(table);
    // Pages that are there from the start; a refusal would leave nobody to tell.
    if (!this.#perPage && this.#fetches > before) this.#mustCall();
  }

  mustWait(): boolean {
    return this.#inner.mustWait();
  }

  submit(demands: readonly Demand[]): number {
    const before = this.#fetches;
    const ticket = this.#inner.submit(demands);
    if (ticket === REFUSED || this.#perPage || this.#fetches === before || this.#call()) return ticket;
    this.#inner.cleanup(ticket);
    this.stats.failedAtSubmit++;
    this.refused = true;
    return REFUSED;
  }

  begin(ticket: number): boolean {
    const before = this.#fetches;
    if (!this.#inner.begin(ticket)) return false;
    if (this.#perPage || this.#fetches === before || this.#call()) return true;
    this.stats.failedAtSubmit++;
    this.refused = true;
    return false;
  }

  alloc(logical: number, requested: number, occupied: number, gfp: number, level: number): number {
    const before = this.#fetches;
    const token = this.#inner.alloc(logical, requested, occupied, gfp, level);
    if (token === NO_PAGE || (!this.#perPage && this.#fetches === before) || this.#call()) return token;
    this.#inner.free(token, logical, occupied);
    this.stats.failedInRun++;
    this.refused = true;
    return NO_PAGE;
  }

  free(token: number, logical: number, occupied: number): void {
    const before = this.#returns;
    this.#inner.free(token, logical, occupied);
    if (this.#perPage) this.#mustCall();
    else this.#returned(before);
  }

  end(ticket: number): void {
    this.#inner.end(ticket);
  }

  cleanup(ticket: number): void {
    const before = this.#returns;
    this.#inner.cleanup(ticket);
    if (!this.#perPage) this.#returned(before);
  }

  failPage(nth: number): boolean {
    return this.#inner.failPage(nth);
  }

  teardown(): void {
    const before = this.#returns;
    this.#inner.teardown();
    if (!this.#perPage) this.#returned(before);
  }

  /** Calls of the page allocator that asked for pages, and that gave some back. */
  get #fetches(): number {
    return this.stats.singleCalls + this.stats.bulkCalls;
  }

  get #returns(): number {
    return this.stats.freeCalls + this.stats.bulkFreeCalls;
  }

  /** Pages have gone back since `before`: one call, unless this operation has made it already. */
  #returned(before: number): void {
    const now = this.#table === null ? 0 : this.#table.memory.now;
    if (this.#returns === before || this.#givingBack === now) return;
    this.#givingBack = now;
    this.#mustCall();
  }

  #mustCall(): void {
    if (!this.#call()) this.#call();
  }

  /** One hypercall; false when it fails. */
  #call(): boolean {
    this.stats.hypercalls++;
    if (this.#failIn === 0) return true;
    this.#failIn--;
    return this.#failIn > 0;
  }
}
