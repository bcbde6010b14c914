import { errnoName } from '../../base/vocabulary.ts';
import * as C from '../../lpae/counters.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import type { NestEvents } from '../../replay/windows/nest-events.ts';
import type { WindowEvents } from '../../replay/windows/window-events.ts';
import type { LockedSums } from '../../window/tce/system.ts';
import type { WindowTally } from '../../window/tce/tally.ts';
import { type Counters, type Direction, type Metric, metric, type Unit } from './metric.ts';

/** A counter of DMA windows: its key and meaning, and where it is counted. */
type TallyMetric = readonly [
  key: string,
  field: NumbersOf<WindowTally>,
  unit: Unit,
  direction: Direction,
  help: string,
];
type LockedMetric = readonly [key: string, field: keyof LockedSums, unit: Unit, direction: Direction, help: string];
type NumbersOf<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

const LOCKED: readonly LockedMetric[] = [
  ['locked.pages', 'total', 'count', 'lower', 'CPU pages that are locked at the end'],
  ['locked.tables', 'tables', 'count', 'lower', 'of them, for tables of windows'],
  ['locked.regions', 'regions', 'count', 'lower', 'of them, for registered memory'],
  ['locked.v1Window', 'v1Window', 'count', 'lower', 'of them, for the whole window that version 1 enabled'],
  ['locked.peak', 'peak', 'count', 'lower', 'CPU pages that a process had locked at most'],
  ['locked.peakBytes', 'peakBytes', 'bytes', 'lower', 'bytes that a process had locked at most'],
  [
    'locked.leakedAccounting',
    'leakedAccounting',
    'count',
    'lower',
    'CPU pages charged for windows that were refused, and never given back',
  ],
  [
    'prereg.leakedRegions',
    'leakedRegions',
    'count',
    'lower',
    'regions that no container lists, registered with nobody to give them back',
  ],
  ['prereg.leakedPages', 'leakedRegionPages', 'count', 'lower', 'CPU pages of these regions'],
  ['prereg.bytesMapped', 'coveredBytes', 'bytes', 'higher', 'registered bytes with at least one TCE at the end'],
  ['prereg.bytesEverMapped', 'touchedBytes', 'bytes', 'higher', 'bytes registered at the end that ever had a TCE'],
];

const TALLY: readonly TallyMetric[] = [
  ['windows.created', 'windowsCreated', 'count', 'none', 'DMA windows created, default ones included'],
  ['windows.removed', 'windowsRemoved', 'count', 'none', 'DMA windows removed'],
  ['windows.refused', 'windowsRefused', 'count', 'lower', 'requests to create a DMA window that failed'],
  ['windows.live', 'windowsLive', 'count', 'none', 'created DMA windows at the end'],
  [
    'windows.tableBytes.accounted',
    'accountedBytes',
    'bytes',
    'lower',
    'table bytes that windows are charged with at the end',
  ],
  [
    'windows.tableBytes.accountedPeak',
    'accountedBytesPeak',
    'bytes',
    'lower',
    'table bytes that windows were charged with at most',
  ],
  ['windows.tableBytes.allocated', 'allocatedBytes', 'bytes', 'lower', 'table bytes of windows that exist at the end'],
  [
    'windows.tableBytes.allocatedPeak',
    'allocatedBytesPeak',
    'bytes',
    'lower',
    'table bytes of windows that existed at most',
  ],
  ['windows.maps', 'maps', 'count', 'none', 'maps through DMA windows'],
  ['windows.unmaps', 'unmaps', 'count', 'none', 'unmaps through DMA windows'],
  ['windows.failures', 'failures', 'count', 'lower', 'of them, those that failed'],
  ['prereg.registered', 'registered', 'count', 'none', 'registrations of memory that succeeded'],
  ['prereg.again', 'registeredAgain', 'count', 'none', 'of them, of a range that another container had registered'],
  ['prereg.refused', 'registerRefused', 'count', 'lower', 'registrations of memory that failed'],
  ['prereg.unregistered', 'unregistered', 'count', 'none', 'registrations that were given back'],
  ['prereg.bytes', 'registeredBytes', 'bytes', 'lower', 'registered bytes at the end'],
  ['prereg.bytesPeak', 'registeredBytesPeak', 'bytes', 'lower', 'registered bytes at most'],
  ['prereg.hits', 'hits', 'count', 'none', 'pages of maps that were found in registered memory'],
  [
    'prereg.misses',
    'misses',
    'count',
    'lower',
    'maps that ended at a page that is not registered, or not for pages so large',
  ],
  [
    'prereg.denied',
    'denied',
    'count',
    'lower',
    'maps that ended at a backing page smaller than the page of the window',
  ],
  ['pins.made', 'pins', 'count', 'lower', 'pages pinned: once at registration, or for each TCE of version 1'],
  ['pins.released', 'unpins', 'count', 'none', 'pages unpinned'],
  ['pins.calls', 'pinCalls', 'count', 'lower', 'requests to pin: one for a registration, one for a TCE of version 1'],
  ['pins.avoided', 'pinsAvoided', 'count', 'higher', 'TCEs written without pinning or accounting anything'],
  ['pins.accountCalls', 'accountCalls', 'count', 'lower', 'changes of the account of locked memory'],
  ['tce.written', 'tcesWritten', 'count', 'none', 'TCEs written'],
  ['tce.replaced', 'tcesReplaced', 'count', 'lower', 'of them, over TCEs that were live'],
  ['tce.cleared', 'tcesCleared', 'count', 'none', 'live TCEs cleared'],
  ['tce.lost', 'tcesLost', 'count', 'lower', 'TCEs replaced by maps that failed, and lost with them'],
  ['tce.live', 'tcesLive', 'count', 'none', 'TCEs at the end'],
  ['tce.livePeak', 'tcesLivePeak', 'count', 'none', 'TCEs at most'],
  ['tce.kills', 'kills', 'count', 'lower', 'invalidations of TCEs, each of a range'],
  ['tce.clearSteps', 'clearSteps', 'count', 'lower', 'entries that clears looked at, missing lower tables as one'],
  ['tce.falseSuccesses', 'falseSuccesses', 'count', 'lower', 'maps that answered 0 at a region being torn down'],
];

const declared = ([key, , unit, direction, help]: LockedMetric | TallyMetric): Metric =>
  metric(key, unit, direction, help);

export const WINDOW_METRICS: readonly Metric[] = [
  ...LOCKED.map(declared),
  ...TALLY.map(declared),
  metric('windows.ops.', 'count', 'none', 'requests to containers, by kind'),
  metric('windows.errors.', 'count', 'lower', 'requests to containers that failed with this errno'),
  metric(
    'windows.hardwareOps',
    'count',
    'lower',
    'requests that only this hardware knows: windows, registration, enabling',
  ),
  metric(
    'windows.hardwareOpsRemaining',
    'count',
    'lower',
    'of them, those behind the first map: what a required range given at creation does not save',
  ),
  metric('nested.spaces', 'count', 'none', 'address spaces that are part of a tree, roots included'),
  metric('nested.childMaps', 'count', 'none', 'maps that refer to a parent'),
  metric(
    'nested.pieces',
    'count',
    'none',
    "stretches of memory that they were made of, since the parent's may be scattered",
  ),
  metric('nested.rootPages', 'count', 'lower', 'pages that roots have pinned at the end'),
  metric('nested.rootPagesPeak', 'count', 'lower', 'pages that roots had pinned at most, the sum over roots'),
  metric('nested.references', 'count', 'none', 'references of children to pages of parents at the end'),
  metric('nested.referencesPeak', 'count', 'none', 'references of children to pages of parents at most'),
  metric('nested.referencesMost', 'count', 'none', 'references to one page at most'),
  metric('nested.pinsAvoided', 'count', 'higher', 'pages of children that nobody pinned or accounted'),
  metric('nested.parentBusy', 'count', 'lower', 'unmaps of parents that were refused, since children refer to them'),
  metric('nested.revocations', 'count', 'lower', 'unmaps of parents that took maps from children'),
  metric('nested.revokedBytes', 'bytes', 'lower', 'bytes that were taken from children'),
  metric('nested.extraCommands', 'count', 'lower', "commands that drop children's translations with their parent's"),
  metric('nested.walkSteps', 'count', 'lower', 'steps of the longest walk, both stages of hardware nesting included'),
  metric('nested.tableBytes.', 'bytes', 'lower', 'most table bytes of each address space, summed by depth of nesting'),
  metric('aperture.bytes', 'bytes', 'none', 'IOVAs that windows or required ranges allow'),
  metric('aperture.used', 'count', 'higher', 'most bytes mapped of these, in hundredths of a percent'),
  metric('aperture.rejected', 'count', 'lower', 'maps outside of windows and required ranges, or over reserved ones'),
  metric('aperture.levelsSaved', 'count', 'higher', 'levels of a walk that a required range saves'),
  metric('aperture.bytesSaved', 'bytes', 'higher', 'table bytes above the first level that a required range saves'),
];

/** Counters of these have no sum over address spaces. */
export const WINDOW_PEAKS = /^(locked\.peak|nested\.(walkSteps|referencesMost)|aperture\.used)/;

const MOST = Number.MAX_SAFE_INTEGER;

/** What containers came to; nothing where the trace has none. */
export function windowCounters(windows: WindowEvents): Counters {
  if (!windows.used) return {};
  const result: Counters = {};
  const { tally } = windows.system;
  const sums = windows.system.sums();
  for (const [key, field] of TALLY) result[key] = Math.min(MOST, tally[field]);
  for (const [key, field] of LOCKED) result[key] = Math.min(MOST, sums[field]);
  for (const [op, count] of windows.log.ops) result[`windows.ops.${op}`] = count;
  for (const [ret, count] of windows.log.errors) result[`windows.errors.${errnoName(ret).slice(1)}`] = count;
  result['windows.hardwareOps'] = windows.log.hardwareOps;
  result['windows.hardwareOpsRemaining'] = windows.log.remainingOps;
  return result;
}

/** What trees of address spaces came to; nothing where the trace has none. */
export function nestCounters({ used, tally, spaces }: NestEvents): Counters {
  if (!used) return {};
  const result: Counters = {
    'nested.spaces': spaces.length,
    'nested.childMaps': tally.childMaps,
    'nested.pieces': tally.pieces,
    'nested.rootPages': 0,
    'nested.rootPagesPeak': 0,
    'nested.references': tally.references,
    'nested.referencesPeak': tally.referencesPeak,
    'nested.referencesMost': tally.referencesMost,
    'nested.pinsAvoided': tally.pinsAvoided,
    'nested.parentBusy': tally.parentBusy,
    'nested.revocations': tally.revocations,
    'nested.revokedBytes': Math.min(MOST, tally.revokedBytes),
    'nested.extraCommands': tally.extraCommands,
    'nested.walkSteps': 0,
  };
  for (const { counters, rules, table } of spaces) {
    const nest = rules?.nest;
    if (nest === null || nest === undefined || table === null) continue;
    result['nested.walkSteps'] = Math.max(result['nested.walkSteps'], nest.walkSteps);
    const depth = `nested.tableBytes.depth${nest.depth}`;
    result[depth] = (result[depth] ?? 0) + counters[C.BYTES_OCCUPIED_PEAK];
    if (nest.depth > 0) continue;
    result['nested.rootPages'] += Math.floor(counters[C.MAPPED_BYTES] / table.granule);
    result['nested.rootPagesPeak'] += Math.floor(counters[C.MAPPED_BYTES_PEAK] / table.granule);
  }
  return result;
}

/** Hundredths of a percent in all. */
const WHOLE = 10_000;

/** Adds what windows and required ranges did to an address space; nothing where it has none. */
export function addApertureCounters(result: Counters, { rules, counters }: AddressSpace): void {
  if (rules === null || rules.aperture === null) return;
  const { aperture, saving } = rules;
  const { bytes } = aperture;
  if (bytes > 0) {
    result['aperture.bytes'] = Math.min(MOST, bytes);
    result['aperture.used'] = Math.min(WHOLE, Math.round((WHOLE * counters[C.MAPPED_BYTES_PEAK]) / bytes));
  }
  result['aperture.rejected'] = aperture.rejected;
  if (saving === null) return;
  result['aperture.levelsSaved'] = saving.levels;
  result['aperture.bytesSaved'] = saving.bytes;
}
