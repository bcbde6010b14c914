import type { Moment } from '../callbacks.ts';
import { type TableMemory, unitOf } from '../table/memory.ts';

/** What a map does where a block would stand in the place of a pinned table: set the table aside, write smaller leaves, fail. */
export const BLOCK_POLICIES = ['park', 'split', 'refuse'] as const;
export type BlockPolicy = (typeof BLOCK_POLICIES)[number];

/** What becomes of leaves below a table that a block would replace: they go silently, as the kernel has it, or the map fails. */
export const OVER_TABLE = ['drop', 'refuse'] as const;
export type OverTable = (typeof OVER_TABLE)[number];

/** When a parked table comes back: for the next smaller map, or with the unmap of the block. */
export const UNPARK = ['lazy', 'eager'] as const;
export type Unpark = (typeof UNPARK)[number];

/** Since when a table is set aside that nobody could ever walk to. */
export const NEVER_LINKED: Moment = { at: Number.NEGATIVE_INFINITY, readers: 0 };

/** Hears of tables set aside (or, negative, taken from there), for a count over several address spaces. */
export interface ParkedCount {
  park(tables: number): void;
}

/**
 * Tables that must stay: what the engine asks before it frees one. `memory.pins` counts the reservations of each table;
 * whoever raises it keeps the pins of a table at least as many as those of any table below it, so that one look at the
 * upper table is enough.
 */
export class Pinning {
  readonly blockPolicy: BlockPolicy;
  readonly overTable: OverTable;
  readonly unpark: Unpark;
  /** No unmap frees a table, pinned or not. */
  readonly keepEmpty: boolean;
  /** Tables set aside, while a block occupies their entry and until they are linked again: by the entry's place in the arena. */
  readonly parked = new Map<number, number>();
  /** How many of a table's entries have a table set aside, by the slot of the table. */
  readonly #perTable = new Map<number, number>();
  /** Since when each of them has been where no walk comes to, by the entry. */
  readonly #since = new Map<number, Moment>();
  /** Tells the time; without it no table is ever taken for one that somebody might hold. */
  clock: () => Moment = () => NEVER_LINKED;
  /** Counts for all address spaces of a run. */
  total: ParkedCount | null = null;
  /** Since when the table that `take` gave last had been set aside. */
  takenSince: Moment = NEVER_LINKED;
  /**
   * Tables that a block took the place of, tables set aside for another reason (a reserve made them below a block, or a
   * split wrote smaller blocks in their place) and tables that came back from there; each counted once with all below it.
   */
  parks = 0;
  setAsides = 0;
  unparks = 0;
  /** The most that were set aside at a time. */
  parkedPeak = 0;
  /** Blocks that were written as smaller leaves into a pinned table. */
  splits = 0;
  /** Entries whose leaves an unmap cleared and whose tables it kept. */
  keptUnmaps = 0;
  /** Maps that failed because of a pinned table, or of leaves below a table. */
  refusals = 0;

  constructor(blockPolicy: BlockPolicy, overTable: OverTable, unpark: Unpark, keepEmpty: boolean) {
    this.blockPolicy = blockPolicy;
    this.overTable = overTable;
    this.unpark = unpark;
    this.keepEmpty = keepEmpty;
  }

  /** Tables that are set aside now. */
  get parkedNow(): number {
    return this.parked.size;
  }

  /** True when an unmap of a larger size must keep the table at `slot`. */
  keeps(memory: TableMemory, slot: number): boolean {
    return this.keepEmpty || memory.pins[unitOf(slot)] > 0;
  }

  /** A block takes the place of the table at `slot`: sets it aside for `entry` of the table at `table`. */
  park(table: number, entry: number, slot: number): void {
    this.parks++;
    this.#keep(table, entry, slot, this.clock());
  }

  /** Sets the table at `slot` aside, which no walk has come to since a moment. */
  setAside(table: number, entry: number, slot: number, since: Moment): void {
    this.setAsides++;
    this.#keep(table, entry, slot, since);
  }

  #keep(table: number, entry: number, slot: number, since: Moment): void {
    this.parked.set(entry, slot);
    this.#since.set(entry, since);
    this.#perTable.set(table, this.parkedIn(table) + 1);
    this.total?.park(1);
    if (this.parked.size > this.parkedPeak) this.parkedPeak = this.parked.size;
  }

  /** Slot of the table set aside for `entry`, 0 when there is none. */
  parkedAt(entry: number): number {
    return this.parked.get(entry) ?? 0;
  }

  /** Entries of the table at `table` that have a table set aside. */
  parkedIn(table: number): number {
    return this.#perTable.get(table) ?? 0;
  }

  /** As `parkedAt`, and the table is set aside no more. */
  take(table: number, entry: number): number {
    const slot = this.parked.get(entry);
    if (slot === undefined) return 0;
    this.parked.delete(entry);
    this.takenSince = this.#since.get(entry) as Moment;
    this.#since.delete(entry);
    this.total?.park(-1);
    const left = this.parkedIn(table) - 1;
    if (left === 0) this.#perTable.delete(table);
    else this.#perTable.set(table, left);
    return slot;
  }
}
