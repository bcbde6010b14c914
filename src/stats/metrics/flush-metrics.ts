import type { StudyColumn } from '../../flush/study/freed-tables.ts';
import type { Replayer } from '../../replay/replayer.ts';
import type { Finding } from '../../replay/results/findings.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { type Counters, type Metric, metric } from './metric.ts';

/** Findings of each kind that a policy is listed with. */
const FINDINGS_LISTED = 5;

/** What the counters of flush policies mean. Those of a replay are the first policy's. */
export const FLUSH_METRICS: readonly Metric[] = [
  metric('flush.commands', 'count', 'lower', 'invalidation commands of a flush policy'),
  metric('flush.syncs', 'count', 'lower', 'syncs behind them that the driver waits for'),
  metric('flush.atcCommands', 'count', 'lower', 'of the commands, those to devices that cache translations (ATS)'),
  metric('flush.fullFlushes', 'count', 'lower', 'invalidations of a whole address space'),
  metric(
    'flush.bytesInvalidated',
    'bytes',
    'lower',
    'bytes that invalidations covered; of a whole address space what was mapped and what waited',
  ),
  metric('flush.bytesChanged', 'bytes', 'none', 'bytes of translations that operations removed or replaced'),
  metric('flush.queueFlushes', 'count', 'lower', 'flushes that a full flush queue asked for'),
  metric('flush.timerFlushes', 'count', 'lower', 'flushes that the timer of a flush queue asked for'),
  metric('flush.queuePeak', 'count', 'lower', 'unmaps that waited in flush queues at most'),
  metric('flush.queuePagesPeak', 'count', 'lower', 'pages that waited in flush queues at most'),
  metric('flush.unsafe.tables', 'count', 'lower', 'tables freed or used again while walk caches could lead to them'),
  metric('flush.unsafe.iova', 'count', 'lower', 'operations that mapped an IOVA before its old translation was gone'),
  metric(
    'flush.unsafe.pages',
    'count',
    'lower',
    'operations that mapped pages which an old translation of another IOVA could reach',
  ),
  metric(
    'flush.window.tables',
    'count',
    'lower',
    'tables freed before the flush of their operation, which covers them',
  ),
  metric(
    'flush.stale.bytes',
    'bytes',
    'lower',
    'bytes of removed translations that nothing had invalidated at the end',
  ),
];

/** Peaks of several address spaces do not add up. */
export const FLUSH_PEAKS = /^flush\.queue(Pages)?Peak$/;

/** What one flush policy came to in a replay. */
export interface FlushPolicyStats {
  /** As `NAME,k=v`. */
  readonly policy: string;
  /** The counters under this policy, `flush.*`. */
  readonly counters: Counters;
  /** Whether anything was used again too early; null where nobody judges it. */
  readonly verdict: 'safe' | 'unsafe' | null;
  /** The first findings of each kind; the counters hold how many there are. */
  readonly findings: readonly Finding[];
}

/** Adds what the first flush policy of an address space came to, where it is studied. */
export function addFlushCounters(result: Counters, space: AddressSpace): void {
  const { study } = space;
  if (study !== null) Object.assign(result, countersOfColumn(study.columns[0], study.bytesChanged));
}

/** Every studied policy over all address spaces, in the order in which they were asked for; undefined: none is studied. */
export function flushPolicyStats(replayer: Replayer): readonly FlushPolicyStats[] | undefined {
  const findings = replayer.flushFindings;
  if (findings === null) return undefined;
  const total = new Map<string, { counters: Counters; safe: boolean | null }>();
  for (const { study } of replayer.spaces) {
    if (study === null) continue;
    for (const column of study.columns) {
      const own = countersOfColumn(column, study.bytesChanged);
      const { safe } = column.verdict;
      const sum = total.get(column.name);
      if (sum === undefined) total.set(column.name, { counters: own, safe });
      else {
        addTo(sum.counters, own);
        if (safe === false) sum.safe = false;
      }
    }
  }
  return [...total].map(([policy, { counters, safe }]) => ({
    policy,
    counters,
    verdict: safe === null ? null : safe ? 'safe' : 'unsafe',
    findings: listed(findings.get(policy)?.list ?? []),
  }));
}

/** Peaks of several address spaces have no sum: the largest stands for all. */
export function addFlushPeaks(counters: Counters, policies: readonly FlushPolicyStats[]): void {
  for (const [key, value] of Object.entries(policies[0]?.counters ?? {})) {
    if (FLUSH_PEAKS.test(key)) counters[key] = value;
  }
}

/** Sums, and the larger of two peaks; none goes beyond 2^53 - 1. */
function addTo(total: Counters, own: Counters): void {
  for (const [key, value] of Object.entries(own)) {
    const before = total[key] ?? 0;
    total[key] = FLUSH_PEAKS.test(key) ? Math.max(before, value) : Math.min(before + value, Number.MAX_SAFE_INTEGER);
  }
}

function countersOfColumn({ policy, tlb, verdict }: StudyColumn, bytesChanged: number): Counters {
  const { queue } = policy;
  const counters: Counters = {
    'flush.commands': policy.commands,
    'flush.syncs': policy.commandSyncs,
    'flush.atcCommands': policy.atcCommands,
    'flush.fullFlushes': tlb.fullFlushes,
    'flush.bytesInvalidated': tlb.bytesInvalidated,
    'flush.bytesChanged': bytesChanged,
  };
  if (queue !== null) {
    counters['flush.queueFlushes'] = queue.fullFlushes;
    counters['flush.timerFlushes'] = queue.timerFlushes;
    counters['flush.queuePeak'] = queue.peak;
    counters['flush.queuePagesPeak'] = queue.peakPages;
  }
  if (verdict.safe === null) return counters;
  counters['flush.unsafe.tables'] = verdict.unsafeTables;
  counters['flush.unsafe.iova'] = verdict.unsafeIova;
  counters['flush.unsafe.pages'] = verdict.unsafePages;
  counters['flush.window.tables'] = verdict.windowTables;
  counters['flush.stale.bytes'] = Math.min(tlb.staleBytes, Number.MAX_SAFE_INTEGER);
  return counters;
}

/** The first of each kind. */
function listed(findings: readonly Finding[]): readonly Finding[] {
  const met = new Map<string, number>();
  return findings.filter(({ kind }) => {
    const count = (met.get(kind) ?? 0) + 1;
    met.set(kind, count);
    return count <= FINDINGS_LISTED;
  });
}
