import { EXIT_INTERRUPTED, EXIT_NO, EXIT_OK, type PgtraceError, usageError } from '../../base/errors.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { EventLog } from '../../replay/results/event-log.ts';
import { VIOLATIONS } from '../../replay/results/findings.ts';
import { ResultLines } from '../../replay/results/result-lines.ts';
import type { NamedDocument } from '../../report/reporter.ts';
import type { StatsDocument } from '../../stats/document.ts';
import { COMPARISON_OPTIONS } from '../compare/compare-options.ts';
import { readOptions } from '../options/input-options.ts';
import { allocatorChoices } from '../options/policy-choices.ts';
import type { Io } from '../process/io.ts';
import { type ClosableOutput, FileOutput, isSameFile, StreamOutput } from '../process/output.ts';
import { interruptedExit } from '../process/signals.ts';
import { ReplayReports } from '../reports/replay-reports.ts';
import { STDOUT } from '../reports/report-options.ts';
import type { ReplayCommandOptions } from './replay-options.ts';
import { documentOf, replayRuns } from './replay-trace.ts';
import { type ReplayRun, runReplay, writeSkipped } from './run-replay.ts';

/** `pgtrace replay`: replays each trace and prints its statistics. Returns the exit code. */
export async function replayCommand(paths: readonly string[], options: ReplayCommandOptions, io: Io): Promise<number> {
  refuseContradictions(paths, options);
  const runs = replayRuns(options);
  if (options.results !== undefined && runs.length > 1) {
    const option = allocatorChoices(options.allocator).length > 1 ? '--allocator' : '--driver';
    throw usageError(`--results tells what each event came to, so it takes one ${option} at a time`);
  }
  const reports = new ReplayReports(paths, options, io);
  let code = EXIT_OK;
  try {
    for (const path of paths) {
      code = worse(code, await replayOne(path, runs, options, io, reports));
      if (code === EXIT_INTERRUPTED) break;
    }
    return worse(code, reports.finish(code));
  } catch (error) {
    reports.discard();
    throw error;
  }
}

function refuseContradictions(paths: readonly string[], options: ReplayCommandOptions): void {
  if (options.events === true && options.results === undefined) {
    throw usageError('--events adds to the lines of --results; add --results FILE (or - for stdout)');
  }
  if (paths.filter((path) => path === STDOUT).length > 1) throw usageError('standard input can be replayed once only');
  if (options.results !== undefined && paths.length > 1) throw usageError('--results takes one trace at a time');
  if (options.results === STDOUT && options.json === true) {
    throw usageError('--json and --results - both write to stdout; give --results a file');
  }
  const comparing = COMPARISON_OPTIONS.find(([key]) => options[key] !== undefined);
  if (comparing !== undefined && options.baseline === undefined) {
    throw usageError(`${comparing[1]} says how to compare; add --baseline FILE, or use \`pgtrace compare\``);
  }
}

async function replayOne(
  path: string,
  runs: readonly ReplayOptions[],
  options: ReplayCommandOptions,
  io: Io,
  reports: ReplayReports,
): Promise<number> {
  const results = openResults(options, path, io);
  const log = options.events === true ? new EventLog() : null;
  let run: ReplayRun;
  try {
    run = await runReplay(
      path,
      io,
      readOptions(options),
      runs,
      results === null ? null : () => new ResultLines(results, log),
      log,
      options.quiet === true,
    );
  } catch (error) {
    results?.discard();
    throw error;
  }
  // An input of which nothing could be used leaves an older result file alone.
  if (run.outcome.error !== null && run.replayer.seq === 0) results?.discard();
  else results?.close();
  const named: NamedDocument = { name: run.reader.name, document: documentOf(run, runs, options) };
  reports.take(named, run.outcome.error === null || run.replayer.spaces.length > 0);
  return explain(run, named.document, io, options);
}

/** The exit code, and on stderr why it is not 0 when the report does not say. */
function explain(run: ReplayRun, document: StatsDocument, io: Io, options: ReplayCommandOptions): number {
  const { outcome, interrupted, replayer } = run;
  if (options.quiet !== true) writeSkipped(outcome, io);
  if (interrupted) return interruptedExit(replayer.seq, io);
  if (outcome.error !== null) return report(outcome.error, io);
  const all = document.strategies ?? [document];
  const kinds = all.flatMap(({ findings }) => findings.map(({ kind }) => kind));
  const unsafe = document.flushPolicies?.some(({ verdict }) => verdict === 'unsafe') === true;
  if (unsafe && options.strict === true) return EXIT_NO;
  return kinds.some((kind) => options.strict === true || !VIOLATIONS.has(kind)) ? EXIT_NO : EXIT_OK;
}

/** Tells the person and gives the exit code. */
function report(error: PgtraceError, io: Io): number {
  io.stderr.write(`pgtrace: ${error.text}\n`);
  return error.exitCode;
}

function openResults(options: ReplayCommandOptions, input: string, io: Io): ClosableOutput | null {
  const { results: path, output, baseline } = options;
  if (path === undefined) return null;
  // Reports in files, and a comparison, are wanted also when nobody reads on.
  if (path === STDOUT)
    return new StreamOutput(io.stdout, output === undefined && baseline === undefined ? 'end' : 'drop');
  if (input !== STDOUT && isSameFile(path, input)) {
    throw usageError(`--results ${path} is the trace itself; name another file`);
  }
  return new FileOutput(path);
}

/** The exit code that matters more: an interrupt, then unusable input, then findings. */
function worse(a: number, b: number): number {
  return a === EXIT_INTERRUPTED || b === EXIT_INTERRUPTED ? EXIT_INTERRUPTED : Math.max(a, b);
}
