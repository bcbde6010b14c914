import type { TableAllocator } from '../lpae/callbacks.ts';
import type { PageTable } from '../lpae/page-table.ts';
import type { Demand } from './demand.ts';
import type { AllocatorStats } from './tickets/allocator-stats.ts';

/** Answer of `submit` when the reservation failed: -ENOMEM, nothing has changed. */
export const REFUSED = -1;

/** A promise of the allocator that did not hold. */
export interface AllocatorViolation {
  readonly rule: 'steal' | 'under-reservation';
  /** The operation that was let down: its event, line and range. */
  readonly seq: number;
  readonly line: number;
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  readonly message: string;
}

/**
 * A table allocator with the phases of an operation around its callbacks, as a driver has them around io-pgtable's:
 * pages are reserved at submission, taken while the operation runs, and the surplus goes back at cleanup. A synchronous
 * operation goes through all phases at once. One instance per address space; the start table is allocated before the
 * first operation and belongs to none.
 */
export interface AllocatorStrategy extends TableAllocator {
  /** False: nothing is reserved, so that maps and unmaps need not be announced. A DEMAND_TABLES always is. */
  readonly announced: boolean;
  /** Whether a reservation is made for each operation, or for a job (one ioctl) of several as a whole. */
  readonly unit: 'op' | 'job';
  /** False: a synchronous operation that overtakes queued ones reserves nothing and takes what it finds. */
  readonly reservesSync: boolean;
  /** The callbacks find the running operation by a pointer of the address space: no two may run at once. */
  readonly usesContext: boolean;
  readonly stats: AllocatorStats;
  /** Broken promises since the caller emptied the list. */
  readonly violations: AllocatorViolation[];
  /** The operation that ran last was denied a page, or its reservation, by this allocator. */
  refused: boolean;
  /** Tells the page table that the pages are for, before the first operation. */
  attach(table: PageTable): void;
  /** Submissions may have to wait (a throttle), and the pages in flight that decide it. */
  readonly throttles: boolean;
  readonly inFlight: number;
  /** True when a submission would have to wait until earlier ones are cleaned up (a throttle). Counts each such wait. */
  mustWait(): boolean;
  /** Reserves for the operations of one unit; a ticket >= 0, or REFUSED. */
  submit(demands: readonly Demand[]): number;
  /** The unit runs now; false: -ENOMEM before it touches the tree (`end` and `cleanup` are still called). */
  begin(ticket: number): boolean;
  end(ticket: number): void;
  /** The surplus goes back and the ticket with it. Also called for a submitted unit that never ran. */
  cleanup(ticket: number): void;
  /** Fault injection: the nth page from now that the page allocator is asked for fails. False: left to the engine. */
  failPage(nth: number): boolean;
  /** The address space is gone; its last table has been freed. */
  teardown(): void;
}
