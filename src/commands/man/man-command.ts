import type { Command } from 'commander';
import type { Io } from '../process/io.ts';

const FOOTER = `
Examples:
  pgtrace man | man -l -
  pgtrace man > /usr/local/share/man/man1/pgtrace.1`;

/** Declares `man`. */
export function addManCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('man')
    .description('print the manual page')
    .addHelpText('after', FOOTER)
    .action(async () => {
      const { manCommand } = await import('./man.ts');
      finish(manCommand(program, io));
    });
}
