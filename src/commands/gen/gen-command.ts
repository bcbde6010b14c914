import { type Command, Option } from 'commander';
import { GPU_DRIVERS } from '../../base/vocabulary.ts';
import type { Io } from '../process/io.ts';
import type { GenCommandOptions } from './gen.ts';

/** Declares `gen`. */
export function addGenCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('gen')
    .description('generate a GPU VM_BIND workload as a trace')
    .argument('[workload]', 'NAME[,k=v...]; --list describes them')
    .option('--list', 'describe the workloads, their parameters and defaults')
    .option('--json', 'with --list: as JSON')
    .option('--seed <n>', 'what the random choices begin with; the same seed gives the same bytes (default: 1)')
    .option('-o, --output <file>', 'write to a file (default: stdout)')
    .addOption(new Option('--driver <name>', 'GPU driver that the trace names (default: panthor)').choices(GPU_DRIVERS))
    .option('--explicit', 'write when asynchronous jobs run and are cleaned up (exec, cleanup)')
    .action(async (name: string | undefined, options: GenCommandOptions) => {
      const { genCommand } = await import('./gen.ts');
      finish(await genCommand(name, options, io));
    });
}
