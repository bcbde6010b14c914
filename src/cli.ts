import { Command, CommanderError, Option } from 'commander';
import { EXIT_BUG, EXIT_ENVIRONMENT, EXIT_OK, EXIT_USAGE, PgtraceError } from './base/errors.ts';
import { GPU_DRIVERS } from './base/vocabulary.ts';
import { addCheckCommand } from './commands/check/check-command.ts';
import { addCompareCommand } from './commands/compare/compare-command.ts';
import { addCompletionCommand } from './commands/completion/completion-command.ts';
import { addDumpOptions, type DumpCommandOptions } from './commands/dump/dump-options.ts';
import type { GenCommandOptions } from './commands/gen.ts';
import { completeHelp, HELP_WIDTH } from './commands/help/help.ts';
import type { ImportCommandOptions } from './commands/import.ts';
import { addManCommand } from './commands/man/man-command.ts';
import { addInputOptions } from './commands/options/input-options.ts';
import { addTraceOptions } from './commands/options/trace-options.ts';
import { type Io, terminalWidth } from './commands/process/io.ts';
import { ClosedPipe } from './commands/process/output.ts';
import { toolVersion } from './commands/process/version.ts';
import type { RecordCommandOptions } from './commands/record/record.ts';
import { addRecordOptions } from './commands/record/record-options.ts';
import { addReduceCommand } from './commands/reduce/reduce-command.ts';
import type { ReplayCommandOptions } from './commands/replay/replay-options.ts';
import { addReplayOptions } from './commands/replay/replay-options.ts';
import { addReportCommand } from './commands/reports/report-command.ts';
import { addSchemaCommand } from './commands/schema-command.ts';
import { addMergeCommand } from './commands/sweep/merge/merge-command.ts';
import { addSweepCommand } from './commands/sweep/sweep-command.ts';
import { addWindowsCommand } from './commands/windows/windows-command.ts';

/** Runs the command line and returns the exit code; never throws and never ends the process. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let code = EXIT_OK;
  const program = buildProgram(io, (result) => {
    code = result;
  });
  let outputFailed = false;
  io.stdout.on?.('error', (error) => {
    // A reader that has seen enough (`| head`) is no error.
    if (error.code === 'EPIPE' || outputFailed) return;
    outputFailed = true;
    io.stderr.write(`pgtrace: cannot write to standard output (${error.code ?? error.message})\n`);
  });
  try {
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

function buildProgram(io: Io, finish: (code: number) => void): Command {
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
  addReplayOptions(program.command('replay').description('replay traces and print what the page tables cost')).action(
    async (paths: string[], options: ReplayCommandOptions) => {
      const { replayCommand } = await import('./commands/replay/replay.ts');
      finish(await replayCommand(paths, options, io));
    },
  );
  addTraceOptions(
    addDumpOptions(
      program
        .command('dump')
        .description('print the page tables that a trace leaves')
        .argument('<trace>', 'trace file, - for standard input'),
    ),
  ).action(async (path: string, options: DumpCommandOptions) => {
    const { dumpCommand } = await import('./commands/dump/dump.ts');
    finish(await dumpCommand(path, options, io));
  });
  addInputOptions(
    program
      .command('import')
      .description('write a recording as a trace in the language of pgtrace')
      .argument('<recording>', 'file, - for standard input; any format that replay reads')
      .option('-o, --output <file>', 'write to a file (default: stdout)'),
  )
    .option('-q, --quiet', 'no progress, no notes on stderr')
    .action(async (path: string, options: ImportCommandOptions) => {
      const { importCommand } = await import('./commands/import.ts');
      finish(await importCommand(path, options, io));
    });
  addCheckCommand(program, io, finish);
  addCompareCommand(program, io, finish);
  addReportCommand(program, io, finish);
  program
    .command('allocators')
    .description('list the table allocators, their parameters and defaults')
    .option('--json', 'print them as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { allocatorsCommand } = await import('./commands/allocators.ts');
      finish(allocatorsCommand(options.json === true, io));
    });
  program
    .command('flushes')
    .description('list the TLB flush policies, their parameters and defaults')
    .option('--json', 'print them as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { flushesCommand } = await import('./commands/flushes.ts');
      finish(flushesCommand(options.json === true, io));
    });
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
      const { genCommand } = await import('./commands/gen.ts');
      finish(await genCommand(name, options, io));
    });
  addRecordOptions(
    program.command('record').description('print how to record a trace on a given kernel, or check a recording'),
  ).action(async (options: RecordCommandOptions) => {
    const { recordCommand } = await import('./commands/record/record.ts');
    finish(await recordCommand(options, io));
  });
  addReduceCommand(program, io, finish);
  addSweepCommand(program, io, finish);
  addMergeCommand(program, io, finish);
  addSchemaCommand(program, io, finish);
  addCompletionCommand(program, io, finish);
  addManCommand(program, io, finish);
  addWindowsCommand(program, io, finish);
  completeHelp(program);
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
