import type { Command } from 'commander';
import { knownFormats } from '../../trace/import/recognise.ts';
import { examplesOf } from '../help/command-tree.ts';
import { commandSections } from './commands.ts';
import { bold, italic, item, paragraph, prose, section, verbatim } from './roff.ts';

const ABOUT = [
  'pgtrace replays recorded or generated traces of page-table operations through a bit-exact model of the LPAE io-pgtable engine of the Linux kernel and tells what they cost: tables and memory, TLB invalidations, pages that were reserved and not used.',
  'A trace is read from a file, or from standard input where `-` is given, plain or compressed (.gz, .zst). It is a recording of any known format, or NDJSON in the trace language, which `pgtrace schema trace` describes.',
  'Standard output carries data and nothing else; notes, progress and errors go to standard error. The same input gives the same bytes.',
];

const EXITS: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'Done, and nothing to complain about.'],
  [1, 'The answer is no: findings, a regression, a broken promise under `--strict`, an incomplete recording.'],
  [2, 'Wrong usage, or inputs that cannot be compared.'],
  [3, 'An input that cannot be used. The message says file, line and column, what was found and what would be right.'],
  [4, 'The environment: something could not be read or written. A retry may help.'],
  [70, 'A bug in pgtrace.'],
  [130, 'Interrupted.'],
];

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['NO_COLOR', 'If it is not empty, no output is coloured unless `--color always` asks for it.'],
  ['FORCE_COLOR', 'If it is set and neither 0 nor false, output is coloured off a terminal, too.'],
  ['PGTRACE_SHARD', 'The part of a sweep that is run, as `--shard` takes it: i/n, counted from 1.'],
];

/** The manual page of the program in roff. It has no date: the version says which one it is. */
export function manPage(program: Command, version: string): string {
  const pieces = [
    `.TH PGTRACE 1 "" "pgtrace ${version}" "User Commands"\n`,
    // Neither hyphens at the ends of lines nor spread words: options would be torn apart.
    '.nh\n.ad l\n',
    section('NAME', 'pgtrace \\- replay and inspect traces of page\\-table operations\n'),
    section('SYNOPSIS', `${bold('pgtrace')} ${italic('command')} [${italic('options')}] [${italic('arguments')}]\n`),
    section('DESCRIPTION', ABOUT.map((text, i) => (i === 0 ? prose(text) : paragraph(prose(text)))).join('')),
    section('COMMANDS', commandSections(program)),
    section('EXAMPLES', examples(program)),
    section('EXIT STATUS', EXITS.map(([code, meaning]) => item(bold(String(code)), prose(meaning))).join('')),
    section('ENVIRONMENT', ENVIRONMENT.map(([name, meaning]) => item(bold(name), prose(meaning))).join('')),
    section('FORMATS', `${prose('Inputs are recognised by what they hold, whatever their name.')}${formats()}`),
    section('SEE ALSO', '.BR trace\\-cmd (1),\n.BR perf (1)\n'),
  ];
  return pieces.join('');
}

/** The first example of each command. */
function examples(program: Command): string {
  const lines = [program, ...program.commands].flatMap((command) => {
    const own = examplesOf(command);
    return command === program ? own : own.slice(0, 2);
  });
  return verbatim(lines.filter((text, i) => lines.indexOf(text) === i));
}

function formats(): string {
  return knownFormats()
    .map(({ name, example }) => item(bold(name), prose(example)))
    .join('');
}
