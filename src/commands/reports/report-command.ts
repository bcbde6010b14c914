import { type Command, Option } from 'commander';
import { STATS_FORMATS } from '../../report/formats.ts';
import { maxDecompressedOption } from '../options/input-options.ts';
import type { Io } from '../process/io.ts';
import type { ReportOptions } from './report.ts';
import { addReportOptions } from './report-options.ts';

/** Declares `pgtrace report`. */
export function addReportCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('report')
    .description('render statistics again, without a replay')
    .argument('<statistics...>', 'files of `replay --json`, or folders of them');
  addReportOptions(command, STATS_FORMATS)
    .option('--name <name>', 'what the trace is called in the report (default: the name of the file)')
    .option('--reservations', 'list the IOVA reservations')
    .option('--strict', 'broken promises of an allocator or a reservation count as failures')
    .addOption(
      new Option('--color <when>', 'colour on a terminal')
        .choices(['always', 'never', 'auto'])
        .default('auto')
        .helpGroup('Output:'),
    )
    .addOption(maxDecompressedOption())
    .action(async (paths: string[], options: ReportOptions) => {
      const { reportCommand } = await import('./report.ts');
      finish(await reportCommand(paths, options, io));
    });
}
