import { hex64 } from '../../base/u64.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import type { Grace } from '../../reservation/grace/grace.ts';
import type { Reservation } from '../../reservation/reservation.ts';
import { type Counters, type Metric, metric } from './metric.ts';

/** What the counters of IOVA reservations and of deferred frees mean. */
export const RANGE_METRICS: readonly Metric[] = [
  metric('reservations.made', 'count', 'none', 'IOVA reservations made'),
  metric('reservations.failed', 'count', 'lower', 'reserves that failed and changed nothing'),
  metric('reservations.live', 'count', 'none', 'IOVA reservations at the end'),
  metric('reservations.full', 'count', 'none', 'tables that the reserved ranges need from nothing'),
  metric('reservations.missing', 'count', 'lower', 'tables that reserves had to allocate'),
  metric(
    'reservations.raced',
    'count',
    'lower',
    'tables that a reserve allocated in vain: another had linked one first',
  ),
  metric('reservations.retries', 'count', 'lower', 'walks of a reserve that met an unlinked table and began anew'),
  metric('reservations.pinned', 'count', 'lower', 'tables pinned at the end'),
  metric('reservations.pinnedPeak', 'count', 'lower', 'tables pinned at most'),
  metric('reservations.pinnedBytesPeak', 'bytes', 'lower', 'bytes of pinned tables at most'),
  metric('reservations.parked', 'count', 'lower', 'tables set aside below blocks at the end'),
  metric('reservations.parkedPeak', 'count', 'lower', 'tables set aside below blocks at most'),
  metric('reservations.parks', 'count', 'lower', 'tables set aside because a block took their place'),
  metric(
    'reservations.setAside',
    'count',
    'none',
    'tables made below blocks that were mapped already, or set aside by the split of a block',
  ),
  metric('reservations.unparks', 'count', 'none', 'tables that came back'),
  metric(
    'reservations.splits',
    'count',
    'lower',
    'blocks written as smaller leaves because a pinned table stood there',
  ),
  metric('reservations.keptUnmaps', 'count', 'none', 'tables that an unmap emptied and kept'),
  metric('reservations.refusals', 'count', 'lower', 'maps refused because of a pinned table'),
  metric('reservations.straddlingMaps', 'count', 'lower', 'maps that reach from reservations to where there is none'),
  metric(
    'reservations.allocsInReserved',
    'count',
    'lower',
    'tables allocated inside reservations; anything but 0 breaks the promise',
  ),
  metric('reservations.emptiedFreed', 'count', 'none', 'tables freed because they had become empty'),
  metric('rcu.deferred', 'count', 'lower', 'freed tables that wait for readers at the end'),
  metric('rcu.deferredPeak', 'count', 'lower', 'freed tables that waited for readers at most'),
  metric(
    'rcu.pageTicks',
    'ticks',
    'lower',
    'waiting tables times the ticks that they waited (events, or ns where the trace has times)',
  ),
  metric(
    'rcu.lateReaders',
    'count',
    'lower',
    'readers that became known after tables had been freed that they might have held',
  ),
  metric('rcu.frees', 'count', 'none', 'tables freed after their wait'),
  metric('rcu.callbacks', 'count', 'lower', 'callbacks that freed them'),
  metric('rcu.latencyMin', 'ticks', 'none', 'ticks from unlinking to freeing, the least'),
  metric('rcu.latencyMean', 'ticks', 'none', 'ticks from unlinking to freeing, rounded mean'),
  metric('rcu.latencyMax', 'ticks', 'lower', 'ticks from unlinking to freeing, the most'),
];

/** Counters of these have no sum over address spaces. */
export const RANGE_PEAKS = /^(reservations\.(pinnedPeak|pinnedBytesPeak|parkedPeak)|rcu\.(deferredPeak|latency\w+))$/;

/** Adds what was reserved and deferred in an address space; nothing where neither was wanted. */
export function addRangeCounters(result: Counters, space: AddressSpace): void {
  const { ranges } = space;
  if (ranges === null) return;
  if (ranges.reservations !== null) {
    for (const [key, value] of Object.entries(ranges.reservations.counters())) result[`reservations.${key}`] = value;
  }
  const { grace } = ranges;
  result['rcu.deferred'] = grace.deferred;
  result['rcu.deferredPeak'] = grace.deferredPeak;
  result['rcu.pageTicks'] = grace.pageTicks;
  result['rcu.lateReaders'] = grace.lateReaders;
  result['rcu.frees'] = grace.frees;
  result['rcu.callbacks'] = grace.callbacks;
  if (grace.latencyCount === 0) return;
  result['rcu.latencyMin'] = grace.latencyMin;
  result['rcu.latencyMean'] = Math.round(grace.latencySum / grace.latencyCount);
  result['rcu.latencyMax'] = grace.latencyMax;
}

/** Peaks and waits over all address spaces of a run, which their own do not add up to; nothing where none was watched. */
export function rangePeaks(spaces: readonly AddressSpace[]): Counters {
  const ranges = spaces.map((space) => space.ranges).filter((known) => known !== null);
  if (ranges.length === 0) return {};
  const { peaks } = ranges[0].grace;
  const result: Counters = { 'rcu.deferredPeak': peaks.deferredPeak };
  const waits = ranges.map(({ grace }) => grace).filter(({ latencyCount }) => latencyCount > 0);
  if (waits.length > 0) {
    const sum = (value: (grace: Grace) => number): number => waits.reduce((total, grace) => total + value(grace), 0);
    const mean = sum(({ latencySum }) => latencySum) / sum(({ latencyCount }) => latencyCount);
    result['rcu.latencyMin'] = waits.reduce((least, { latencyMin }) => Math.min(least, latencyMin), Infinity);
    result['rcu.latencyMean'] = Math.round(mean);
    result['rcu.latencyMax'] = waits.reduce((most, { latencyMax }) => Math.max(most, latencyMax), 0);
  }
  if (ranges.every(({ reservations }) => reservations === null)) return result;
  result['reservations.pinnedPeak'] = peaks.pinnedPeak;
  result['reservations.pinnedBytesPeak'] = peaks.pinnedBytesPeak;
  result['reservations.parkedPeak'] = peaks.parkedPeak;
  return result;
}

/** One IOVA reservation in the statistics. */
export interface RangeStats {
  /** Its id in the trace. */
  readonly id: string;
  /** First IOVA, in hex. */
  readonly iova: string;
  /** Bytes. */
  readonly size: number;
  /** The deepest level whose tables are pinned. */
  readonly depth: number;
  /** Tables that it pins. */
  readonly pinned: number;
  /** Bytes of these tables. */
  readonly pinnedBytes: number;
  /** Those of the pinned tables that it allocated. */
  readonly allocated: number;
  /** Pinned tables by level, from level 0. */
  readonly pinnedByLevel: readonly number[];
  /** Of the pinned tables, those that ever had a leaf below. */
  readonly used: number;
  /** Maps inside it. */
  readonly maps: number;
  /** Unmaps inside it. */
  readonly unmaps: number;
  /** Bytes mapped inside it. */
  readonly mapped: number;
  /** Bytes mapped inside it at most. */
  readonly mappedPeak: number;
  /** It had not ended. */
  readonly live: boolean;
  /** Tables freed when it ended. */
  readonly freed: number;
}

/** The IOVA reservations of an address space, in the order of their making. */
export function rangesOf(space: AddressSpace): RangeStats[] {
  return (space.ranges?.reservations?.list ?? []).map(rangeStats);
}

function rangeStats(reservation: Reservation): RangeStats {
  return {
    id: reservation.id,
    iova: hex64(reservation.iovaHi, reservation.iovaLo),
    size: reservation.size,
    depth: reservation.depth,
    pinned: reservation.full,
    pinnedBytes: reservation.pinnedBytes,
    allocated: reservation.missing - reservation.raced,
    pinnedByLevel: [...reservation.pinned],
    used: reservation.used,
    maps: reservation.maps,
    unmaps: reservation.unmaps,
    mapped: reservation.mapped,
    mappedPeak: reservation.mappedPeak,
    live: reservation.live,
    freed: reservation.freed,
  };
}
