import { plural } from '../../base/sizes.ts';
import { compareCounters, MetricRules, relativeChange } from './metric-changes.ts';
import { type Pair, pairRows, refuseIncomparable } from './pairs.ts';
import {
  COMPARE_SCHEMA,
  type CompareResult,
  type MetricVerdict,
  type RowComparison,
  type RowVerdict,
  type Side,
} from './result.ts';
import type { StatsRow } from './rows.ts';
import type { Threshold } from './thresholds.ts';

/** What a comparison allows, and what it is to fail on. */
export interface CompareOptions {
  readonly thresholds: readonly Threshold[];
  readonly allowMissing: boolean;
  readonly failOnImprovement: boolean;
  readonly warnOnly: boolean;
  /** Names of settings that may differ. */
  readonly across: readonly string[];
  /** Keep the values that are equal. */
  readonly all: boolean;
}

const SEVERITY: readonly RowVerdict[] = ['regressed', 'missing', 'worse', 'new', 'changed', 'better', 'same'];

/**
 * Holds new statistics against a base, row by row. Rows are matched by trace, driver, allocator and address space; of a
 * trace that has one row on each side, these are matched. Throws a usage error when rows cannot be compared: their settings
 * differ, one of them is incomplete, a side has a row twice or none at all.
 */
export function compareRows(
  base: readonly StatsRow[],
  now: readonly StatsRow[],
  options: CompareOptions,
  version: string,
): CompareResult {
  const pairs = pairRows(base, now);
  refuseIncomparable(pairs, options.across);
  const unknown = new Set<string>();
  const rules = new MetricRules(options.thresholds);
  const rows = pairs.map(({ before, after }): RowComparison => {
    const key = keyOf(after ?? before);
    if (before === null) return { ...key, ...ALONE, verdict: 'new', allowed: true };
    if (after === null) return { ...key, ...ALONE, verdict: 'missing', allowed: options.allowMissing };
    const compared = compareCounters(before.counters, after.counters, rules, options.all);
    for (const name of compared.unknown) unknown.add(name);
    const verdict = worst(compared.changes.map((change) => change.verdict));
    return {
      ...key,
      verdict,
      allowed: verdict !== 'regressed' && !(options.failOnImprovement && compared.changes.some(isBetter)),
      changes: compared.changes,
      unchanged: compared.unchanged,
      same: compared.same,
    };
  });
  const rowCounts = countRows(rows);
  const metricCounts = countMetrics(rows);
  const reasons = reasonsOf(rows, rowCounts, options);
  return {
    schema: COMPARE_SCHEMA,
    tool: { name: 'pgtrace', version },
    base: sideOf(base),
    now: sideOf(now),
    thresholds: options.thresholds.map(({ text }) => text),
    failOn: [
      'regression',
      ...(options.failOnImprovement ? (['improvement'] as const) : []),
      ...(options.allowMissing ? [] : (['missing'] as const)),
    ],
    warnOnly: options.warnOnly,
    rows: rows.sort(worstFirst),
    rowCounts,
    metricCounts,
    geomean: geomeans(pairs, rows),
    notices: noticesOf(base, now, pairs, unknown),
    failed: reasons.length > 0,
    reasons,
  };
}

const ALONE = { changes: [], unchanged: 0, same: null } as const;

function keyOf(row: StatsRow | null): Pick<RowComparison, 'trace' | 'driver' | 'allocator' | 'domain' | 'flush'> {
  if (row === null) throw new Error('a pair of no rows');
  const { trace, driver, allocator, domain, flush } = row;
  return { trace, driver, allocator, domain, ...(flush === undefined ? {} : { flush }) };
}

const isBetter = ({ verdict }: { readonly verdict: MetricVerdict }): boolean => verdict === 'better';

function worst(verdicts: readonly MetricVerdict[]): RowVerdict {
  return SEVERITY.find((verdict) => (verdicts as readonly RowVerdict[]).includes(verdict)) ?? 'same';
}

function worstFirst(a: RowComparison, b: RowComparison): number {
  const severity = SEVERITY.indexOf(a.verdict) - SEVERITY.indexOf(b.verdict);
  if (severity !== 0) return severity;
  const [first, second] = [largest(a), largest(b)];
  if (first !== second) return second > first ? 1 : -1;
  return (
    inOrder(a.trace, b.trace) ||
    inOrder(a.domain ?? '', b.domain ?? '') ||
    inOrder(a.driver ?? '', b.driver ?? '') ||
    inOrder(a.allocator, b.allocator) ||
    inOrder(a.flush ?? '', b.flush ?? '')
  );
}

function inOrder(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function largest({ changes }: RowComparison): number {
  return changes.length === 0 ? 0 : relativeChange(changes[0]);
}

function countRows(rows: readonly RowComparison[]): Record<RowVerdict, number> {
  const counts = { same: 0, better: 0, worse: 0, regressed: 0, changed: 0, missing: 0, new: 0 };
  for (const { verdict } of rows) counts[verdict]++;
  return counts;
}

function countMetrics(rows: readonly RowComparison[]): Record<MetricVerdict | 'same', number> {
  const counts = { same: 0, better: 0, worse: 0, regressed: 0, changed: 0 };
  for (const { changes, unchanged } of rows) {
    counts.same += unchanged;
    for (const { verdict } of changes) counts[verdict]++;
  }
  return counts;
}

function reasonsOf(
  rows: readonly RowComparison[],
  counts: Readonly<Record<RowVerdict, number>>,
  options: CompareOptions,
): string[] {
  const reasons: string[] = [];
  if (counts.regressed > 0) {
    const metrics = rows.flatMap(({ changes }) => changes.filter(({ verdict }) => verdict === 'regressed')).length;
    reasons.push(`${plural(metrics, 'metric')} in ${plural(counts.regressed, 'row')} regressed`);
  }
  if (counts.missing > 0 && !options.allowMissing) {
    reasons.push(`${plural(counts.missing, 'row')} of the base ${counts.missing === 1 ? 'is' : 'are'} missing`);
  }
  const improved = rows.filter(({ changes }) => changes.some(isBetter)).length;
  if (options.failOnImprovement && improved > 0) {
    reasons.push(`${plural(improved, 'row')} improved: the base is out of date (--update renews it)`);
  }
  return reasons;
}

/** Of metrics that changed somewhere: the geometric mean over all rows that have a ratio, the equal ones too. */
function geomeans(pairs: readonly Pair[], rows: readonly RowComparison[]): CompareResult['geomean'] {
  const both = pairs.flatMap(({ before, after }) => (before === null || after === null ? [] : [{ before, after }]));
  if (both.length < 2) return [];
  const changed = new Set(rows.flatMap(({ changes }) => changes.map(({ metric }) => metric)));
  return [...changed]
    .map((metric) => {
      let sum = 0;
      let count = 0;
      for (const { before, after } of both) {
        const [was, is] = [before.counters[metric], after.counters[metric]];
        if (!(was > 0) || !(is > 0)) continue;
        sum += Math.log(is / was);
        count++;
      }
      return { metric, rows: count, basisPoints: Math.round((Math.exp(sum / count) - 1) * 10_000) };
    })
    .filter(({ rows: count }) => count > 1)
    .sort((a, b) => Math.abs(b.basisPoints) - Math.abs(a.basisPoints) || inOrder(a.metric, b.metric));
}

function sideOf(rows: readonly StatsRow[]): Side {
  return { version: [...new Set(rows.map(({ version }) => version))].sort().join(' '), rows: rows.length };
}

function noticesOf(
  base: readonly StatsRow[],
  now: readonly StatsRow[],
  pairs: readonly Pair[],
  unknown: ReadonlySet<string>,
): string[] {
  const notices: string[] = [];
  const [was, is] = [sideOf(base).version, sideOf(now).version];
  if (was !== is) notices.push(`the base was made by pgtrace ${was}, the new statistics by ${is}`);
  if (unknown.size > 0)
    notices.push(`not known to this version, so no way is better: ${[...unknown].sort().join(', ')}`);
  const differ = pairs.filter(
    ({ before, after }) => before !== null && after !== null && areOfOtherTraces(before, after),
  );
  const traces = new Set(differ.map(({ after }) => after?.trace));
  if (traces.size > 0) {
    const [{ before, after }] = differ;
    const more = traces.size > 1 ? `, and in ${traces.size - 1} more` : '';
    const events =
      before?.events === after?.events ? '' : `: ${before?.events} events in the base, ${after?.events} now`;
    notices.push(`the traces differ${events}${more}`);
  }
  return notices;
}

function areOfOtherTraces(before: StatsRow, after: StatsRow): boolean {
  const known = before.digest !== null && after.digest !== null;
  return before.events !== after.events || (known && before.digest !== after.digest);
}
