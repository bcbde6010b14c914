import { type Command, Option } from 'commander';
import type { Io } from '../process/io.ts';

const FOOTER = `
Examples:
  pgtrace man | man -l -
  pgtrace man > /usr/local/share/man/man1/pgtrace.1
  pgtrace man replay --markdown`;

/** Declares `man`. */
export function addManCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('man')
    .description('print the manual page')
    .argument('[command]', 'with --markdown: the page of one command')
    .addOption(new Option('--markdown', 'print it as markdown: one command, or the list of all'))
    .addHelpText('after', FOOTER)
    .action(async (name: string | undefined, options: { readonly markdown?: boolean }) => {
      const { manCommand } = await import('./man.ts');
      finish(manCommand(program, name, options.markdown === true, io));
    });
}
