import type { RowFormat } from '../sweep-options.ts';

/** Options of `merge`, as commander hands them over. */
export interface MergeCommandOptions {
  readonly output?: string;
  readonly format?: RowFormat;
  readonly totals?: boolean;
  readonly json?: boolean;
  /** Bytes that a compressed file of rows may decompress to. */
  readonly maxDecompressed?: number;
}
