import type { Command, Option } from 'commander';
import { argumentValues, NOTHING_KNOWN, optionValues, type Values, words } from './values.ts';

/** An option as a completion script needs it. */
export interface OptionModel {
  /** Such as `-o` and `--output`. */
  readonly names: readonly string[];
  /** Null: it takes no value. */
  readonly values: Values | null;
  readonly help: string;
}

/** A command, or the program itself with an empty name. */
export interface CommandModel {
  readonly name: string;
  readonly help: string;
  readonly options: readonly OptionModel[];
  /** What its arguments take; the last one holds for all that follow when there may be more. */
  readonly places: readonly Values[];
  readonly more: boolean;
}

/** The program and its commands, as the help lists them. */
export function commandModels(program: Command): readonly CommandModel[] {
  const helper = program.createHelp();
  const commands = helper.visibleCommands(program);
  const names = commands.map((command) => command.name());
  return [
    { name: '', help: '', options: optionModels('', program), places: [words(names)], more: false },
    ...commands.map((command) => {
      const name = command.name();
      const { registeredArguments } = command;
      return {
        name,
        help: command.description(),
        options: optionModels(name, command),
        places:
          name === 'help' ? [words(names.filter((other) => other !== name))] : registeredArguments.map(argumentValues),
        more: registeredArguments.some(({ variadic }) => variadic),
      };
    }),
  ];
}

function optionModels(command: string, declared: Command): OptionModel[] {
  const options: readonly Option[] = declared.createHelp().visibleOptions(declared);
  return options.map((option) => ({
    names: [option.short, option.long].filter((name) => name !== undefined),
    values: option.required || option.optional ? optionValues(command, option) : null,
    help: firstWords(option.description),
  }));
}

const MOST_CHARACTERS = 72;

/** The beginning of a description, as far as it fits into a line of a list. */
function firstWords(description: string): string {
  const [clause] = description.split(/;| \(/);
  return clause.length <= MOST_CHARACTERS
    ? clause
    : `${clause.slice(0, clause.lastIndexOf(' ', MOST_CHARACTERS - 3))}...`;
}

/** What the place of the n-th argument takes, counted from 0. */
export function placeValues({ places, more }: CommandModel, n: number): Values {
  return places[n] ?? (more ? (places.at(-1) ?? NOTHING_KNOWN) : NOTHING_KNOWN);
}
