import { exactSize } from '../../base/sizes.ts';
import * as G from '../../gpuvm/gpu-counters.ts';
import type { MapleCounters } from '../../gpuvm/maple/counters.ts';
import { NODE_BYTES } from '../../gpuvm/maple/geometry.ts';
import * as C from '../../lpae/counters.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { type Counters, type Direction, type Metric, metric, type Unit } from './metric.ts';

/** A counter of GPU address spaces: its key and meaning, and where it is counted. */
type GpuMetric = readonly [key: string, counter: number, unit: Unit, direction: Direction, help: string];

/** What every driver counts: always told, so that drivers can be compared. */
const COMMON: readonly GpuMetric[] = [
  ['bind.jobs', G.JOBS, 'count', 'none', 'VM_BIND ioctls'],
  ['bind.async', G.ASYNC_JOBS, 'count', 'none', 'of them, asynchronous ones'],
  ['bind.maps', G.OPS_MAP, 'count', 'none', 'map operations that passed the checks of the ioctl'],
  ['bind.unmaps', G.OPS_UNMAP, 'count', 'none', 'unmap operations that passed the checks of the ioctl'],
  ['bind.steps.map', G.STEPS_MAP, 'count', 'none', 'steps that map'],
  ['bind.steps.unmap', G.STEPS_UNMAP, 'count', 'none', 'steps that unmap a whole VMA'],
  ['bind.steps.remap', G.STEPS_REMAP, 'count', 'none', 'steps that take a hole out of a VMA'],
  ['vmas.peak', G.VMAS_PEAK, 'count', 'none', 'VMAs at most'],
  ['vmas.preallocated', G.VMAS_PREALLOCATED, 'count', 'lower', 'VMAs that operations held ready'],
  ['vmas.used', G.VMAS_USED, 'count', 'none', 'of them, VMAs that came into use'],
  [
    'gpu.bytesChanged',
    G.BYTES_CHANGED,
    'bytes',
    'none',
    'bytes that operations asked to change: VMAs and parts of VMAs that go, and new maps',
  ],
  ['bind.need.each', G.NEED_EACH, 'count', 'none', 'worst-case tables for the maps, each for itself'],
  [
    'bind.need.merged',
    G.NEED_MERGED,
    'count',
    'none',
    'worst-case tables when the maps of a job are merged as they come',
  ],
  ['bind.need.sorted', G.NEED_SORTED, 'count', 'none', 'worst-case tables when they are sorted by address and merged'],
];

/** What only some drivers or traces have: told where it is not 0. */
const SPECIAL: readonly GpuMetric[] = [
  ['bind.steps.kept', G.STEPS_KEPT, 'count', 'higher', 'steps that left the entries alone: the same mapping followed'],
  ['gpu.asLocks', G.AS_LOCKS, 'count', 'lower', 'LOCK commands to an address space'],
  ['gpu.asExtraLocks', G.AS_EXTRA_LOCKS, 'count', 'lower', 'of them, for a region wider than the operation'],
  ['gpu.asUnlocks', G.AS_UNLOCKS, 'count', 'lower', 'UNLOCK commands to an address space'],
  ['gpu.asFlushPts', G.AS_FLUSH_PTS, 'count', 'lower', 'FLUSH_PT commands to an address space'],
  ['gpu.asFlushMems', G.AS_FLUSH_MEMS, 'count', 'lower', 'FLUSH_MEM commands to an address space'],
  ['gpu.asUpdates', G.AS_UPDATES, 'count', 'lower', 'UPDATE commands that took an address space away'],
  ['gpu.cacheFlushes', G.CACHE_FLUSHES, 'count', 'lower', 'flushes of all caches of the GPU'],
  ['gpu.flushAlls', G.FLUSH_ALLS, 'count', 'lower', 'invalidations of a whole domain'],
  ['gpu.mmuCacheCommands', G.MMU_CACHE_COMMANDS, 'count', 'lower', 'MMU cache commands to the firmware'],
  ['gpu.flushesPending', G.FLUSHES_PENDING, 'count', 'none', 'MMU cache commands owed to the next job at the end'],
  ['gpu.vmmFlushes', G.VMM_FLUSHES, 'count', 'lower', 'invalidations of a whole VMM'],
  ['gpu.invalidationJobs', G.INVALIDATION_JOBS, 'count', 'lower', 'TLB invalidation jobs'],
  ['gpu.ptOps', G.PT_OPS, 'count', 'lower', 'page-table operations that the arrays of binds were made for'],
  ['gpu.entryRuns', G.ENTRY_RUNS, 'count', 'lower', 'runs of entries that jobs wrote'],
  [
    'gpu.bytesLocked',
    G.BYTES_LOCKED,
    'bytes',
    'lower',
    'bytes that locks or invalidations were about, 2^53 - 1 at most',
  ],
  ['bind.widened', G.WIDENED, 'count', 'lower', 'holes unmapped to the borders of huge folios, the rest mapped anew'],
  ['bind.widenedNeedlessly', G.WIDENED_NEEDLESSLY, 'count', 'lower', 'of them, where no block was mapped'],
  [
    'bind.bytesRemapped',
    G.BYTES_REMAPPED,
    'bytes',
    'lower',
    'bytes that stayed mapped and were mapped anew, since huge pages were cut',
  ],
  ['bind.takenAndFreed', G.TAKEN_AND_FREED, 'count', 'lower', 'tables taken by an operation that freed as many itself'],
  [
    'bind.tablesRecreated',
    G.TABLES_RECREATED,
    'count',
    'lower',
    'tables freed by an unmap and made again by a later map',
  ],
  ['bind.overtakes', G.OVERTAKES, 'count', 'none', 'synchronous operations that ran before asynchronous ones'],
  ['bind.overtakesMet', G.OVERTAKES_MET, 'count', 'lower', 'of them, those that met the range of one'],
  ['bind.blocked', G.BLOCKED, 'count', 'lower', 'submissions held back by a throttle'],
  ['bind.blockedOps', G.BLOCKED_OPS, 'count', 'lower', 'operations that went by while submissions were held back'],
  ['bind.estimates', G.ESTIMATES, 'count', 'none', 'reservations held against the tables missing at submission'],
  ['bind.estimates.short', G.ESTIMATES_SHORT, 'count', 'lower', 'of them, where more tables were needed at execution'],
  ['bind.estimates.over', G.ESTIMATES_OVER, 'count', 'none', 'of them, where fewer tables were needed at execution'],
  ['bind.falseSuccesses', G.FALSE_SUCCESSES, 'count', 'lower', 'maps reported as done of which a part is missing'],
];

export const GPU_METRICS: readonly Metric[] = [
  ...[...COMMON, ...SPECIAL].map(([key, , unit, direction, help]) => metric(key, unit, direction, help)),
  metric('vmas.live', 'count', 'none', 'VMAs at the end'),
  metric('gpu.ignoredWalkFlushes', 'count', 'none', 'walk flushes of the engine that the driver ignores'),
  metric('bind.underReserved', 'count', 'lower', 'operations that needed more tables than were reserved'),
  metric('maple.stores', 'count', 'none', 'stores into a maple tree of the VMAs, erasures included'),
  metric('maple.used', 'count', 'none', 'nodes that these stores took'),
  metric('maple.requested.byStore', 'count', 'lower', 'nodes preallocated for them: by the type of the store (7.1)'),
  metric('maple.requested.bySeries', 'count', 'lower', 'as the series for 6.6 counted them'),
  metric('maple.requested.byHeight', 'count', 'lower', 'by the height of the tree, 1 + 3h (up to 6.5)'),
  metric('maple.requested.worstCase', 'count', 'lower', 'for any state that the tree may be in later (proposed)'),
  metric('maple.largest.', 'count', 'lower', 'the largest of these requests'),
  metric('maple.heldLargest.', 'bytes', 'lower', 'bytes held for one store at most, since sheaves come filled'),
  metric('maple.shortfalls.', 'count', 'lower', 'stores that took more nodes than the rule asked for'),
  metric('maple.nodesPeak', 'count', 'lower', 'nodes in the tree at most'),
  metric('maple.heightPeak', 'count', 'lower', 'levels of nodes at most'),
  metric('gpu.unusable', 'count', 'lower', 'address spaces that their driver gave up'),
];

/** VMAs at most are counted in each address space: their sum is no peak. */
export const GPU_PEAKS = /^(vmas\.peak|maple\.(nodesPeak|heightPeak|largest\..*|heldLargest\..*))$/;

/** Adds what a GPU driver did in an address space. */
export function addGpuCounters(result: Counters, space: AddressSpace): void {
  const { gpu } = space;
  if (gpu === null) return;
  for (const [key, counter] of COMMON) result[key] = gpu.counters[counter];
  for (const [key, counter] of SPECIAL) if (gpu.counters[counter] > 0) result[key] = gpu.counters[counter];
  result['vmas.live'] = gpu.vmas.size;
  if (gpu.maple !== null) addMaple(result, gpu.maple.stats);
  if (gpu.own !== null) {
    addOwnReservations(result, gpu.counters, gpu.own.granule);
    for (const [size, count] of gpu.own.leafSizes()) {
      if (count > 0) result[`leaves.live.size.${exactSize(size)}`] = count;
    }
  }
  if (gpu.ignoresWalkFlushes) result['gpu.ignoredWalkFlushes'] = space.counters[C.FLUSH_WALKS];
  if (gpu.unusable !== null) result['gpu.unusable'] = 1;
}

/** Reservations of drivers that make tables of their own, under the same names as those of allocators. */
function addOwnReservations(result: Counters, counters: Float64Array, granule: number): void {
  result['op.reserved'] = counters[G.OWN_RESERVED];
  result['op.used'] = counters[G.OWN_USED];
  result['op.returned'] = counters[G.OWN_RETURNED];
  result['op.wasteBytes'] = counters[G.OWN_RETURNED] * granule;
  result['op.unusedPeak'] = counters[G.OWN_RESERVED_PEAK];
  if (counters[G.UNDER_RESERVED] > 0) result['bind.underReserved'] = counters[G.UNDER_RESERVED];
}

/** What a maple tree of the VMAs would have asked for, rule by rule. */
function addMaple(result: Counters, stats: MapleCounters): void {
  result['maple.stores'] = stats.stores;
  result['maple.used'] = stats.used;
  result['maple.nodesPeak'] = stats.nodesPeak;
  result['maple.heightPeak'] = stats.heightPeak;
  for (const rule of ['byStore', 'bySeries', 'byHeight', 'worstCase'] as const) {
    const { requested, largest, largestHeld, shortfalls } = stats[rule];
    result[`maple.requested.${rule}`] = requested;
    result[`maple.largest.${rule}`] = largest;
    result[`maple.heldLargest.${rule}`] = largestHeld * NODE_BYTES;
    if (shortfalls > 0) result[`maple.shortfalls.${rule}`] = shortfalls;
  }
}
