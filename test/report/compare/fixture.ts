import type { ReportStyle } from '../../../src/report/reporter.ts';
import {
  COMPARE_SCHEMA,
  type CompareResult,
  type MetricChange,
  type MetricVerdict,
  type RowComparison,
  type RowVerdict,
} from '../../../src/stats/compare/result.ts';
import { metricOf } from '../../../src/stats/metrics/metrics.ts';

export const PLAIN: ReportStyle = { color: false, width: null, reservations: false, all: false, assets: null };

/** A name that means something to every format: table cells, HTML, terminals, workflow commands, other people. */
export const HOSTILE = 'a|b `c` <b>&"\n\u001b[31m%0A::error::x, @root #1 \ufffe';

/** What differs in a metric; the verdict is given, not computed. */
export function change(
  metric: string,
  base: number,
  now: number,
  verdict: MetricVerdict,
  threshold: string | null = null,
): MetricChange {
  const { unit = 'count', direction = 'none', kind = 'exact', help = 'unknown' } = metricOf(metric) ?? {};
  const basisPoints = base === 0 ? null : Math.round((10_000 * (now - base)) / base);
  return { metric, unit, direction, kind, help, base, now, basisPoints, verdict, threshold };
}

export function row(trace: string, verdict: RowVerdict, fields: Partial<RowComparison> = {}): RowComparison {
  return {
    trace,
    driver: null,
    allocator: 'kernel',
    domain: null,
    verdict,
    allowed: verdict !== 'regressed' && verdict !== 'missing',
    changes: [],
    unchanged: verdict === 'missing' || verdict === 'new' ? 0 : 42,
    same: null,
    ...fields,
  };
}

/** A result of rows with the counts that belong to them. */
export function resultOf(rows: readonly RowComparison[], fields: Partial<CompareResult> = {}): CompareResult {
  const rowCounts = { same: 0, better: 0, worse: 0, regressed: 0, changed: 0, missing: 0, new: 0 };
  const metricCounts = { same: 0, better: 0, worse: 0, regressed: 0, changed: 0 };
  for (const { verdict, changes, unchanged } of rows) {
    rowCounts[verdict]++;
    metricCounts.same += unchanged;
    for (const one of changes) metricCounts[one.verdict]++;
  }
  const failing = rows.filter(({ allowed }) => !allowed).length;
  return {
    schema: COMPARE_SCHEMA,
    tool: { name: 'pgtrace', version: '0.1.0' },
    base: { version: '0.1.0', rows: rows.length - rowCounts.new },
    now: { version: '0.1.0', rows: rows.length - rowCounts.missing },
    thresholds: [],
    failOn: ['regression', 'missing'],
    warnOnly: false,
    rows,
    rowCounts,
    metricCounts,
    geomean: [],
    notices: [],
    failed: failing > 0,
    reasons: failing > 0 ? [`${failing} rows are not allowed`] : [],
    ...fields,
  };
}

/** One of everything. */
export const RICH: CompareResult = resultOf(
  [
    row('boot.ndjson', 'regressed', {
      changes: [
        change('errors.ENOMEM', 0, 3, 'regressed'),
        change('tables.peak', 10, 14, 'regressed', 'tables.*=+10%&+2'),
        change('memory.occupiedPeak', 40_960, 57_344, 'worse', 'memory.*=+64K'),
        change('ops.map', 1_000_000, 1_000_001, 'changed'),
        change('tlb.flushWalks', 12_345, 12_000, 'better'),
      ],
    }),
    row(HOSTILE, 'regressed', {
      driver: 'panthor',
      allocator: 'pool,size=4',
      domain: 'vm:0,\t1',
      changes: [change('x|<i>\n', 1, 2, 'regressed', 'x*=+0%')],
      unchanged: 1,
    }),
    row('gone.ndjson', 'missing', { allowed: false }),
    row('lazy.ndjson', 'worse', { changes: [change('tlb.iotlbSyncs', 100, 101, 'worse', 'tlb.*=+2%&+16')] }),
    row('waits.ndjson', 'worse', { changes: [change('rcu.pageTicks', 1_000, 2_000, 'worse')] }),
    row('added.ndjson', 'new'),
    row('longer.ndjson', 'changed', { changes: [change('leaves.written', 7, 0, 'changed')] }),
    row('less.ndjson', 'better', {
      changes: [change('tables.empty', 8, 0, 'better'), change('memory.logical', 2 ** 30, 2 ** 29, 'better')],
    }),
    row('same-1.ndjson', 'same', { same: { 'tables.peak': 10, 'memory.occupied': 40_960 }, unchanged: 2 }),
    row('same-2.ndjson', 'same', { domain: 'd1' }),
  ],
  {
    thresholds: ['tables.*=+10%&+2', 'memory.*=+64K', 'tlb.*=+2%&+16', 'x*=+0%'],
    base: { version: '0.0.9', rows: 9 },
    reasons: ['3 metrics in 2 rows regressed', '1 row of the base is missing'],
    geomean: [
      { metric: 'tables.peak', rows: 8, basisPoints: 430 },
      { metric: 'memory.logical', rows: 2, basisPoints: -5_000 },
    ],
    notices: ['the base was made by pgtrace 0.0.9, the new statistics by 0.1.0', `not known: ${HOSTILE}`],
  },
);

export const SAME: CompareResult = resultOf([row('-', 'same')]);

export const EMPTY: CompareResult = resultOf([]);

/** As many rows as wanted of every verdict, the worst first. */
export function manyRows(count: number, changes = 1, trace = 'trace'): CompareResult {
  const verdicts: readonly RowVerdict[] = ['regressed', 'missing', 'worse', 'new', 'changed', 'better', 'same'];
  const rows = Array.from({ length: count }, (_, at): RowComparison => {
    const verdict = verdicts[Math.floor((at * verdicts.length) / count)];
    const alone = verdict === 'missing' || verdict === 'new' || verdict === 'same';
    const own = alone
      ? []
      : Array.from({ length: changes }, (__, n) => change(`tables.peak.l${n % 4}`, n, n + 1 + at, verdict, 'a=+1'));
    return row(`${trace}-${at}.ndjson`, verdict, { changes: own });
  });
  return resultOf(rows, { notices: rows.slice(0, 30).map(({ trace: name }) => name) });
}
