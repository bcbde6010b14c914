import type { BlockPolicy, OverTable, Unpark } from '../lpae/pinning/pinning.ts';

/**
 * When unmaps and ends of reservations free tables that became empty: never (they stay until the address space goes, or
 * until a block takes the place of one that nothing pins), as the kernel does (an unmap of a larger size meets them; the
 * end of a reservation frees its own), at once.
 */
export const FREE_EMPTY = ['never', 'kernel', 'eager'] as const;
export type FreeEmpty = (typeof FREE_EMPTY)[number];

/** Which tables an unreserve may free: those that the range covers, or all that no reservation pins. */
export const BOUNDARY_RULES = ['auto', 'covered', 'refcount'] as const;
export type BoundaryRule = (typeof BOUNDARY_RULES)[number];

/**
 * How freed tables wait for readers: not at all, with one callback per page, with one callback per unlinked run of entries
 * and all that hung below it, until the gather's sync.
 */
export const RCU_MODES = ['none', 'page', 'list', 'gather'] as const;
export type RcuMode = (typeof RCU_MODES)[number];

/** What a reserve does where a block is mapped already. */
export const RESERVE_OVER_BLOCK = ['park', 'refuse'] as const;
export type ReserveOverBlock = (typeof RESERVE_OVER_BLOCK)[number];

/** The policies of IOVA reservations in one run. */
export interface ReservationOptions {
  /** A map of a block where a pinned table stands: refused, split into smaller leaves, or the table is set aside. */
  readonly blockPolicy: BlockPolicy;
  /** Leaves below a table that a block is to replace: dropped, or the map is refused. */
  readonly overTable: OverTable;
  /** When a table that was set aside comes back. */
  readonly unpark: Unpark;
  /** A reserve where a block is mapped: its tables are set aside, or it is refused. */
  readonly overBlock: ReserveOverBlock;
  /** Which tables the end of a reservation may free. */
  readonly boundary: BoundaryRule;
  /** When tables that became empty are freed. */
  readonly freeEmpty: FreeEmpty;
  /** How freed tables wait for readers. */
  readonly rcu: RcuMode;
  /** The least time that a freed table waits: events, or nanoseconds of a trace with time stamps. */
  readonly rcuLatency: number;
  /** What `rcuLatency` counts: events, or nanoseconds. */
  readonly rcuLatencyUnit: 'ops' | 'ns';
}

export const DEFAULT_RESERVATION_OPTIONS: ReservationOptions = {
  blockPolicy: 'park',
  overTable: 'drop',
  unpark: 'lazy',
  overBlock: 'park',
  boundary: 'auto',
  freeEmpty: 'kernel',
  rcu: 'list',
  rcuLatency: 0,
  rcuLatencyUnit: 'ops',
};
