import { errnoName } from '../../base/vocabulary.ts';
import * as C from '../../lpae/counters.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { OPS } from '../../trace/events.ts';
import { type Census, censusOf } from '../census.ts';
import { ALLOCATOR_METRICS, addAllocatorCounters, addShares } from './allocator-metrics.ts';
import { addFlushCounters, FLUSH_METRICS, FLUSH_PEAKS } from './flush-metrics.ts';
import { addGpuCounters, GPU_METRICS, GPU_PEAKS } from './gpu-metrics.ts';
import { type Counters, type Metric, metric } from './metric.ts';
import { addRangeCounters, RANGE_METRICS, RANGE_PEAKS } from './range-metrics.ts';
import { addRepeatCounters, REPEAT_METRICS } from './repeat-metrics.ts';
import { addApertureCounters, WINDOW_METRICS, WINDOW_PEAKS } from './window-metrics.ts';

export const METRICS: readonly Metric[] = [
  metric('domains', 'count', 'none', 'address spaces, destroyed and refused ones included'),
  metric('ops.', 'count', 'none', 'events of this kind'),
  metric('calls.map', 'count', 'none', "raw map calls of the engine, or of the driver's own page tables"),
  metric('calls.unmap', 'count', 'none', "raw unmap calls of the engine, or of the driver's own page tables"),
  metric('errors.', 'count', 'lower', 'operations that failed with this errno'),
  metric('conflicts.', 'count', 'lower', 'events that contradict those before them, by kind, and what became of them'),
  metric('tables.allocated', 'count', 'lower', 'table pages allocated, start tables included'),
  metric('tables.allocated.', 'count', 'lower', 'table pages allocated, by level'),
  metric('tables.freed.', 'count', 'none', 'table pages freed, by level'),
  metric('tables.freed', 'count', 'none', 'table pages freed'),
  metric('tables.allocFailed', 'count', 'lower', 'table allocations that failed'),
  metric('tables.live', 'count', 'lower', 'table pages in use at the end'),
  metric('tables.live.', 'count', 'lower', 'table pages in use at the end, by level'),
  metric('tables.peak', 'count', 'lower', 'table pages in use at most'),
  metric('tables.peak.', 'count', 'lower', 'table pages in use at most, by level'),
  metric('tables.empty', 'count', 'lower', 'tables kept although nothing is mapped below them'),
  metric('memory.logical', 'bytes', 'lower', 'live table memory as the walker sees it'),
  metric('memory.requested', 'bytes', 'lower', 'live table memory as asked of the allocator'),
  metric('memory.occupied', 'bytes', 'lower', 'live table memory in whole pages of the allocator'),
  metric('memory.occupiedPeak', 'bytes', 'lower', 'most table memory in whole pages of the allocator'),
  metric('mapped.live', 'bytes', 'none', 'bytes mapped at the end'),
  metric('mapped.peak', 'bytes', 'none', 'bytes mapped at most'),
  metric('leaves.live.', 'count', 'none', 'leaves at the end, by level'),
  metric('leaves.live.size.', 'count', 'none', "leaves of a driver's own page tables at the end, by the bytes of one"),
  metric('leaves.written', 'count', 'none', 'leaves written'),
  metric('leaves.cleared', 'count', 'none', 'leaves cleared'),
  metric('blocks.split', 'count', 'lower', 'blocks replaced by tables to unmap a part'),
  metric('tlb.flushWalks', 'count', 'lower', 'immediate invalidations of walk caches'),
  metric('tlb.subtreesFreed', 'count', 'none', 'tables unlinked with all below them'),
  metric('tlb.addPages', 'count', 'none', 'leaf invalidations handed to a gather'),
  metric('tlb.iotlbSyncs', 'count', 'lower', 'gathers that ended in an invalidation'),
  metric('tlb.flushAlls', 'count', 'lower', 'invalidations of a whole address space'),
  metric('tlb.commands', 'count', 'lower', 'invalidation commands of the flush policy'),
  metric('tlb.commandSyncs', 'count', 'lower', 'command syncs of the flush policy'),
  metric('walker.ptSyncs', 'count', 'lower', 'cache cleans of table memory (non-coherent walks)'),
  metric('walker.dmaMaps', 'count', 'lower', 'DMA maps of table pages (non-coherent walks)'),
  metric('walker.dmaUnmaps', 'count', 'none', 'DMA unmaps of table pages (non-coherent walks)'),
  metric('warns.total', 'count', 'lower', 'places where the kernel would print a stack trace, every hit'),
  metric('warns.', 'count', 'lower', 'kernel stack traces of this kind'),
  metric('engine.walks', 'count', 'lower', 'walks of maps and unmaps from the start table'),
  metric('engine.pteReads', 'count', 'lower', 'descriptors that maps and unmaps read, and freeing of tables'),
  metric('engine.pteWrites', 'count', 'lower', 'descriptors that maps and unmaps wrote or cleared'),
  metric('returns.checked', 'count', 'none', 'recorded returns that were compared with the model'),
  metric('returns.equal', 'count', 'none', 'recorded returns that equal the model'),
  ...ALLOCATOR_METRICS,
  ...RANGE_METRICS,
  ...REPEAT_METRICS,
  ...GPU_METRICS,
  ...WINDOW_METRICS,
  ...FLUSH_METRICS,
  metric('findings.', 'count', 'lower', 'findings of this kind'),
];

const BY_KEY = new Map(METRICS.map((declared) => [declared.key, declared]));

/** What a counter's name means: declared by itself, else by the longest prefix; null: nothing declares it. */
export function metricOf(key: string): Metric | null {
  const own = BY_KEY.get(key);
  if (own !== undefined) return own;
  for (let dot = key.lastIndexOf('.'); dot >= 0; dot = key.lastIndexOf('.', dot - 1)) {
    const family = BY_KEY.get(key.slice(0, dot + 1));
    if (family !== undefined) return family;
    if (dot === 0) break;
  }
  return null;
}

/** Plain counters of the engine by their key. */
const ENGINE_KEYS: readonly (readonly [string, number])[] = [
  ['tables.allocated', C.TABLE_ALLOCS],
  ['tables.freed', C.TABLE_FREES],
  ['tables.allocFailed', C.TABLE_ALLOC_FAILS],
  ['tables.live', C.TABLES_LIVE],
  ['tables.peak', C.TABLES_PEAK],
  ['memory.logical', C.BYTES_LOGICAL],
  ['memory.requested', C.BYTES_REQUESTED],
  ['memory.occupied', C.BYTES_OCCUPIED],
  ['memory.occupiedPeak', C.BYTES_OCCUPIED_PEAK],
  ['mapped.live', C.MAPPED_BYTES],
  ['mapped.peak', C.MAPPED_BYTES_PEAK],
  ['leaves.written', C.LEAVES_WRITTEN],
  ['leaves.cleared', C.LEAVES_CLEARED],
  ['blocks.split', C.BLOCKS_SPLIT],
  ['tlb.flushWalks', C.FLUSH_WALKS],
  ['tlb.subtreesFreed', C.SUBTREES_FREED],
  ['tlb.addPages', C.ADD_PAGES],
  ['tlb.iotlbSyncs', C.IOTLB_SYNCS],
  ['tlb.flushAlls', C.FLUSH_ALLS],
  ['walker.ptSyncs', C.PT_SYNCS],
  ['walker.dmaMaps', C.DMA_MAPS],
  ['walker.dmaUnmaps', C.DMA_UNMAPS],
  ['warns.total', C.WARNS],
];

/**
 * Counters that every row of address spaces with tables of the engine tells, be they 0. The peaks of several make no peak of all,
 * so that one is left out there.
 */
export const ALWAYS_TOLD: readonly string[] = ENGINE_KEYS.map(([key]) => key).filter((key) => key !== 'mapped.peak');

const NOTHING: Census = { tables: [], leaves: [], emptyTables: 0 };

/** All counters of one address space. Keys whose count is 0 appear only where a reader looks for them by name. */
export function countersOf(space: AddressSpace): Counters {
  const result: Counters = {};
  const { counters, tally, policy, table } = space;
  const own = space.gpu?.own ?? null;
  if (own?.countsCalls !== false) {
    result['calls.map'] = counters[C.MAP_CALLS];
    result['calls.unmap'] = counters[C.UNMAP_CALLS];
  }
  for (const [key, index] of ENGINE_KEYS) result[key] = counters[index];
  for (let op = 0; op < tally.ops.length; op++) if (tally.ops[op] > 0) result[`ops.${OPS[op]}`] = tally.ops[op];
  for (const [ret, count] of tally.errors) result[`errors.${errnoName(ret).slice(1)}`] = count;
  for (const [kind, count] of tally.conflicts) result[`conflicts.${kind}`] = count;
  const census: Census = table !== null ? censusOf(table) : (own?.census() ?? NOTHING);
  result['tables.empty'] = census.emptyTables;
  const startLevel = table?.startLevel ?? own?.startLevel ?? LEVELS;
  for (let level = startLevel; level < LEVELS; level++) {
    result[`tables.live.l${level}`] = census.tables[level];
    result[`tables.peak.l${level}`] = counters[C.LEVEL_PEAK + level];
    result[`tables.allocated.l${level}`] = counters[C.LEVEL_ALLOCS + level];
    result[`tables.freed.l${level}`] = counters[C.LEVEL_FREES + level];
    result[`leaves.live.l${level}`] = census.leaves[level];
  }
  result['tlb.commands'] = policy?.commands ?? 0;
  result['tlb.commandSyncs'] = policy?.commandSyncs ?? 0;
  C.WARN_PLACES.forEach((place, index) => {
    const count = counters[C.WARN_BY_PLACE + index];
    if (count > 0) result[`warns.${place}`] = count;
  });
  if (space.refusal !== null && space.refusal.warns > 0) {
    result['warns.total'] += space.refusal.warns;
    result['warns.config'] = space.refusal.warns;
  }
  const cost = space.domain?.cost ?? null;
  if (cost !== null) {
    result['engine.walks'] = cost.walks;
    result['engine.pteReads'] = cost.reads;
    result['engine.pteWrites'] = cost.writes;
  }
  result['returns.checked'] = tally.returnsChecked;
  result['returns.equal'] = tally.returnsEqual;
  addAllocatorCounters(result, space);
  addRangeCounters(result, space);
  addRepeatCounters(result, space, census);
  addGpuCounters(result, space);
  addApertureCounters(result, space);
  addFlushCounters(result, space);
  addShares(result);
  // Sums over operations of absurd sizes: 2^53 - 1 stands for all that is larger, as in sums of several address spaces.
  for (const key of Object.keys(result))
    if (result[key] > Number.MAX_SAFE_INTEGER) result[key] = Number.MAX_SAFE_INTEGER;
  return result;
}

/** Peaks of several address spaces do not add up to a peak of all. */
const NOT_ADDED =
  /^(tables\.peak|memory\.occupiedPeak$|mapped\.peak$|alloc\.(poolPeak|heldPeak|bulkMax)$|op\.(unusedPeak|wasteBasisPoints)$)/;

/** Whether a counter of several address spaces, or of several traces, is the sum of theirs; if not it is a peak, a wait or a share. */
export function addsUp(key: string): boolean {
  return ![NOT_ADDED, RANGE_PEAKS, GPU_PEAKS, FLUSH_PEAKS, WINDOW_PEAKS].some((peaks) => peaks.test(key));
}

/** Sums over address spaces, less the counters that have no sum; none goes beyond 2^53 - 1. */
export function sumCounters(all: readonly Counters[]): Counters {
  const total: Counters = {};
  for (const counters of all) {
    for (const [key, value] of Object.entries(counters)) {
      if (all.length === 1 || addsUp(key)) total[key] = Math.min((total[key] ?? 0) + value, Number.MAX_SAFE_INTEGER);
    }
  }
  addShares(total);
  return total;
}
