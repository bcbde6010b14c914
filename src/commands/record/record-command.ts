import type { Command } from 'commander';
import type { Io } from '../process/io.ts';
import type { RecordCommandOptions } from './record.ts';
import { addRecordOptions } from './record-options.ts';

/** Declares `record`. */
export function addRecordCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('record')
    .description('print how to record a trace on a given kernel, or check a recording');
  addRecordOptions(command).action(async (options: RecordCommandOptions) => {
    const { recordCommand } = await import('./record.ts');
    finish(await recordCommand(options, io));
  });
}
