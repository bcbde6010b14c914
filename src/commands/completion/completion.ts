import type { Command } from 'commander';
import { EXIT_OK } from '../../base/errors.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { bashScript } from './bash.ts';
import { commandModels } from './command-model.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const SCRIPTS = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The shells that there are scripts for. */
export type Shell = keyof typeof SCRIPTS;

/** `pgtrace completion`: prints the completion script of a shell. Returns the exit code. */
export function completionCommand(program: Command, shell: Shell, io: Io): number {
  const output = new StreamOutput(io.stdout);
  output.write(SCRIPTS[shell](commandModels(program)));
  output.close();
  return EXIT_OK;
}
