import type { Command, Option } from 'commander';
import type { Io } from '../process/io.ts';
import { addReduceOptions, CHECK, type ReduceCommandOptions } from './reduce-options.ts';

const EXAMPLES = `
Examples:
  pgtrace reduce a.ndjson --keep finding:steal --allocator pool > b.ndjson
  pgtrace reduce a.txt --keep 'counter:warns.total>0' -o b.ndjson
  pgtrace reduce a.ndjson --keep-if './still-fails.sh {}' -o b.ndjson

Interrupted, it writes the smallest trace that was found by then.

Exit codes: 0 fine; 1 the trace does not show it; 2 usage; 3 the trace is
unusable; 4 environment (retry may help); 70 a bug in pgtrace; 130 interrupted.`;

/** Declares `pgtrace reduce`. */
export function addReduceCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('reduce')
    .description('find a small part of a trace that still shows a finding')
    .addHelpText('after', EXAMPLES);
  addReduceOptions(command).action(async (path: string, options: ReduceCommandOptions) => {
    const { reduceCommand } = await import('./reduce.ts');
    const ofCheck = command.options.filter((option) => option.helpGroupHeading === CHECK && isGiven(option, command));
    finish(await reduceCommand(path, options, io, ofCheck[0]?.long ?? null));
  });
}

function isGiven(option: Option, command: Command): boolean {
  return command.getOptionValueSource(option.attributeName()) === 'cli';
}
