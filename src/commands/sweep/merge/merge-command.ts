import { type Command, Option } from 'commander';
import { maxDecompressedOption } from '../../options/input-options.ts';
import type { Io } from '../../process/io.ts';
import { ROW_FORMATS } from '../sweep-options.ts';
import type { MergeCommandOptions } from './merge-options.ts';

const EXAMPLES = `
Examples:
  pgtrace merge rows-1/ rows-2/ rows-3/ -o rows.ndjson
  pgtrace merge a.ndjson b.ndjson.gz --format parquet -o rows.parquet
  pgtrace merge rows/ --totals`;

/** Declares `pgtrace merge`. */
export function addMergeCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('merge')
    .description('unite the rows of sweeps, or add them up')
    .argument('<rows...>', 'files of rows, folders that sweep has written, - for standard input')
    .option('-o, --output <file>', 'write to a file (default: stdout)')
    .addOption(new Option('--format <format>', 'parquet needs -o FILE.parquet').choices(ROW_FORMATS))
    .option('--totals', 'add up: one row for each configuration over all traces')
    .option('--json', 'with --totals: as JSON')
    .addOption(maxDecompressedOption())
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], options: MergeCommandOptions) => {
      const { mergeCommand } = await import('./merge.ts');
      finish(await mergeCommand(paths, options, io));
    });
}
