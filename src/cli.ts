import { Command, CommanderError } from 'commander';
import { EXIT_BUG, EXIT_OK, EXIT_USAGE, PgtraceError } from './base/errors.ts';
import type { DumpCommandOptions } from './commands/dump.ts';
import type { Io } from './commands/io.ts';
import { addTraceOptions } from './commands/options.ts';
import type { ReplayCommandOptions } from './commands/replay.ts';
import { toolVersion } from './commands/version.ts';

/** Runs the command line and returns the exit code; never throws and never ends the process. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let code = EXIT_OK;
  const program = buildProgram(io, (result) => {
    code = result;
  });
  // A reader that has seen enough (`| head`) is no error.
  io.stdout.on?.('error', (error) => {
    if (error.code !== 'EPIPE') io.stderr.write(`pgtrace: stdout: ${error.message}\n`);
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    return failure(error, io);
  }
}

function buildProgram(io: Io, finish: (code: number) => void): Command {
  const program = new Command('pgtrace')
    .description('Inspect and replay traces of page-table operations')
    .version(toolVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: (text) => void io.stderr.write(text) })
    .showHelpAfterError('(run with --help for the options)');
  addTraceOptions(
    program
      .command('replay')
      .description('replay traces and print what the page tables cost')
      .argument('<trace...>', 'trace files, - for standard input; NDJSON or ftrace text, plain, .gz or .zst')
      .option('--json', 'print one statistics document')
      .option('--results <file>', 'write one line per event; - for stdout')
      .option('--events', 'with --results: list the TLB callbacks of each event'),
  ).action(async (paths: string[], options: ReplayCommandOptions) => {
    const { replayCommand } = await import('./commands/replay.ts');
    finish(await replayCommand(paths, options, io));
  });
  addTraceOptions(
    program
      .command('dump')
      .description('print the page tables that a trace leaves')
      .argument('<trace>', 'trace file, - for standard input')
      .option('--view <view>', 'tree, ranges, walk or raw')
      .option('--json', 'one JSON object a line'),
  ).action(async (path: string, options: DumpCommandOptions) => {
    const { dumpCommand } = await import('./commands/dump.ts');
    finish(await dumpCommand(path, options, io));
  });
  return program;
}

function failure(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (error instanceof PgtraceError) {
    io.stderr.write(`pgtrace: ${error.text}\n`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`pgtrace: this is a bug in pgtrace, please report it with the command line and the trace:\n${stack}\n`);
  return EXIT_BUG;
}
