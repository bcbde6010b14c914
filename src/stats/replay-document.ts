import { modelText } from '../base/model.ts';
import type { Json } from '../base/stable-json.ts';
import { hexNumber } from '../base/u64.ts';
import { defaultPartialUnmap, type PgtableConfig } from '../lpae/format/config.ts';
import { DEFAULT_ALLOCATOR, DEFAULT_FLUSH, type ReplayOptions } from '../replay/options.ts';
import { queueText } from '../replay/queue/queue-options.ts';
import { DEFAULT_REPEAT_OPTIONS, repeatText } from '../replay/repeats/options.ts';
import type { Replayer } from '../replay/replayer.ts';
import type { AddressSpace } from '../replay/spaces/address-space.ts';
import { DEFAULT_DMA_OPTIONS } from '../replay/windows/options.ts';
import type { ReadOutcome } from '../trace/open.ts';
import { containerLists } from './container-list.ts';
import { type DomainStats, STATS_SCHEMA, type StatsDocument } from './document.ts';
import { addFlushPeaks, flushPolicyStats } from './metrics/flush-metrics.ts';
import { countersOf, sumCounters } from './metrics/metrics.ts';
import { rangePeaks, rangesOf } from './metrics/range-metrics.ts';
import { nestCounters, windowCounters } from './metrics/window-metrics.ts';

/** Gathers what a replay came to. Counters of all address spaces are sums, but for the peaks, which were counted over all. */
export function statsDocument(
  replayer: Replayer,
  outcome: ReadOutcome,
  options: ReplayOptions,
  version: string,
): StatsDocument {
  // Before any counter is read: peaks of the run are whole when the recording has ended.
  const { recorded } = replayer;
  const domains = replayer.spaces.map(domainStats);
  const repeats = repeatText(options.repeat ?? DEFAULT_REPEAT_OPTIONS);
  const counters = sumCounters(domains.map((domain) => domain.counters));
  // Of a single address space its own peaks are as good, and exact also for tables of a driver's own format.
  if (domains.length !== 1) {
    counters['tables.peak'] = replayer.memory.peakTables;
    counters['memory.occupiedPeak'] = replayer.memory.peakOccupied;
  }
  replayer.memory.peakByLevel.forEach((peak, level) => {
    if (peak > 0) counters[`tables.peak.l${level}`] = peak;
  });
  counters['alloc.heldPeak'] = replayer.allocatorPeaks.heldBytesPeak;
  if (counters['op.reserved'] !== undefined) counters['op.unusedPeak'] = replayer.allocatorPeaks.unusedPeak;
  Object.assign(counters, rangePeaks(replayer.spaces));
  Object.assign(counters, windowCounters(replayer.windows), nestCounters(replayer.nests));
  counters['domains'] = domains.length;
  for (const [kind, count] of replayer.findings.counts) counters[`findings.${kind}`] = count;
  const flushPolicies = flushPolicyStats(replayer);
  addFlushPeaks(counters, flushPolicies ?? []);
  return {
    schema: STATS_SCHEMA,
    tool: { name: 'pgtrace', version },
    trace: {
      format: outcome.format,
      events: replayer.seq,
      lines: outcome.lines,
      skippedLines: outcome.skippedLines,
      protAssumed: replayer.protAssumed,
      domainAssumed: replayer.domainAssumed,
      jobsNeverRan: replayer.jobsNeverRan,
      firstConflict: replayer.conflicts.firstLine,
      import: outcome.notes,
    },
    config: {
      kernel: allOf(replayer.kernel, replayer.spaces, (space) => space.asked.kernel),
      partialUnmap: allOf(
        options.partialUnmap ?? defaultPartialUnmap(replayer.kernel),
        replayer.spaces,
        (space) => space.asked.partialUnmap,
      ),
      allocator: allOf(
        modelText(options.allocator ?? DEFAULT_ALLOCATOR),
        replayer.spaces,
        (space) => space.allocatorName,
      ),
      driver: options.driver,
      ...(options.pgsizePolicy ? { pgsizePolicy: options.pgsizePolicy } : {}),
      ...(options.engine ? { engine: modelText(options.engine) } : {}),
      flush: allOf(modelText(options.flush ?? DEFAULT_FLUSH), replayer.spaces, (space) => space.policyName),
      gather: options.gather,
      onConflict: options.onConflict,
      queue: options.queue === null ? null : queueText(options.queue),
      zero: options.zero,
      maple: options.maple,
      reserveAround: options.reserveAround,
      reservations: options.reservations,
      ...(repeats === '' ? {} : { repeat: repeats }),
      overrides: overridesJson(options),
      ...(options.dma !== undefined || usesDma(replayer) ? { dma: options.dma ?? DEFAULT_DMA_OPTIONS } : {}),
    },
    complete: outcome.complete,
    counters,
    domains,
    findings: replayer.findings.list,
    ...(replayer.windows.used ? containerLists(replayer.windows) : {}),
    ...(flushPolicies === undefined ? {} : { flushPolicies }),
    ...(recorded === null ? {} : { timeline: recorded.timeline, offenders: recorded.offenders }),
  };
}

/** Whether a trace had DMA windows or nested address spaces. */
function usesDma({ windows, nests }: Replayer): boolean {
  return windows.used || nests.used;
}

/** One document of several of the same trace that differ in the allocator or in the driver alone. */
export function comparisonDocument(documents: readonly StatsDocument[]): StatsDocument {
  const [first] = documents;
  if (documents.length === 1) return first;
  const drivers = new Set(documents.map(({ config }) => config.driver));
  const strategies = documents.map(({ config, counters, domains, findings, timeline, offenders }) => ({
    ...(drivers.size > 1 && config.driver !== null ? { driver: config.driver } : {}),
    allocator: config.allocator,
    counters,
    domains,
    findings,
    ...(timeline === undefined ? {} : { timeline }),
    ...(offenders === undefined ? {} : { offenders }),
  }));
  return { ...first, strategies };
}

/** What the address spaces have, each value once; what they would have, when there is none. */
function allOf(otherwise: string, spaces: readonly AddressSpace[], value: (space: AddressSpace) => string): string {
  return spaces.length === 0 ? otherwise : [...new Set(spaces.map(value))].join(' ');
}

function domainStats(space: AddressSpace): DomainStats {
  const { table } = space;
  const config: PgtableConfig = table?.config ?? space.asked;
  const own = space.gpu?.own ?? null;
  return {
    id: space.id,
    config: {
      format: own === null ? config.format : space.driver,
      kernel: config.kernel,
      partialUnmap: config.partialUnmap,
      pgsizes: hexNumber(own?.pgsizes ?? config.pgsizes),
      ias: own?.ias ?? config.ias,
      oas: config.oas,
      coherent: config.coherent,
      quirks: config.quirks,
      granule: table?.granule ?? own?.granule ?? null,
      startLevel: table?.startLevel ?? own?.startLevel ?? null,
      ...(own === null ? {} : { entrySpans: own.entrySpans }),
    },
    driver: space.driver,
    allocator: space.allocatorName,
    flush: space.policyName,
    destroyed: space.destroyed,
    refused: space.refusal?.reason ?? null,
    counters: countersOf(space),
    reservations: rangesOf(space),
  };
}

function overridesJson(options: ReplayOptions): Record<string, Json> {
  const { overrides } = options;
  const result: Record<string, Json> = {};
  for (const [key, value] of Object.entries(overrides)) {
    if (value !== undefined) result[key] = key === 'pgsizes' ? hexNumber(value as number) : (value as Json);
  }
  return result;
}
