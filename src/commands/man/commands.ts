import type { Command, Option } from 'commander';
import { argumentTerm } from '../help/command-tree.ts';
import { bold, escaped, italic, item, paragraph, prose, subsection } from './roff.ts';

/** Options of one group of a command's help. */
export interface Group {
  readonly title: string;
  readonly options: readonly Option[];
}

/** The commands with their options, as help groups them. A group that an earlier command had, too, is told once. */
export function commandSections(program: Command): string {
  const told = new Map<string, string>();
  return program.commands.map((command) => commandSection(command, told)).join('');
}

function commandSection(command: Command, told: Map<string, string>): string {
  const name = command.name();
  const title = [
    bold(`pgtrace ${name}`),
    '[options]',
    ...command.registeredArguments.map((a) => escaped(argumentTerm(a))),
  ];
  const places = command.registeredArguments.map((argument) =>
    item(italic(argument.name()), sentence(argument.description, argument.argChoices)),
  );
  const known: string[] = [];
  const groups = groupsOf(command).flatMap((group) => {
    const key = JSON.stringify([group.title, ...group.options.map((o) => [o.flags, o.description, o.argChoices])]);
    const earlier = told.get(key);
    if (earlier === undefined) {
      told.set(key, name);
      return [paragraph(`${escaped(group.title)}\n`), ...group.options.map(optionItem)];
    }
    known.push(`${group.title} as of \`pgtrace ${earlier}\`.`);
    return [];
  });
  const shared = known.length === 0 ? '' : paragraph(prose(known.join(' ')));
  return subsection(title.join(' '), [prose(`${command.description()}.`), ...places, ...groups, shared].join(''));
}

/** The groups of a command's options in the order of its help; what all commands have is left out. */
export function groupsOf(command: Command): Group[] {
  const groups = new Map<string, Option[]>();
  for (const option of command.options.filter(({ hidden }) => !hidden)) {
    const title = option.helpGroupHeading ?? 'Options:';
    groups.set(title, [...(groups.get(title) ?? []), option]);
  }
  return [...groups].map(([title, options]) => ({ title, options }));
}

function optionItem(option: Option): string {
  const [, placeholder = ''] = /\s(.*)$/.exec(option.flags.replace(/^-\w, /, '')) ?? [];
  const names = [option.short, option.long].filter((name) => name !== undefined).map(bold);
  const term = `${names.join(', ')}${placeholder === '' ? '' : ` ${italic(placeholder.replace(/[<>]/g, ''))}`}`;
  return item(term, sentence(option.description, option.argChoices, option.defaultValue));
}

/** A description, with the words to choose from and the one that is chosen when nobody says. */
function sentence(description: string, choices: readonly string[] | undefined, initial?: unknown): string {
  const notes = [
    ...(choices === undefined ? [] : [`One of ${choices.join(', ')}.`]),
    ...(typeof initial === 'string' ? [`Default: ${initial}.`] : []),
  ];
  return prose([`${description}.`, ...notes].join(' '));
}
