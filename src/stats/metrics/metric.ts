export type Unit = 'count' | 'bytes' | 'ticks';
/** Which way is better, for comparisons; `none` for what only describes the trace. */
export type Direction = 'lower' | 'higher' | 'none';
/**
 * How a comparison takes it: `exact` counts and `bytes` are the same at every run, so that any worsening counts; `time` is
 * what a recording's clock says, which differs from recording to recording and fails no comparison unless a threshold asks.
 */
export type MetricKind = 'exact' | 'bytes' | 'time';

/** What a counter means. Every key of `counters` is declared here, or by a prefix that ends in a dot. */
export interface Metric {
  readonly key: string;
  readonly unit: Unit;
  readonly direction: Direction;
  readonly kind: MetricKind;
  readonly help: string;
}

const KINDS: Readonly<Record<Unit, MetricKind>> = { count: 'exact', bytes: 'bytes', ticks: 'time' };

/** Declares a counter. */
export const metric = (key: string, unit: Unit, direction: Direction, help: string): Metric => ({
  key,
  unit,
  direction,
  kind: KINDS[unit],
  help,
});

/** Counters by name, such as `tables.peak`: integers; `pgtrace schema stats` tells the unit of each. */
export type Counters = Record<string, number>;
