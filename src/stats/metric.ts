export type Unit = 'count' | 'bytes';
/** Which way is better, for comparisons; `none` for what only describes the trace. */
export type Direction = 'lower' | 'higher' | 'none';

/** What a counter means. Every key of `counters` is declared here, or by a prefix that ends in a dot. */
export interface Metric {
  readonly key: string;
  readonly unit: Unit;
  readonly direction: Direction;
  readonly help: string;
}

/** Declares a counter. */
export const metric = (key: string, unit: Unit, direction: Direction, help: string): Metric => ({
  key,
  unit,
  direction,
  help,
});

export type Counters = Record<string, number>;
