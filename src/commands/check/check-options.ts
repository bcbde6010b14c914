import { type Command, Option } from 'commander';
import {
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
import { addTraceOptions, type TraceCommandOptions } from '../options/trace-options.ts';
import { addReportOptions, type ReportCommandOptions } from '../reports/report-options.ts';

/** Names of the reporters: here too, so that help needs none of them. */
export const CHECK_FORMATS = ['text', 'json', 'sarif', 'junit', 'github'] as const;

/** The options of `pgtrace check`, as commander hands them over. */
export interface CheckCommandOptions extends TraceCommandOptions, ReportCommandOptions {
  readonly lock: LockRegime;
  readonly concurrent?: Concurrency;
  readonly leaks: LeakCheck;
  readonly flushQueue: FlushQueueKind;
  readonly tlb: TlbModel;
  readonly rule?: readonly string[];
  readonly failOn: Level;
  readonly limit?: string;
  readonly listRules?: boolean;
  readonly json?: boolean;
}

const CHECK = 'Check:';

/** Adds the argument and the options of `pgtrace check`. */
export function addCheckOptions(command: Command): Command {
  const { lock, leaks, flushQueue, tlb } = DEFAULT_CHECK_OPTIONS;
  const add = (option: Option): void => {
    option.helpGroup(CHECK);
    command.addOption(option);
  };
  command.argument('[trace...]', 'trace files, - for standard input; any format that replay reads');
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
