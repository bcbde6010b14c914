import { type Argument, type Command, InvalidArgumentError, type Option } from 'commander';
import { nearest } from '../../base/edit-distance.ts';
import { wrapped } from '../../report/wrap.ts';
import { commandTerm, fitFooter, footerOf } from './command-tree.ts';

/** Columns of help off a terminal. */
export const HELP_WIDTH = 80;

/** Columns that a description is broken into even on a narrow terminal. */
const LEAST_TEXT = 20;

const OTHERS = 'Others:';

/** The commands as help and man page list them. One that is not named here comes last, among the others. */
const GROUPS: readonly (readonly [title: string, names: readonly string[]])[] = [
  ['Replay and look:', ['replay', 'check', 'dump', 'reduce']],
  ['Record and import:', ['import', 'record']],
  ['Compare and report:', ['compare', 'report', 'sweep', 'merge']],
  ['Workloads and models:', ['gen', 'allocators', 'flushes', 'windows']],
  [OTHERS, ['schema', 'completion', 'man']],
];

const PROGRAM_FOOTER = `
Examples:
  pgtrace replay recording.txt.gz                     what its page tables cost
  pgtrace replay trace.ndjson --allocator all         the same by allocator
  pgtrace dump trace.ndjson --iova 0x7f001000         where one address goes
  pgtrace record --smmu --kernel 6.12 --tool ftrace   how to record a trace
  pgtrace gen game | pgtrace replay -                 a workload of its own

\`pgtrace help COMMAND\` tells the options of a command, \`pgtrace man\` of all.`;

/** Examples of the commands that do not declare their own. */
const EXAMPLES: Readonly<Record<string, string>> = {
  replay: `
Examples:
  pgtrace replay recording.txt.gz
  pgtrace replay trace.ndjson --json > stats.json
  pgtrace replay trace.ndjson --results results.ndjson --events
  pgtrace replay recording.txt.gz --layer iommu --flush smmuv3,ril=off
  pgtrace replay trace.ndjson --allocator all --queue-depth 64
  pgtrace replay trace.ndjson --reserve-around areas --reservations
  zcat trace.ndjson.gz | pgtrace replay - --kernel 6.12`,
  import: `
Examples:
  pgtrace import trace.dat -o trace.ndjson
  pgtrace import boot.txt.gz -o trace.ndjson.gz
  pgtrace import bpftrace.log --field-map iova=addr,size=len -o trace.ndjson
  pgtrace import mail.txt --unwrap --domain-by comm -o trace.ndjson

A replay of the result comes to the same statistics as one of the recording.`,
  compare: `
Examples:
  pgtrace compare base.json new.json
  pgtrace compare base/ traces/ --threshold 'memory.*=+1%' -o diff.md
  pgtrace compare old.json new.json --across kernel --all`,
  report: `
Examples:
  pgtrace report stats.json
  pgtrace report results/ -o report.html -o summary.md
  pgtrace report stats.json --format csv > counters.csv`,
  allocators: `
Examples:
  pgtrace allocators
  pgtrace allocators --json
  pgtrace replay trace.ndjson --allocator pool,max=64 --allocator reserve`,
  flushes: `
Examples:
  pgtrace flushes
  pgtrace flushes --json
  pgtrace replay trace.ndjson --flush smmuv3 --flush smmuv3,mode=lazy`,
  gen: `
Examples:
  pgtrace gen --list
  pgtrace gen game,frames=600 --seed 7 -o game.ndjson
  pgtrace gen bind-storm,ops=64 --driver msm --explicit | pgtrace replay -`,
};

/** Commands that read traces, recordings or results: an input may be of no use to them. */
const READERS = new Set([
  'replay',
  'check',
  'dump',
  'import',
  'record',
  'windows',
  'compare',
  'report',
  'sweep',
  'merge',
]);
/** Commands that may run for long. */
const LONG = new Set(['replay', 'check', 'dump', 'import', 'record', 'windows', 'sweep', 'gen']);
/** What exit code 1 says, where a command has it. */
const ANSWERS_NO: Readonly<Record<string, string>> = {
  replay: 'findings (broken promises under --strict)',
  check: 'a finding of the level of --fail-on, or worse',
  record: 'with --check: the recording is incomplete',
  compare: 'something became worse; with --engines: they differ',
};

/**
 * Completes the declared commands: their groups and order, examples and exit codes below the help of each, and a guess at
 * what was meant where a value is none of an option's choices.
 */
export function completeHelp(program: Command): void {
  program
    .addHelpText('after', PROGRAM_FOOTER)
    .configureHelp({ minWidthToWrap: LEAST_TEXT, subcommandTerm: (command) => commandTerm(command) })
    .commandsGroup(OTHERS)
    .helpCommand('help [command]', 'tell the options of a command');
  const order = GROUPS.flatMap(([, names]) => names);
  const place = (command: Command): number => (order.indexOf(command.name()) + order.length + 1) % (order.length + 1);
  // Groups appear in the order of their first command.
  (program.commands as Command[]).sort((a, b) => place(a) - place(b));
  for (const command of program.commands) {
    const name = command.name();
    command.configureHelp({ minWidthToWrap: LEAST_TEXT });
    command.helpGroup(GROUPS.find(([, names]) => names.includes(name))?.[0] ?? OTHERS);
    if (EXAMPLES[name] !== undefined && !footerOf(command).includes('Examples:'))
      command.addHelpText('after', EXAMPLES[name]);
    if (!footerOf(command).includes('Exit codes:')) command.addHelpText('after', `\n${exitCodes(name)}`);
    fitFooter(command);
    for (const option of command.options) guessChoice(option);
    for (const argument of command.registeredArguments) guessChoice(argument);
  }
  fitFooter(program);
}

/** The exit codes of a command in one sentence. */
function exitCodes(name: string): string {
  const codes = ['0 fine'];
  if (ANSWERS_NO[name] !== undefined) codes.push(`1 ${ANSWERS_NO[name]}`);
  codes.push('2 usage');
  if (READERS.has(name)) codes.push('3 unusable input');
  codes.push('4 environment', '70 a bug in pgtrace');
  if (LONG.has(name)) codes.push('130 interrupted');
  return wrapped(`Exit codes: ${codes.join('; ')}`, HELP_WIDTH, 0);
}

/** Lets an option or an argument with choices say which of them was probably meant. */
function guessChoice(target: Option | Argument): void {
  const { argChoices, parseArg } = target;
  if (argChoices === undefined || parseArg === undefined) return;
  target.argParser((value: string, previous: unknown) => {
    try {
      return parseArg(value, previous);
    } catch (error) {
      const guess = error instanceof InvalidArgumentError ? nearest(value, argChoices) : null;
      if (guess === null) throw error;
      throw new InvalidArgumentError(`${(error as Error).message} Did you mean ${guess}?`);
    }
  });
}
