import type { Command, Option } from 'commander';
import { argumentTerm, commandTerm, footerOf } from '../help/command-tree.ts';
import { groupsOf } from './commands.ts';

/** The page of one command: what it is for, its arguments, its options by group, its examples and notes. */
export function commandPage(command: Command): string {
  const name = command.name();
  const pieces = [
    `# pgtrace ${name}`,
    `${sentence(command.description())}`,
    fenced(`pgtrace ${commandTerm(command)} [options]`),
  ];
  const places = command.registeredArguments;
  if (places.length > 0) {
    const rows = places.map((argument) => [
      `\`${argumentTerm(argument)}\``,
      described(argument.description, argument.argChoices),
    ]);
    pieces.push('## Arguments', table(['argument', 'meaning'], rows));
  }
  for (const { title, options } of groupsOf(command)) {
    const rows = options.map((option) => [
      `\`${option.flags}\``,
      described(option.description, option.argChoices),
      initialOf(option),
    ]);
    pieces.push(`## ${title.replace(/:$/, '')}`, table(['option', 'meaning', 'default'], rows));
  }
  const footer = footerOf(command).trim();
  if (footer !== '') pieces.push(...footerPieces(footer));
  return `${pieces.join('\n\n')}\n`;
}

/** The list of all commands, each with its page. */
export function indexPage(program: Command): string {
  const rows = program.commands.map((command) => [
    `[\`${commandTerm(command)}\`](${command.name()}.md)`,
    sentence(command.description()),
  ]);
  const about = 'One page for each command. They are made from the commands themselves: `npm run docs` renews them.';
  return `${['# The commands of pgtrace', about, table(['command', 'what it does'], rows)].join('\n\n')}\n`;
}

/** Examples stand as they are, what else is said is text. */
function footerPieces(footer: string): string[] {
  return footer.split(/\n\n+/).map((block) => {
    const [first, ...rest] = block.split('\n');
    const indented = rest.length > 0 && rest.every((line) => line.startsWith('  '));
    if (!indented || !first.endsWith(':')) return block;
    return `## ${first.slice(0, -1)}\n\n${fenced(rest.map((line) => line.slice(2)).join('\n'))}`;
  });
}

function described(description: string, choices: readonly string[] | undefined): string {
  const list = choices === undefined ? '' : `; one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`;
  return `${description.replaceAll('<', '&lt;')}${list}`;
}

function initialOf({ defaultValue }: Option): string {
  return typeof defaultValue === 'string' ? `\`${defaultValue}\`` : '';
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function fenced(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
