import { grouped } from '../../base/sizes.ts';
import type { Counters } from '../../stats/metrics/metric.ts';

/** What GPU drivers send to their hardware: counter, then its name for one and for several. */
const EVENTS: readonly (readonly [key: string, one: string, several: string])[] = [
  ['gpu.asLocks', 'LOCK', 'LOCK'],
  ['gpu.asFlushPts', 'FLUSH_PT', 'FLUSH_PT'],
  ['gpu.asFlushMems', 'FLUSH_MEM', 'FLUSH_MEM'],
  ['gpu.cacheFlushes', 'cache flush', 'cache flushes'],
  ['gpu.asUnlocks', 'UNLOCK', 'UNLOCK'],
  ['gpu.asUpdates', 'UPDATE', 'UPDATE'],
  ['gpu.flushAlls', 'flush of all', 'flushes of all'],
  ['gpu.mmuCacheCommands', 'MMU cache command', 'MMU cache commands'],
  ['gpu.vmmFlushes', 'VMM flush', 'VMM flushes'],
  ['gpu.invalidationJobs', 'invalidation job', 'invalidation jobs'],
];

/** `3 LOCK, 3 cache flushes, 3 UNLOCK`: the hardware events of GPU drivers, `none` when there were none; `1 pending`: still owed. */
export function hardwareText(counters: Counters): string {
  const parts = EVENTS.map(([key, one, several]) => [counters[key] ?? 0, one, several] as const)
    .filter(([count]) => count > 0)
    .map(([count, one, several]) => `${grouped(count)} ${count === 1 ? one : several}`);
  const pending = counters['gpu.flushesPending'] ?? 0;
  const owed = pending === 0 ? '' : `, ${grouped(pending)} pending`;
  return `${parts.length === 0 ? 'none' : parts.join(', ')}${owed}`;
}
