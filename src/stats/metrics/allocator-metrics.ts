import { type AllocatorStats, SIZE_CLASSES, USE_CLASSES } from '../../allocator/tickets/allocator-stats.ts';
import { exactSize } from '../../base/sizes.ts';
import * as G from '../../gpuvm/gpu-counters.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { type Counters, type Metric, metric } from './metric.ts';

/** Bytes of a page of drivers' own tables. */
const OWN_PAGE = 4096;

/** What the counters of allocators mean; see `AllocatorStats` for where they come from. */
export const ALLOCATOR_METRICS: readonly Metric[] = [
  metric('alloc.calls', 'count', 'lower', 'calls of the page allocator for pages, other than for start tables'),
  metric('alloc.bulkCalls', 'count', 'lower', 'of them, calls for several pages at once'),
  metric('alloc.bulkPages', 'count', 'none', 'pages that came of bulk calls'),
  metric('alloc.bulkMax', 'count', 'none', 'pages of the largest bulk call'),
  metric('alloc.pages', 'count', 'lower', 'pages got from the page allocator, other than start tables'),
  metric('alloc.freeCalls', 'count', 'lower', 'calls that gave pages back to the page allocator'),
  metric('alloc.pagesFreed', 'count', 'none', 'pages given back to the page allocator'),
  metric(
    'alloc.callsInRun',
    'count',
    'lower',
    'requests to the page allocator, or refused ones, while an operation ran',
  ),
  metric('alloc.hits', 'count', 'higher', 'tables made of a page that the allocator held'),
  metric('alloc.misses', 'count', 'lower', 'tables for which the allocator had to ask the page allocator'),
  metric('alloc.refills', 'count', 'lower', 'refills of a batch or a pool'),
  metric('alloc.poolPeak', 'count', 'lower', 'pages that lay idle in a pool, batch or cache at most'),
  metric(
    'alloc.heldPeak',
    'bytes',
    'lower',
    'bytes got and not given back at most: start tables, tables, reservations and pool',
  ),
  metric('alloc.held', 'bytes', 'lower', 'bytes got and not given back at the end'),
  metric('alloc.zeroed', 'bytes', 'lower', 'bytes zeroed, start tables included'),
  metric('alloc.failedSubmit', 'count', 'lower', 'operations that failed for want of pages before they ran'),
  metric('alloc.failedRun', 'count', 'lower', 'operations that failed for want of pages while they ran'),
  metric('alloc.hypercalls', 'count', 'lower', 'hypervisor calls for pages that tables are made of'),
  metric('alloc.throttleWaits', 'count', 'lower', 'submissions held back by a throttle'),
  metric('alloc.staleLeaves', 'count', 'lower', 'stale translations that became visible in pages nobody zeroed'),
  metric('alloc.staleDropped', 'count', 'lower', 'stale entries that are not modelled further'),
  metric('op.count', 'count', 'none', 'operations that were announced to the allocator'),
  metric('op.reserved', 'count', 'lower', 'pages reserved for operations'),
  metric('op.reserved.', 'count', 'lower', 'pages reserved for operations, by level'),
  metric('op.used', 'count', 'none', 'of them, pages that became tables'),
  metric('op.used.', 'count', 'none', 'of them, pages that became tables, by level'),
  metric('op.returned', 'count', 'lower', 'of them, pages that went back unused'),
  metric('op.stolen', 'count', 'lower', 'of them, pages that other operations took'),
  metric('op.wasteBytes', 'bytes', 'lower', 'bytes reserved and not used, summed over operations'),
  metric('op.wasteBasisPoints', 'count', 'lower', 'pages returned of 10,000 reserved'),
  metric('op.freedInRun', 'count', 'none', 'tables that operations freed while they ran'),
  metric('op.unusedPeak', 'count', 'lower', 'pages reserved and not used at one time, at most'),
  metric(
    'op.unusedPageTicks',
    'count',
    'lower',
    'reserved and unused pages, summed over operations (submissions, execs, cleanups) of the run that went by',
  ),
  metric('op.use.', 'count', 'none', 'operations by the share of their reservation that they used, in per cent'),
  metric('op.class.', 'count', 'none', 'by size of the operation: how many, pages reserved, pages used'),
];

/** Names of the size classes in counter keys: `4K`, `64K`, ... `more`. */
export const CLASS_NAMES: readonly string[] = SIZE_CLASSES.map((bound) =>
  Number.isFinite(bound) ? `to${exactSize(bound)}` : 'more',
);

/** Adds what the allocator of an address space did; what its driver did, where that makes tables of its own. */
export function addAllocatorCounters(result: Counters, space: AddressSpace): void {
  if (space.gpu?.own) {
    addOwnPages(result, space.gpu.counters, space.destroyed);
    return;
  }
  const { stats } = space.allocator;
  // The start table is no operation's: its one call and page are left out of what strategies are compared by.
  const start = space.table === null ? 0 : 1;
  result['alloc.calls'] = stats.singleCalls + stats.bulkCalls - start;
  result['alloc.bulkCalls'] = stats.bulkCalls;
  result['alloc.bulkPages'] = stats.bulkPages;
  result['alloc.bulkMax'] = stats.bulkMax;
  result['alloc.pages'] = stats.pages - start;
  const end = space.destroyed ? start : 0;
  result['alloc.freeCalls'] = stats.freeCalls + stats.bulkFreeCalls - end;
  result['alloc.pagesFreed'] = stats.pagesFreed - end;
  result['alloc.callsInRun'] = stats.callsInRun;
  result['alloc.hits'] = stats.hits;
  result['alloc.misses'] = stats.misses;
  result['alloc.poolPeak'] = stats.poolPeak;
  result['alloc.heldPeak'] = stats.heldBytesPeak;
  result['alloc.held'] = stats.heldBytes;
  result['alloc.zeroed'] = stats.zeroedBytes;
  result['alloc.failedSubmit'] = stats.failedAtSubmit;
  result['alloc.failedRun'] = stats.failedInRun;
  const optional: readonly [string, number][] = [
    ['alloc.refills', stats.refills],
    ['op.stolen', stats.stolen],
    ['alloc.staleLeaves', stats.staleLeaves],
    ['alloc.staleDropped', stats.staleDropped],
    ['alloc.hypercalls', stats.hypercalls],
    ['alloc.throttleWaits', stats.throttleWaits],
  ];
  for (const [key, value] of optional) if (value > 0) result[key] = value;
  if (space.allocator.announced && space.table !== null) addReservations(result, space, stats);
}

/** Every page of a driver's own tables is a call of its own, the first table's is left out as above. */
function addOwnPages(result: Counters, counters: Float64Array, destroyed: boolean): void {
  const pages = counters[G.OWN_PAGES];
  const freed = counters[G.OWN_PAGES_FREED];
  const end = destroyed ? 1 : 0;
  result['alloc.calls'] = pages - 1;
  result['alloc.pages'] = pages - 1;
  result['alloc.freeCalls'] = freed - end;
  result['alloc.pagesFreed'] = freed - end;
  result['alloc.heldPeak'] = counters[G.OWN_HELD_PEAK];
  result['alloc.held'] = (pages - freed) * OWN_PAGE;
}

function addReservations(result: Counters, space: AddressSpace, stats: AllocatorStats): void {
  result['op.count'] = stats.operations;
  result['op.reserved'] = stats.reserved;
  result['op.used'] = stats.used;
  result['op.returned'] = stats.returned;
  result['op.wasteBytes'] = stats.returned * (space.table?.granule ?? 0);
  result['op.freedInRun'] = stats.freedInRun;
  result['op.unusedPeak'] = stats.unusedPeak;
  result['op.unusedPageTicks'] = stats.pageTicks;
  for (let level = 0; level < LEVELS; level++) {
    if (stats.reservedByLevel[level] + stats.usedByLevel[level] === 0) continue;
    result[`op.reserved.l${level}`] = stats.reservedByLevel[level];
    result[`op.used.l${level}`] = stats.usedByLevel[level];
  }
  USE_CLASSES.forEach((name, at) => {
    if (stats.useClasses[at] > 0) result[`op.use.${name}`] = stats.useClasses[at];
  });
  CLASS_NAMES.forEach((name, at) => {
    if (stats.classOperations[at] === 0) return;
    result[`op.class.${name}.count`] = stats.classOperations[at];
    result[`op.class.${name}.reserved`] = stats.classReserved[at];
    result[`op.class.${name}.used`] = stats.classUsed[at];
  });
}

/** Adds what follows from sums over address spaces. */
export function addShares(counters: Counters): void {
  const reserved = counters['op.reserved'];
  if (reserved === undefined) return;
  counters['op.wasteBasisPoints'] = reserved === 0 ? 0 : Math.round((10_000 * counters['op.returned']) / reserved);
}
