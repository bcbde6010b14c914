import { grouped, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { FlushPolicyStats } from '../../stats/metrics/flush-metrics.ts';
import { metricOf } from '../../stats/metrics/metrics.ts';

/** What is told of every flush policy: a line of a table that has a column for each. */
export interface PolicyRow {
  readonly name: string;
  readonly cell: (stats: FlushPolicyStats) => string;
}

/** A line whose cells are a counter. Left out where every cell is 0 or missing, if it is optional. */
interface Figure {
  readonly name: string;
  readonly key: string;
  readonly optional: boolean;
}

const FIGURES: readonly Figure[] = [
  { name: 'commands', key: 'flush.commands', optional: false },
  { name: 'syncs', key: 'flush.syncs', optional: false },
  { name: 'to devices (ATS)', key: 'flush.atcCommands', optional: true },
  { name: 'whole address space', key: 'flush.fullFlushes', optional: true },
  { name: 'invalidated', key: 'flush.bytesInvalidated', optional: false },
];
const QUEUE: readonly Figure[] = [
  { name: 'queue full', key: 'flush.queueFlushes', optional: true },
  { name: 'queue timer', key: 'flush.timerFlushes', optional: true },
  { name: 'unmaps queued at most', key: 'flush.queuePeak', optional: true },
  { name: 'pages queued at most', key: 'flush.queuePagesPeak', optional: true },
];
const SAFETY: readonly Figure[] = [
  { name: 'tables freed too early', key: 'flush.unsafe.tables', optional: true },
  { name: 'IOVAs used too early', key: 'flush.unsafe.iova', optional: true },
  { name: 'pages used too early', key: 'flush.unsafe.pages', optional: true },
  { name: 'tables in the window', key: 'flush.window.tables', optional: true },
  { name: 'stale at the end', key: 'flush.stale.bytes', optional: true },
];

/** What the lines mean that do not say it themselves. */
export const POLICY_LEGEND =
  'over-invalidation: bytes invalidated for each byte whose translation went; window: freed before the flush of the operation that covers them\n';

/** Whether there is a table of flush policies to show. */
export function hasPolicies(
  document: StatsDocument,
): document is StatsDocument & { flushPolicies: readonly FlushPolicyStats[] } {
  return document.flushPolicies !== undefined && document.flushPolicies.length > 0;
}

/** The lines of the table; what no policy has is left out. */
export function policyRows(policies: readonly FlushPolicyStats[]): readonly PolicyRow[] {
  const lines = (figures: readonly Figure[]): PolicyRow[] =>
    figures
      .filter(({ key, optional }) => !optional || policies.some(({ counters }) => (counters[key] ?? 0) > 0))
      .map(({ name, key }) => ({ name, cell: ({ counters }) => figureText(counters, key) }));
  return [
    ...lines(FIGURES),
    { name: 'over-invalidation', cell: overText },
    ...lines(QUEUE),
    ...lines(SAFETY),
    { name: 'verdict', cell: verdictText },
  ];
}

/** `SAFE`, `UNSAFE`, or `-` where it is not judged. */
export function verdictText({ verdict }: FlushPolicyStats): string {
  return verdict === null ? '-' : verdict.toUpperCase();
}

function figureText(counters: FlushPolicyStats['counters'], key: string): string {
  const value = counters[key];
  if (value === undefined) return '-';
  return metricOf(key)?.unit === 'bytes' ? readableBytes(value) : grouped(value);
}

function overText({ counters }: FlushPolicyStats): string {
  const changed = counters['flush.bytesChanged'] ?? 0;
  const invalidated = counters['flush.bytesInvalidated'] ?? 0;
  if (changed === 0) return '-';
  const ratio = invalidated / changed;
  // A flush too few must not look like exactly enough.
  if (ratio > 0.995 && ratio < 1) return '<1.00x';
  return ratio < 10 ? `${ratio.toFixed(2)}x` : `${grouped(Math.round(ratio))}x`;
}
