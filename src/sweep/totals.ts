import { type Json, stableJson } from '../base/stable-json.ts';
import { addShares } from '../stats/metrics/allocator-metrics.ts';
import type { Counters } from '../stats/metrics/metric.ts';
import { addsUp } from '../stats/metrics/metrics.ts';
import { configJson, type Scalar } from './cell-config.ts';
import type { Row } from './row.ts';

export const TOTALS_SCHEMA = 'pgtrace.totals/1';

/** What one configuration came to over all traces. */
export interface ConfigTotals {
  readonly config: Readonly<Record<string, Scalar>>;
  /** Traces that were swept with it. */
  readonly traces: number;
  /** Of them, those that failed; they count nothing. */
  readonly incomplete: number;
  /** Sums; of peaks the largest of any trace. */
  readonly counters: Counters;
}

/** The totals of a set of rows. */
export interface Totals {
  readonly schema: typeof TOTALS_SCHEMA;
  /** Null when there are no rows. */
  readonly engine: string | null;
  readonly configurations: readonly ConfigTotals[];
}

const LEAST = 'rcu.latencyMin';
/** A mean has no total without what it was the mean of; shares are computed anew. */
const WITHOUT_TOTAL = /^(rcu\.latencyMean|op\.wasteBasisPoints)$/;

/** Adds up rows by configuration, in the order of the configurations' JSON. Rows must be of one engine. */
export function totalsOf(rows: readonly Row[]): Totals {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = stableJson(configJson(row.config));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  return {
    schema: TOTALS_SCHEMA,
    engine: rows[0]?.engine ?? null,
    configurations: sorted.map((group) => ({
      config: group[0].config,
      traces: group.length,
      incomplete: group.filter(({ complete }) => !complete).length,
      counters: totalCounters(group.filter(({ complete }) => complete).map(({ counters }) => counters)),
    })),
  };
}

/** Totals as one line of JSON. */
export function totalsText(totals: Totals): string {
  return `${stableJson(totals as unknown as Json)}\n`;
}

function totalCounters(all: readonly Counters[]): Counters {
  const total: Counters = {};
  for (const counters of all) {
    for (const [key, value] of Object.entries(counters)) {
      if (WITHOUT_TOTAL.test(key)) continue;
      const before = total[key];
      if (before === undefined) total[key] = value;
      else if (key === LEAST) total[key] = Math.min(before, value);
      else if (!addsUp(key)) total[key] = Math.max(before, value);
      else total[key] = Math.min(before + value, Number.MAX_SAFE_INTEGER);
    }
  }
  addShares(total);
  return total;
}
