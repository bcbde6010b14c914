/**
 * A run of neighbouring entries of one table level that stand for neighbouring addresses: `iova` and `paddr` rise together.
 * `attrs` as `dump` prints them. Where there are too many runs, several of a level are merged: such a run has no `paddr`, and
 * `attrs` is `mixed` where its leaves differ in them.
 */
export interface LeafRun {
  readonly iova: string;
  /** Bytes, and how many leaves. */
  readonly size: number;
  readonly count: number;
  readonly level: number;
  readonly paddr: string | null;
  readonly attrs: string;
  /** Bytes of it that none of its leaves map: gaps between those that were merged; left out where there are none. */
  readonly unmapped?: number;
}

/** One table page. */
export interface TableAt {
  readonly level: number;
  /** First IOVA that it translates, and bytes that it translates. */
  readonly iova: string;
  readonly size: number;
  readonly paddr: string;
  /** Entries in use, of `entries`. */
  readonly live: number;
  readonly entries: number;
  /** Pinned by a reservation; parked below a block. */
  readonly pinned: boolean;
  readonly parked: boolean;
  /** Nothing is mapped below. */
  readonly empty: boolean;
}

/** What an address space has at one level, whatever its map leaves out. Tables of a driver's own format are not looked into. */
export interface LevelTotals {
  readonly level: number;
  /** Tables, those that are parked included, and leaves. */
  readonly tables: number;
  readonly leaves: number;
  /** Bytes that these leaves map. */
  readonly mapped?: number;
  /** Entries in use of these tables; how many tables are pinned, parked, empty. */
  readonly live?: number;
  readonly pinned?: number;
  readonly parked?: number;
  readonly empty?: number;
}

/** What an address space looks like at one event: which ranges are tables, blocks, pages, empty tables, reserved. */
export interface SpaceMap {
  readonly domain: string;
  /** Number of the event after which it looks so. */
  readonly seq: number;
  /** Bits of an IOVA; bytes of the smallest page; level of the start table. */
  readonly ias: number;
  readonly granule: number;
  readonly startLevel: number;
  readonly leaves: readonly LeafRun[];
  readonly tables: readonly TableAt[];
  readonly reserved: readonly { readonly id: string; readonly iova: string; readonly size: number }[];
  /** Runs and tables left out since there are too many; 0: all are here. */
  readonly leavesLeftOut: number;
  readonly tablesLeftOut: number;
  /** Reservations left out for the same reason; left out where all are here. */
  readonly reservedLeftOut?: number;
  /** Bytes mapped in all, 2^53 - 1 at most, and the levels that have tables or leaves. */
  readonly mapped?: number;
  readonly levels?: readonly LevelTotals[];
}
