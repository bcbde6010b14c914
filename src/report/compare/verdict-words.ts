import { printable } from '../../base/printable.ts';
import { grouped, plural } from '../../base/sizes.ts';
import type { CompareResult, MetricVerdict, RowVerdict } from '../../stats/compare/result.ts';

/** What is said of rows and metrics with a verdict, what matters most first. */
const ROWS: readonly (readonly [RowVerdict, string])[] = [
  ['regressed', 'regressed'],
  ['missing', 'missing'],
  ['worse', 'worse but allowed'],
  ['new', 'new'],
  ['changed', 'changed'],
  ['better', 'better'],
  ['same', 'the same'],
];
const METRICS: readonly (readonly [MetricVerdict | 'same', string])[] = [
  ['regressed', 'regressed'],
  ['worse', 'worse but allowed'],
  ['changed', 'changed'],
  ['better', 'better'],
  ['same', 'the same'],
];

/** `ok` or `not ok`. */
export function answer({ failed }: CompareResult): string {
  return failed ? 'not ok' : 'ok';
}

/** How many rows have each verdict: `2 of 14 rows regressed, 1 missing, 11 the same`; of a single row how many metrics have. */
export function countsInWords(result: CompareResult): string {
  const { rows, rowCounts } = result;
  const metrics = metricsInWords(result);
  if (rows.length === 1 && metrics !== '') return metrics;
  if (rows.length > 1 && rowCounts.same === rows.length) return `all ${plural(rows.length, 'row')} the same`;
  const there = ROWS.filter(([verdict]) => rowCounts[verdict] > 0);
  if (there.length === 0) return 'no rows';
  return there
    .map(([verdict, words], at) => {
      const count = grouped(rowCounts[verdict]);
      return `${at === 0 ? `${count} of ${plural(rows.length, 'row')}` : count} ${words}`;
    })
    .join(', ');
}

/** The same of metrics, `3 metrics regressed, 44 the same`; nothing where no row is on both sides. */
export function metricsInWords({ metricCounts }: CompareResult): string {
  return METRICS.filter(([verdict]) => metricCounts[verdict] > 0)
    .map(([verdict, words], at) => {
      const count = metricCounts[verdict];
      return `${at === 0 ? plural(count, 'metric') : grouped(count)} ${words}`;
    })
    .join(', ');
}

/** The answer with its reasons, as the last line says it. */
export function closing(result: CompareResult): string {
  const { failed, reasons, warnOnly } = result;
  if (!failed) return `ok: ${countsInWords(result)}`;
  return `not ok: ${[...reasons.map(printable), ...(warnOnly ? [WARN_ONLY] : [])].join('; ')}`;
}

/** What --warn-only makes of a failure. */
export const WARN_ONLY = 'a warning only (--warn-only)';
