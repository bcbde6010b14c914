import { EXIT_INTERRUPTED, EXIT_NO, EXIT_OK, type PgtraceError, usageError } from '../base/errors.ts';
import { type Json, stableJson } from '../base/stable-json.ts';
import { EventLog } from '../replay/event-log.ts';
import { ResultLines } from '../replay/result-lines.ts';
import { renderText } from '../report/text.ts';
import { type StatsDocument, statsDocument } from '../stats/document.ts';
import { type Io, wantsColor } from './io.ts';
import { readOptions, replayOptions, type TraceCommandOptions } from './options.ts';
import { type ClosableOutput, FileOutput, StreamOutput } from './output.ts';
import { type ReplayRun, runReplay } from './run-replay.ts';
import { toolVersion } from './version.ts';

export interface ReplayCommandOptions extends TraceCommandOptions {
  readonly json?: boolean;
  readonly results?: string;
  readonly events?: boolean;
}

/** `pgtrace replay`: replays each trace and prints its statistics. Returns the exit code. */
export async function replayCommand(paths: readonly string[], options: ReplayCommandOptions, io: Io): Promise<number> {
  if (options.events === true && options.results === undefined) {
    throw usageError('--events adds to the lines of --results; add --results FILE (or - for stdout)');
  }
  if (options.results !== undefined && paths.length > 1) throw usageError('--results takes one trace at a time');
  if (options.results === '-' && options.json === true) {
    throw usageError('--json and --results - both write to stdout; give --results a file');
  }
  let code = EXIT_OK;
  for (const path of paths) {
    code = worse(code, await replayOne(path, options, io, paths.length > 1));
    if (code === EXIT_INTERRUPTED) break;
  }
  return code;
}

async function replayOne(path: string, options: ReplayCommandOptions, io: Io, several: boolean): Promise<number> {
  const results = openResults(options.results, io);
  const log = options.events === true ? new EventLog() : null;
  let run: ReplayRun;
  try {
    run = await runReplay(
      path,
      io,
      readOptions(options),
      replayOptions(options, null),
      results === null ? null : () => new ResultLines(results, log),
      log,
      options.quiet === true,
    );
  } catch (error) {
    results?.discard();
    throw error;
  }
  results?.close();
  const document = statsDocument(run.replayer, run.outcome, replayOptions(options, null), toolVersion());
  if (options.json === true) io.stdout.write(`${stableJson(document as unknown as Json)}\n`);
  else if (options.results !== '-') {
    io.stdout.write(
      renderText(document, {
        name: run.reader.name,
        color: wantsColor(options.color, io.stdout, io.env),
      }),
    );
    if (several) io.stdout.write('\n');
  }
  return verdict(run, document, io);
}

/** The exit code, and on stderr why it is not 0 when the report does not say. */
function verdict(run: ReplayRun, document: StatsDocument, io: Io): number {
  const { outcome, interrupted } = run;
  for (const message of outcome.skippedMessages) io.stderr.write(`pgtrace: skipped: ${message}\n`);
  if (outcome.skippedLines > outcome.skippedMessages.length) {
    io.stderr.write(`pgtrace: skipped: ${outcome.skippedLines - outcome.skippedMessages.length} lines more\n`);
  }
  if (interrupted) {
    io.stderr.write(`pgtrace: interrupted after ${document.trace.events} events\n`);
    return EXIT_INTERRUPTED;
  }
  if (outcome.error !== null) return report(outcome.error, io);
  return document.findings.length > 0 ? EXIT_NO : EXIT_OK;
}

export function report(error: PgtraceError, io: Io): number {
  io.stderr.write(`pgtrace: ${error.text}\n`);
  return error.exitCode;
}

function openResults(path: string | undefined, io: Io): ClosableOutput | null {
  if (path === undefined) return null;
  return path === '-' ? new StreamOutput(io.stdout) : new FileOutput(path);
}

/** The exit code that matters more: an interrupt, then unusable input, then findings. */
function worse(a: number, b: number): number {
  return a === EXIT_INTERRUPTED || b === EXIT_INTERRUPTED ? EXIT_INTERRUPTED : Math.max(a, b);
}
