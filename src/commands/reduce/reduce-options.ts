import { type Command, Option } from 'commander';
import { addFindingOptions, type FindingOptions } from '../check/check-options.ts';
import { addTraceOptions, type TraceCommandOptions } from '../options/trace-options.ts';

/** The options of `pgtrace reduce`, as commander hands them over. */
export interface ReduceCommandOptions extends TraceCommandOptions, FindingOptions {
  readonly keep?: readonly string[];
  readonly keepIf?: string;
  readonly output?: string;
  readonly maxReplays?: string;
}

const REDUCTION = 'Reduction:';
/** They take part where `--keep` names a rule of theirs. */
export const CHECK = 'Check, for --keep finding:RULE of its rules:';

/** Adds the argument and the options of `pgtrace reduce`. */
export function addReduceOptions(command: Command): Command {
  const add = (option: Option): void => {
    option.helpGroup(REDUCTION);
    command.addOption(option);
  };
  const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text];
  command.argument('<trace>', 'trace file, - for standard input; any format that replay reads');
  add(
    new Option(
      '--keep <condition>',
      'what the smaller trace must still show: finding:KIND, finding:KIND@DOMAIN, exit:N (as replay --strict), counter:NAME>0 (also >=, <, <=, =); repeatable, all must hold',
    ).argParser(collect),
  );
  add(
    new Option(
      '--keep-if <command>',
      'a shell command that exits with 0 while a trace still shows it; its file is {}, or $1, else the last argument',
    ),
  );
  add(new Option('-o, --output <file>', 'write to a file (default: stdout)'));
  add(new Option('--max-replays <n>', 'replay so many times at most (default: 500)'));
  addFindingOptions(command, CHECK);
  return addTraceOptions(command);
}
