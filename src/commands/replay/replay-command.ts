import type { Command } from 'commander';
import { prepareWorker } from '../../trace/thread/spare-worker.ts';
import type { Io } from '../process/io.ts';
import { addReplayOptions, type ReplayCommandOptions } from './replay-options.ts';

/** Declares `replay`. */
export function addReplayCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program.command('replay').description('replay traces and print what the page tables cost');
  addReplayOptions(command).action(async (paths: string[], options: ReplayCommandOptions) => {
    prepareWorker(paths);
    const { replayCommand } = await import('./replay.ts');
    finish(await replayCommand(paths, options, io));
  });
}
