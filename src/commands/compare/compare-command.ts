import type { Command } from 'commander';
import { addTraceOptions } from '../options/trace-options.ts';
import type { Io } from '../process/io.ts';
import { addReportOptions, COMPARE_FORMATS } from '../reports/report-options.ts';
import type { CompareCommandOptions } from './compare.ts';
import { addCompareChoices } from './compare-options.ts';

/** Declares `pgtrace compare`. */
export function addCompareCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('compare')
    .description('hold new statistics against a base: what got better, what got worse, and whether that is allowed')
    .argument('<base>', 'statistics (replay --json), a trace, which is replayed, or a folder of either')
    .argument('<new>', 'the same, now')
    .option('--json', 'print the comparison as JSON');
  addCompareChoices(addReportOptions(command, COMPARE_FORMATS));
  addTraceOptions(command).action(async (base: string, now: string, options: CompareCommandOptions) => {
    const { compareCommand } = await import('./compare.ts');
    finish(await compareCommand(base, now, options, io));
  });
}
