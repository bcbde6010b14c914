import { type Command, Option } from 'commander';

/** What a comparison allows, as commander hands it over. */
export interface CompareCommandChoices {
  readonly threshold?: readonly string[];
  readonly thresholdFile?: string;
  readonly allowMissing?: boolean;
  readonly failOn?: 'improve' | 'regress';
  readonly warnOnly?: boolean;
  readonly across?: readonly string[];
  readonly update?: boolean;
  readonly all?: boolean;
  readonly domains?: boolean;
}

const COMPARISON = 'Comparison:';

/** Adds the options about what a comparison allows. */
export function addCompareChoices(command: Command): Command {
  const add = (option: Option): void => {
    option.helpGroup(COMPARISON);
    command.addOption(option);
  };
  const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text];
  add(
    new Option(
      '--threshold <pattern=limit>',
      'how much worse metrics may get (default: not at all), such as tlb.*=+2%&+16, memory.*=+64K, op.use.*=any; the last that names a metric holds',
    ).argParser(collect),
  );
  add(new Option('--threshold-file <file>', 'the same as a JSON object: {"tlb.*": "+2%&+16"}; options come after it'));
  add(new Option('--allow-missing', 'rows of the base may be missing'));
  add(
    new Option('--fail-on <what>', 'improve: better numbers fail, too, since the base is out of date').choices([
      'regress',
      'improve',
    ]),
  );
  add(new Option('--warn-only', 'tell, and exit with 0'));
  add(
    new Option('--across <settings>', 'compare although these settings differ, such as kernel,flush').argParser(
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), ...text.split(',')],
    ),
  );
  add(new Option('--update', 'write the new statistics over the base'));
  add(new Option('--domains', 'compare each address space, too'));
  add(new Option('--all', 'list what is equal, too'));
  return command;
}

/** What these options are called on the command line. */
export const COMPARISON_OPTIONS: readonly (readonly [keyof CompareCommandChoices, string])[] = [
  ['threshold', '--threshold'],
  ['thresholdFile', '--threshold-file'],
  ['allowMissing', '--allow-missing'],
  ['failOn', '--fail-on'],
  ['warnOnly', '--warn-only'],
  ['across', '--across'],
  ['update', '--update'],
  ['domains', '--domains'],
  ['all', '--all'],
];
