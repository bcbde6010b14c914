import { Command, CommanderError } from 'commander';
import { EXIT_BUG, EXIT_ENVIRONMENT, EXIT_OK, EXIT_USAGE, PgtraceError } from './base/errors.ts';
import { declarationsFor } from './commands/command-list.ts';
import { completeHelp, HELP_WIDTH } from './commands/help/help.ts';
import { refuseRepeated } from './commands/options/given-once.ts';
import { ClosedPipe } from './commands/process/closed-pipe.ts';
import { type Io, terminalWidth } from './commands/process/io.ts';
import { toolVersion } from './library/version.ts';

/** Runs the command line and returns the exit code; never throws and never ends the process. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let code = EXIT_OK;
  let outputFailed = false;
  io.stdout.on?.('error', (error) => {
    // A reader that has seen enough (`| head`) is no error.
    if (error.code === 'EPIPE' || outputFailed) return;
    outputFailed = true;
    io.stderr.write(`pgtrace: cannot write to standard output (${error.code ?? error.message})\n`);
  });
  try {
    const program = await buildProgram(args, io, (result) => {
      code = result;
    });
    await program.parseAsync(withoutHelpOfNothing(args, program), { from: 'user' });
    // Errors of the last write arrive in the next turn.
    await new Promise(setImmediate);
    return outputFailed ? EXIT_ENVIRONMENT : code;
  } catch (error) {
    // The reader has what it wanted.
    if (error instanceof ClosedPipe) return EXIT_OK;
    return failure(error, io);
  }
}

/** `help nosuch` becomes `nosuch`: what is said of an unknown command is what helps here, too. */
function withoutHelpOfNothing(args: readonly string[], program: Command): string[] {
  const [first, name] = args;
  const isKnown = name === undefined || name === 'help' || program.commands.some((command) => command.name() === name);
  return first === 'help' && !isKnown ? [name] : [...args];
}

async function buildProgram(args: readonly string[], io: Io, finish: (code: number) => void): Promise<Command> {
  const program = new Command('pgtrace')
    .description('Inspect and replay traces of page-table operations')
    .version(toolVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => terminalWidth(io.stdout) ?? HELP_WIDTH,
      getErrHelpWidth: () => terminalWidth(io.stderr) ?? HELP_WIDTH,
      outputError: (text, write) => write(text.replace(/^error:/, 'pgtrace:')),
    })
    .showHelpAfterError('(run with --help for the options)');
  for (const declare of await declarationsFor(args)) declare(program, io, finish);
  completeHelp(program);
  for (const command of program.commands) refuseRepeated(command);
  return program;
}

function failure(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (error instanceof PgtraceError) {
    io.stderr.write(`pgtrace: ${error.text}\n`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(
    `pgtrace: this is a bug in pgtrace, please report it with the command line and the trace:\n${stack}\n`,
  );
  return EXIT_BUG;
}
