import type { Command } from 'commander';
import { prepareWorker } from '../../trace/thread/spare-worker.ts';
import { addInputOptions } from '../options/input-options.ts';
import type { Io } from '../process/io.ts';
import type { ImportCommandOptions } from './import.ts';

/** Declares `import`. */
export function addImportCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('import')
    .description('write a recording as a trace in the language of pgtrace')
    .argument('<recording>', 'file, - for standard input; any format that replay reads')
    .option('-o, --output <file>', 'write to a file (default: stdout)');
  addInputOptions(command)
    .option('-q, --quiet', 'no progress, no notes on stderr')
    .action(async (path: string, options: ImportCommandOptions) => {
      prepareWorker([path]);
      const { importCommand } = await import('./import.ts');
      finish(await importCommand(path, options, io));
    });
}
