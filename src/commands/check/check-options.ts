import { type Command, Option } from 'commander';
import {
  type CheckOptions,
  CONCURRENCIES,
  type Concurrency,
  DEFAULT_CHECK_OPTIONS,
  FLUSH_QUEUES,
  type FlushQueueKind,
  LEAK_CHECKS,
  type LeakCheck,
  LOCK_REGIMES,
  type LockRegime,
  TLB_MODELS,
  type TlbModel,
} from '../../check/options.ts';
import { LEVELS, type Level } from '../../check/rules.ts';
import { CHECK_FORMATS } from '../../report/formats.ts';
import { addTraceOptions, type TraceCommandOptions } from '../options/trace-options.ts';
import { addReportOptions, type ReportCommandOptions } from '../reports/report-options.ts';

/** The options that decide which findings there are, as commander hands them over. */
export interface FindingOptions {
  readonly lock: LockRegime;
  readonly concurrent?: Concurrency;
  readonly leaks: LeakCheck;
  readonly flushQueue: FlushQueueKind;
  readonly tlb: TlbModel;
}

/** The options of `pgtrace check`, as commander hands them over. */
export interface CheckCommandOptions extends TraceCommandOptions, ReportCommandOptions, FindingOptions {
  readonly rule?: readonly string[];
  readonly failOn: Level;
  readonly limit?: string;
  readonly listRules?: boolean;
  readonly json?: boolean;
}

const CHECK = 'Check:';

function adder(command: Command, heading: string): (option: Option) => void {
  return (option) => {
    option.helpGroup(heading);
    command.addOption(option);
  };
}

/** Adds the options that decide which findings there are, under a heading of the help. */
export function addFindingOptions(command: Command, heading: string = CHECK): void {
  const { lock, leaks, flushQueue, tlb } = DEFAULT_CHECK_OPTIONS;
  const add = adder(command, heading);
  add(
    new Option('--lock <regime>', 'who excludes whom: readers and writers; literal: look-ups of one address, too')
      .choices(LOCK_REGIMES)
      .default(lock),
  );
  add(
    new Option(
      '--concurrent <what>',
      'what may run at once: what overlaps in time, or comes from different queues or threads (default: time where the trace has times, else queue)',
    ).choices(CONCURRENCIES),
  );
  add(
    new Option('--leaks <when>', 'what is mapped is a leak when its domain is destroyed; all: and a note at the end')
      .choices(LEAK_CHECKS)
      .default(leaks),
  );
  add(
    new Option('--flush-queue <kind>', 'behind lazy unmaps: 256 entries and 10 ms, or 32768 and 1000 ms')
      .choices(FLUSH_QUEUES)
      .default(flushQueue),
  );
  add(
    new Option('--tlb <model>', 'translations that a TLB may still hold: any, or those that set_dirty has used')
      .choices(TLB_MODELS)
      .default(tlb),
  );
}

/** What these options ask the check for. */
export function checkOptions({ lock, concurrent, leaks, flushQueue, tlb }: FindingOptions): CheckOptions {
  return { lock, concurrent: concurrent ?? null, leaks, flushQueue, tlb };
}

/** Adds the argument and the options of `pgtrace check`. */
export function addCheckOptions(command: Command): Command {
  const add = adder(command, CHECK);
  command.argument('[trace...]', 'trace files, - for standard input; any format that replay reads');
  addFindingOptions(command);
  add(
    new Option('--rule <names>', 'look at these rules only; any number of times, or with commas').argParser(
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), ...text.split(',')],
    ),
  );
  add(new Option('--fail-on <level>', 'the least that makes the exit code 1').choices(LEVELS).default('error'));
  add(new Option('--limit <n>', 'findings of a rule that the text tells of each trace (default: 5)'));
  add(new Option('--list-rules', 'print the rules and where they come from'));
  add(new Option('--json', 'print the result as JSON'));
  return addTraceOptions(addReportOptions(command, CHECK_FORMATS));
}
