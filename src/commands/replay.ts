import { EXIT_INTERRUPTED, EXIT_NO, EXIT_OK, type PgtraceError, usageError } from '../base/errors.ts';
import { type Json, stableJson } from '../base/stable-json.ts';
import { EventLog } from '../replay/event-log.ts';
import { VIOLATIONS } from '../replay/findings.ts';
import type { ReplayOptions } from '../replay/options.ts';
import { ResultLines } from '../replay/result-lines.ts';
import { renderText } from '../report/text.ts';
import { comparisonDocument, type StatsDocument, statsDocument } from '../stats/document.ts';
import { readOptions } from './input-options.ts';
import { type Io, terminalWidth, wantsColor } from './io.ts';
import { replayOptions, type TraceCommandOptions } from './options.ts';
import { type ClosableOutput, FileOutput, isSameFile, StreamOutput } from './output.ts';
import { allocatorChoices, driverChoices } from './policy-options.ts';
import { type ReplayRun, runReplay, writeSkipped } from './run-replay.ts';
import { interruptedExit } from './signals.ts';
import { toolVersion } from './version.ts';

export interface ReplayCommandOptions extends TraceCommandOptions {
  readonly json?: boolean;
  readonly results?: string;
  readonly events?: boolean;
  readonly strict?: boolean;
  readonly reservations?: boolean;
}

/** `pgtrace replay`: replays each trace and prints its statistics. Returns the exit code. */
export async function replayCommand(paths: readonly string[], options: ReplayCommandOptions, io: Io): Promise<number> {
  if (options.events === true && options.results === undefined) {
    throw usageError('--events adds to the lines of --results; add --results FILE (or - for stdout)');
  }
  if (paths.filter((path) => path === '-').length > 1) throw usageError('standard input can be replayed once only');
  if (options.results !== undefined && paths.length > 1) throw usageError('--results takes one trace at a time');
  if (options.results === '-' && options.json === true) {
    throw usageError('--json and --results - both write to stdout; give --results a file');
  }
  const choices = allocatorChoices(options.allocator);
  const drivers = driverChoices(options.driver);
  if (choices.length > 1 && drivers.length > 1) {
    throw usageError(
      'a comparison is of several allocators or of several drivers; give one --allocator or one --driver',
    );
  }
  const sharers = choices.length * drivers.length;
  const runs = drivers.flatMap((driver) =>
    choices.map((allocator) => ({ ...replayOptions(options, null), driver, allocator, sharers })),
  );
  if (options.results !== undefined && runs.length > 1) {
    const option = choices.length > 1 ? '--allocator' : '--driver';
    throw usageError(`--results tells what each event came to, so it takes one ${option} at a time`);
  }
  let code = EXIT_OK;
  for (const path of paths) {
    code = worse(code, await replayOne(path, runs, options, io, paths.length > 1));
    if (code === EXIT_INTERRUPTED) break;
  }
  return code;
}

async function replayOne(
  path: string,
  runs: readonly ReplayOptions[],
  options: ReplayCommandOptions,
  io: Io,
  several: boolean,
): Promise<number> {
  const results = openResults(options.results, path, io);
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
  const document = comparisonDocument(
    run.replayers.map((replayer, at) => statsDocument(replayer, run.outcome, runs[at], toolVersion())),
  );
  if (options.json === true) io.stdout.write(`${stableJson(document as unknown as Json)}\n`);
  // Of an input that gave nothing the message says all.
  else if (options.results !== '-' && (run.outcome.error === null || run.replayer.spaces.length > 0)) {
    io.stdout.write(
      renderText(document, {
        name: run.reader.name,
        color: wantsColor(options.color, io.stdout, io.env),
        width: terminalWidth(io.stdout),
        reservations: options.reservations === true,
      }),
    );
    if (several) io.stdout.write('\n');
  }
  return explain(run, document, io, options);
}

/** The exit code, and on stderr why it is not 0 when the report does not say. */
function explain(run: ReplayRun, document: StatsDocument, io: Io, options: ReplayCommandOptions): number {
  const { outcome, interrupted, replayer } = run;
  if (options.quiet !== true) writeSkipped(outcome, io);
  if (interrupted) return interruptedExit(replayer.seq, io);
  if (outcome.error !== null) return report(outcome.error, io);
  const all = document.strategies ?? [document];
  const kinds = all.flatMap(({ findings }) => findings.map(({ kind }) => kind));
  return kinds.some((kind) => options.strict === true || !VIOLATIONS.has(kind)) ? EXIT_NO : EXIT_OK;
}

/** Tells the person and gives the exit code. */
function report(error: PgtraceError, io: Io): number {
  io.stderr.write(`pgtrace: ${error.text}\n`);
  return error.exitCode;
}

function openResults(path: string | undefined, input: string, io: Io): ClosableOutput | null {
  if (path === undefined) return null;
  if (path === '-') return new StreamOutput(io.stdout);
  if (input !== '-' && isSameFile(path, input)) {
    throw usageError(`--results ${path} is the trace itself; name another file`);
  }
  return new FileOutput(path);
}

/** The exit code that matters more: an interrupt, then unusable input, then findings. */
function worse(a: number, b: number): number {
  return a === EXIT_INTERRUPTED || b === EXIT_INTERRUPTED ? EXIT_INTERRUPTED : Math.max(a, b);
}
