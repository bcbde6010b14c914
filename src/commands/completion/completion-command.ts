import { Argument, type Command } from 'commander';
import type { Io } from '../process/io.ts';
import type { Shell } from './completion.ts';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

const FOOTER = `
Examples:
  source <(pgtrace completion bash)            in ~/.bashrc
  source <(pgtrace completion zsh)             in ~/.zshrc, behind compinit
  pgtrace completion fish > ~/.config/fish/completions/pgtrace.fish`;

/** Declares `completion`. */
export function addCompletionCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('completion')
    .description('print a script that completes command lines in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', FOOTER)
    .action(async (shell: Shell) => {
      const { completionCommand } = await import('./completion.ts');
      finish(completionCommand(program, shell, io));
    });
}
