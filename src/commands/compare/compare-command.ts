import type { Command } from 'commander';
import { usageError } from '../../base/errors.ts';
import { COMPARE_FORMATS } from '../../report/formats.ts';
import { addTraceOptions } from '../options/trace-options.ts';
import type { Io } from '../process/io.ts';
import { addReportOptions } from '../reports/report-options.ts';
import type { CompareCommandOptions } from './compare.ts';
import { addCompareChoices } from './compare-options.ts';

/** Declares `pgtrace compare`. */
export function addCompareCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('compare')
    .description('hold new statistics against a base: what got better, what got worse, and whether that is allowed')
    .argument('<base>', 'statistics (replay --json), a trace, which is replayed, or a folder of either')
    .argument('[new...]', 'the same, now; with --engines more traces')
    .option('--json', 'print the comparison as JSON')
    .option(
      '--engines <a,b>',
      'replay traces with two page-table engines at once and compare their answers: arm,generic[,flush=no-gaps]',
    );
  addCompareChoices(addReportOptions(command, COMPARE_FORMATS));
  addTraceOptions(command).action(async (base: string, rest: string[], options: CompareCommandOptions) => {
    if (options.engines !== undefined) {
      const { compareEngines } = await import('./engines.ts');
      finish(await compareEngines([base, ...rest], options, io));
      return;
    }
    if (rest.length !== 1) {
      const found = rest.length === 0 ? `found ${base} alone` : `found ${rest.length + 1}`;
      throw usageError(`compare takes two, a base and what to hold against it; ${found}`);
    }
    const { compareCommand } = await import('./compare.ts');
    finish(await compareCommand(base, rest[0], options, io));
  });
}
