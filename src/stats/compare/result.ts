import type { Json } from '../../base/stable-json.ts';
import type { Direction, MetricKind, Unit } from '../metrics/metric.ts';

export const COMPARE_SCHEMA = 'pgtrace.compare/1';

/**
 * What a comparison says of one metric: `better` or `worse` by its direction, `worse` when a threshold allows it and
 * `regressed` when none does; `changed` where neither way is better.
 */
export type MetricVerdict = 'better' | 'worse' | 'regressed' | 'changed';

/** A metric that differs. */
export interface MetricChange {
  readonly metric: string;
  readonly unit: Unit;
  readonly direction: Direction;
  readonly kind: MetricKind;
  readonly help: string;
  readonly base: number;
  readonly now: number;
  /** Change in hundredths of a per cent of the base, rounded, 2^53 - 1 at most; null where the base is 0. */
  readonly basisPoints: number | null;
  readonly verdict: MetricVerdict;
  /** The threshold that decided, as it was written; null: any worsening counts. */
  readonly threshold: string | null;
}

/** `same`, or the worst of its metrics' verdicts; `missing` in the new statistics, or `new` in them. */
export type RowVerdict = 'same' | MetricVerdict | 'missing' | 'new';

/** One row: a trace under one configuration. */
export interface RowComparison {
  /** The trace's name; with directories its path in them. `-` alone when one document is held against one. */
  readonly trace: string;
  /** Set where the driver or the address space is part of the key. */
  readonly driver: string | null;
  readonly allocator: string;
  readonly domain: string | null;
  /** One flush policy of several; left out: of the first, and of everything else. */
  readonly flush?: string;
  readonly verdict: RowVerdict;
  /** A missing row fails unless that was allowed. */
  readonly allowed: boolean;
  /** What differs, the largest relative change first; those from a base of 0 before all others. */
  readonly changes: readonly MetricChange[];
  /** Metrics that are equal. */
  readonly unchanged: number;
  /** The equal ones, by name: the value. Only where they were asked for. */
  readonly same: Readonly<Record<string, number>> | null;
}

/** What was compared with what. */
export interface Side {
  /** Version of pgtrace that made the statistics; several with a space between. */
  readonly version: string;
  readonly rows: number;
}

/** The result of `pgtrace compare`: what every reporter of it renders. */
export interface CompareResult {
  readonly schema: typeof COMPARE_SCHEMA;
  readonly tool: { readonly name: 'pgtrace'; readonly version: string };
  readonly base: Side;
  readonly now: Side;
  /** What was allowed: the thresholds in their order, as written. */
  readonly thresholds: readonly string[];
  readonly failOn: readonly ('regression' | 'improvement' | 'missing')[];
  readonly warnOnly: boolean;
  /** Rows, the worst first, then by the largest change; equal ones last. */
  readonly rows: readonly RowComparison[];
  /** How many rows, and how many metrics, have each verdict. */
  readonly rowCounts: Readonly<Record<RowVerdict, number>>;
  readonly metricCounts: Readonly<Record<MetricVerdict | 'same', number>>;
  /** Geometric mean of the changes of a metric in several rows, in hundredths of a per cent; from or to 0 there is no ratio. */
  readonly geomean: readonly { readonly metric: string; readonly rows: number; readonly basisPoints: number }[];
  /** What a reader should know: unknown metrics, different versions, traces that differ. */
  readonly notices: readonly string[];
  /** True when the answer is no: exit code 1 unless warnOnly. */
  readonly failed: boolean;
  /** Why, one sentence each; empty when it did not fail. */
  readonly reasons: readonly string[];
}

/** The result as JSON of the contract: integers only. */
export function compareJson(result: CompareResult): Json {
  return result as unknown as Json;
}
