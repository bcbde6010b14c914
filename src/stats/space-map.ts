/**
 * A run of neighbouring entries of one table level that stand for neighbouring addresses: `iova` and `paddr` rise together.
 * `attrs` as `dump` prints them. Where there are too many runs, several of a level are merged: such a run has no `paddr`, and
 * `attrs` is `mixed` where its leaves differ in them.
 */
export interface LeafRun {
  /** First IOVA, in hex. */
  readonly iova: string;
  /** Bytes. */
  readonly size: number;
  /** Leaves. */
  readonly count: number;
  /** Level of the leaves. */
  readonly level: number;
  /** Physical address of the first, in hex; null where the addresses do not rise together. */
  readonly paddr: string | null;
  /** Attributes, as `pgtrace dump` prints them. */
  readonly attrs: string;
  /** Bytes of it that none of its leaves map: gaps between those that were merged; left out where there are none. */
  readonly unmapped?: number;
}

/** One table page. */
export interface TableAt {
  /** Level of the table. */
  readonly level: number;
  /** First IOVA that it translates, in hex. */
  readonly iova: string;
  /** Bytes that it translates. */
  readonly size: number;
  /** Its address, in hex. */
  readonly paddr: string;
  /** Entries in use. */
  readonly live: number;
  /** Entries. */
  readonly entries: number;
  /** A reservation pins it. */
  readonly pinned: boolean;
  /** It is set aside below a block. */
  readonly parked: boolean;
  /** Nothing is mapped below. */
  readonly empty: boolean;
}

/** What an address space has at one level, whatever its map leaves out. Tables of a driver's own format are not looked into. */
export interface LevelTotals {
  /** The level. */
  readonly level: number;
  /** Tables, those that are parked included. */
  readonly tables: number;
  /** Leaves. */
  readonly leaves: number;
  /** Bytes that these leaves map. */
  readonly mapped?: number;
  /** Entries in use of these tables. */
  readonly live?: number;
  /** Tables that a reservation pins. */
  readonly pinned?: number;
  /** Tables that are set aside below a block. */
  readonly parked?: number;
  /** Tables below which nothing is mapped. */
  readonly empty?: number;
}

/** An IOVA reservation in a map. */
export interface ReservedRange {
  /** Its id in the trace. */
  readonly id: string;
  /** First IOVA, in hex. */
  readonly iova: string;
  /** Bytes. */
  readonly size: number;
}

/** What an address space looks like at one event: which ranges are tables, blocks, pages, empty tables, reserved. */
export interface SpaceMap {
  /** Id of the address space. */
  readonly domain: string;
  /** Number of the event after which it looks so. */
  readonly seq: number;
  /** Bits of an IOVA. */
  readonly ias: number;
  /** Bytes of the smallest page. */
  readonly granule: number;
  /** Level of the start table. */
  readonly startLevel: number;
  /** What is mapped, in the order of IOVAs. */
  readonly leaves: readonly LeafRun[];
  /** Its tables, in the order of IOVAs. */
  readonly tables: readonly TableAt[];
  /** Its IOVA reservations. */
  readonly reserved: readonly ReservedRange[];
  /** Runs of leaves left out since there are too many; 0: all are here. */
  readonly leavesLeftOut: number;
  /** Tables left out since there are too many; 0: all are here. */
  readonly tablesLeftOut: number;
  /** Reservations left out for the same reason; left out where all are here. */
  readonly reservedLeftOut?: number;
  /** Bytes mapped in all, 2^53 - 1 at most. */
  readonly mapped?: number;
  /** The levels that have tables or leaves. */
  readonly levels?: readonly LevelTotals[];
}
