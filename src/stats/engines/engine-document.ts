import type { StatsDocument } from '../document.ts';
import type { Counters } from '../metrics/metric.ts';
import type { EngineResult } from './engine-comparison.ts';

export const ENGINES_SCHEMA = 'pgtrace.engines/1';

/** One engine and what the trace cost it. */
export interface EngineSide {
  /** As `NAME,k=v`. */
  readonly engine: string;
  readonly counters: Counters;
}

/** Two engines over one trace. */
export interface EngineTrace extends EngineResult {
  readonly trace: { readonly name: string; readonly format: string; readonly events: number; readonly domains: number };
  readonly complete: boolean;
  readonly engines: readonly [EngineSide, EngineSide];
}

/** What `compare --engines --json` prints. */
export interface EnginesDocument {
  readonly schema: typeof ENGINES_SCHEMA;
  readonly tool: { readonly name: 'pgtrace'; readonly version: string };
  /** Every answer and every look-up was the same in every trace. */
  readonly agree: boolean;
  readonly traces: readonly EngineTrace[];
}

/** Counters in which engines are held against each other, in the order of their table. */
export const COMPARED_COUNTERS: readonly string[] = [
  'calls.map',
  'calls.unmap',
  'engine.walks',
  'engine.pteReads',
  'engine.pteWrites',
  'leaves.written',
  'leaves.cleared',
  'tables.allocated',
  'tables.freed',
  'tables.live',
  'tables.peak',
  'tables.empty',
  'memory.occupiedPeak',
  'mapped.live',
  'tlb.flushWalks',
  'tlb.iotlbSyncs',
  'tlb.commands',
  'tlb.commandSyncs',
  'walker.ptSyncs',
  'warns.total',
];

/** The counters of a replay in which engines differ, and its errors. */
export function comparedCounters({ counters }: StatsDocument): Counters {
  const result: Counters = {};
  for (const key of COMPARED_COUNTERS) result[key] = counters[key] ?? 0;
  for (const [key, value] of Object.entries(counters)) if (key.startsWith('errors.')) result[key] = value;
  return result;
}
