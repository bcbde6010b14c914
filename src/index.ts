/**
 * The library: what `pgtrace` does, for programs.
 *
 * ```ts
 * import { AddressSpace, openTrace, replay } from 'pgtrace';
 *
 * const statistics = await replay(await openTrace('trace.dat'), { allocator: 'reserve', flush: 'smmuv3' });
 * console.log(statistics.counters['tables.peak']);
 *
 * const space = new AddressSpace({ ias: 39, flush: 'smmuv3' });
 * space.map(0x20_0000, 0x8000_0000, 2 ** 21);
 * console.log(space.entries());
 * ```
 *
 * @packageDocumentation
 */
export { PgtraceError, type Place } from './base/errors.ts';
export type { Json } from './base/stable-json.ts';
export type { Driver, Format, Kernel, PartialUnmap, Quirk } from './base/vocabulary.ts';
export type { AddressLike } from './library/address.ts';
export { AddressSpace, type Answer, type TableEntry } from './library/address-space.ts';
export { type ReplayChoices, replay } from './library/replay.ts';
export type { AddressSpaceOptions } from './library/space-options.ts';
export { openTrace, type Trace, type TraceOptions } from './library/trace.ts';
export type { ConflictPolicy } from './replay/options.ts';
export type { Finding, FindingEvent } from './replay/results/findings.ts';
export type { CostlyEvent } from './replay/timeline/offenders.ts';
export type { DmaOptions } from './replay/windows/options.ts';
export type { ReservationOptions } from './reservation/options.ts';
export type { ContainerStats, RegionStats, WindowStats } from './stats/container-list.ts';
export type { DomainStats, StatsDocument, StrategyStats } from './stats/document.ts';
export type { FlushPolicyStats } from './stats/metrics/flush-metrics.ts';
export type { Counters } from './stats/metrics/metric.ts';
export type { RangeStats } from './stats/metrics/range-metrics.ts';
export type { LeafRun, LevelTotals, ReservedRange, SpaceMap, TableAt } from './stats/space-map.ts';
export type { Gauge, Timeline } from './stats/timeline.ts';
export type * from './trace/events.ts';
export type { ImportNotes, Losses, PlacementNotes } from './trace/import/import-notes.ts';
export type { ReadOutcome } from './trace/open.ts';
