import type { Command } from 'commander';
import type { Io } from '../process/io.ts';

/** Declares `allocators`. */
export function addAllocatorsCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('allocators')
    .description('list the table allocators, their parameters and defaults')
    .option('--json', 'print them as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { allocatorsCommand } = await import('./allocators.ts');
      finish(allocatorsCommand(options.json === true, io));
    });
}

/** Declares `flushes`. */
export function addFlushesCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('flushes')
    .description('list the TLB flush policies, their parameters and defaults')
    .option('--json', 'print them as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { flushesCommand } = await import('./flushes.ts');
      finish(flushesCommand(options.json === true, io));
    });
}
