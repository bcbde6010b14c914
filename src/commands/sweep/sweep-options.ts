import type { Format, Kernel } from '../../base/vocabulary.ts';
import type { TraceCommandOptions } from '../options/trace-options.ts';

export const ROW_FORMATS = ['ndjson', 'parquet'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

export const GRANULES = ['4K', '16K', '64K'] as const;
export type GranuleName = (typeof GRANULES)[number];

/** Options of `sweep`, as commander hands them over. */
export interface SweepCommandOptions extends Omit<TraceCommandOptions, 'kernel' | 'pgtable'> {
  readonly kernel?: readonly Kernel[];
  readonly pgtable?: readonly Format[];
  readonly granule?: readonly GranuleName[];
  readonly list?: boolean;
  readonly job?: readonly string[];
  readonly shard?: string;
  readonly output?: string;
  readonly force?: boolean;
  readonly format?: RowFormat;
  readonly jobs?: string;
}
