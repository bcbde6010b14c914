import { type Command, Option } from 'commander';
import { STATS_FORMATS } from '../../report/formats.ts';
import { addCompareChoices, type CompareCommandChoices } from '../compare/compare-options.ts';
import { addTraceOptions, type TraceCommandOptions } from '../options/trace-options.ts';
import { addReportOptions, type ReportCommandOptions } from '../reports/report-options.ts';

/** The options of `pgtrace replay`, as commander hands them over. */
export interface ReplayCommandOptions extends TraceCommandOptions, ReportCommandOptions, CompareCommandChoices {
  readonly json?: boolean;
  readonly results?: string;
  readonly events?: boolean;
  readonly strict?: boolean;
  readonly reservations?: boolean;
  readonly timeline?: boolean;
  readonly maps?: boolean;
  readonly baseline?: string;
}

/** Adds the argument and the options of `pgtrace replay`. */
export function addReplayOptions(command: Command): Command {
  const output = (flags: string, help: string): void => {
    command.addOption(new Option(flags, help).helpGroup('Output:'));
  };
  command.argument(
    '<trace...>',
    'trace files, - for standard input; NDJSON or any recording that is known, plain, .gz or .zst',
  );
  output('--json', 'print one statistics document');
  output('--results <file>', 'write one line per event; - for stdout');
  output('--events', 'with --results: list the TLB callbacks of each event');
  output('--reservations', 'list the IOVA reservations: what each pinned and what it used');
  output('--strict', 'exit with 1 when an allocator or a reservation broke its promise');
  addReportOptions(command, STATS_FORMATS);
  output('--timeline', 'add what happened along the way to the statistics (html has it anyway)');
  output('--maps', 'add what the address spaces look like at the end to the statistics (html has it anyway)');
  command.addOption(
    new Option(
      '--baseline <path>',
      'hold the statistics against those of a file, or of a folder with one for each trace, as compare does; --format is then that of the comparison',
    ).helpGroup('Comparison:'),
  );
  addCompareChoices(command);
  return addTraceOptions(command);
}
