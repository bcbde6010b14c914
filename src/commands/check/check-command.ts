import type { Command } from 'commander';
import { prepareWorker } from '../../trace/thread/spare-worker.ts';
import type { Io } from '../process/io.ts';
import { addCheckOptions, type CheckCommandOptions } from './check-options.ts';

const EXAMPLES = `
Examples:
  pgtrace check trace.ndjson
  pgtrace check traces/*.ndjson --rule lock-conflict --lock literal
  pgtrace check recording.txt.gz -o check.sarif -o check.xml --format junit
  pgtrace check --list-rules`;

/** Declares `pgtrace check`. */
export function addCheckCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('check')
    .description('hold the operations of traces against each other: locking, reuse before flush, double unmaps, leaks');
  addCheckOptions(command).addHelpText('after', EXAMPLES);
  command.action(async (paths: string[], options: CheckCommandOptions) => {
    prepareWorker(paths);
    const { checkCommand } = await import('./check.ts');
    finish(await checkCommand(paths, options, io));
  });
}
