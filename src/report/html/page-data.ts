/**
 * What a page carries for its script, as JSON: columns are packed by `packColumn`, and a column is named by its place in
 * `columns`, where equal ones of several allocators stand once. Names are values, never keys.
 */
export interface PageData {
  readonly columns: readonly string[];
  readonly documents: readonly DocumentData[];
}

export interface DocumentData {
  /** What the runs of a comparison differ in. */
  readonly compared: 'allocator' | 'driver';
  /** Runs with a timeline: one, or one for each strategy. */
  readonly runs: readonly RunData[];
  readonly maps: readonly MapData[];
}

export interface RunData {
  readonly name: string;
  readonly stride: number;
  readonly events: number;
  readonly ts: number | null;
  /** Least of each bucket, and what the most is above it. */
  readonly gauges: readonly (readonly [key: string, least: number, above: number])[];
  readonly counts: readonly (readonly [key: string, values: number])[];
}

/** Columns of one address-space map. */
export interface MapData {
  readonly domain: string;
  readonly ias: number;
  readonly granule: number;
  readonly startLevel: number;
  readonly attrs: readonly string[];
  readonly leaves: {
    readonly iova: number;
    readonly size: number;
    readonly count: number;
    readonly level: number;
    /** 0 where the run has none; `known` is 1 where it has. */
    readonly paddr: number;
    readonly known: number;
    readonly attrs: number;
    /** Bytes of a run that none of its leaves map. */
    readonly unmapped: number;
  };
  readonly tables: {
    readonly iova: number;
    readonly size: number;
    readonly level: number;
    readonly paddr: number;
    readonly live: number;
    readonly entries: number;
    /** Sum of `PINNED`, `PARKED` and `EMPTY`. */
    readonly flags: number;
  };
  readonly reservedIds: readonly string[];
  readonly reserved: { readonly iova: number; readonly size: number };
}

export const PINNED = 1;
export const PARKED = 2;
export const EMPTY = 4;
