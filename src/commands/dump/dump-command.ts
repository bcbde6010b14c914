import type { Command } from 'commander';
import { addTraceOptions } from '../options/trace-options.ts';
import type { Io } from '../process/io.ts';
import { addDumpOptions, type DumpCommandOptions } from './dump-options.ts';

/** Declares `dump`. */
export function addDumpCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('dump')
    .description('print the page tables that a trace leaves')
    .argument('<trace>', 'trace file, - for standard input');
  addTraceOptions(addDumpOptions(command)).action(async (path: string, options: DumpCommandOptions) => {
    const { dumpCommand } = await import('./dump.ts');
    finish(await dumpCommand(path, options, io));
  });
}
