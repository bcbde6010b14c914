import { inputError, type PgtraceError } from '../../base/errors.ts';
import { grouped, plural } from '../../base/sizes.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { replayAll } from '../../replay/replay-all.ts';
import { Replayer } from '../../replay/replayer.ts';
import type { EventLog } from '../../replay/results/event-log.ts';
import type { ResultLines } from '../../replay/results/result-lines.ts';
import type { ImportNotes } from '../../trace/import/import-notes.ts';
import { openTrace, type ReadOptions, type ReadOutcome, type TraceReader } from '../../trace/open.ts';
import type { Io } from '../process/io.ts';
import { Progress } from '../process/progress.ts';
import { listenForInterrupt } from '../process/signals.ts';

const SKIPPED_SHOWN = 5;

export interface ReplayRun {
  readonly reader: TraceReader;
  /** The first of the replayers. */
  readonly replayer: Replayer;
  /** One for each set of options, in their order; all saw the same events. */
  readonly replayers: readonly Replayer[];
  readonly outcome: ReadOutcome;
  /** The user interrupted the run. */
  readonly interrupted: boolean;
}

/**
 * Opens a trace and replays it, once for each of `runs` while it is read once, to its end, to the event asked for, to an
 * error in the input (which the outcome holds) or to an interrupt. `prepare` is given the first replayer, and all of them, before they replay anything. Shows progress on a terminal. Throws PgtraceError when the trace cannot be opened.
 */
export async function runReplay(
  path: string,
  io: Io,
  read: ReadOptions,
  runs: readonly ReplayOptions[],
  lines: (() => ResultLines) | null,
  log: EventLog | null,
  quiet: boolean,
  prepare: (replayer: Replayer, all: readonly Replayer[]) => void = () => {},
): Promise<ReplayRun> {
  const reader = await openTrace(path, io.stdin, read, runs.every(({ until }) => until === null) ? 'auto' : 'never');
  const refused: PgtraceError[] = [];
  let refusedLines = 0;
  const skip = (error: PgtraceError): void => {
    if (++refusedLines <= SKIPPED_SHOWN) refused.push(error);
  };
  const replayers = runs.map(
    (options, at) =>
      new Replayer(
        options,
        reader,
        at === 0 ? (lines?.() ?? null) : null,
        at === 0 ? log : null,
        // Each refuses the same events; they are told and counted once.
        !read.lenient ? null : at === 0 ? skip : () => {},
      ),
  );
  const [replayer] = replayers;
  prepare(replayer, replayers);
  const [options] = runs;
  const progress = new Progress(io.stderr, reader, quiet);
  const interrupt = listenForInterrupt(io, () => {
    // A read that waits for a pipe ends now.
    if (path === '-') io.stdin.destroy();
  });
  let events = 0;
  const counted: Pick<TraceReader, 'read'> = {
    read: (consume, afterChunk) =>
      reader.read((batch) => {
        events += batch.length;
        return consume(batch);
      }, afterChunk),
  };
  let outcome: ReadOutcome;
  try {
    outcome = await replayAll(counted, replayers, async () => {
      progress.update(replayer.seq, events);
      // Signals are delivered between turns of the event loop only.
      await new Promise(setImmediate);
      return !interrupt.asked;
    });
    // A signal that came during the last events is delivered now: polled for in a turn of its own.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise(setImmediate);
  } finally {
    progress.done();
    interrupt.stop();
  }
  const interrupted = interrupt.asked;
  const error = interrupted ? null : (outcome.error ?? nothingToReplay(reader.name, replayer, outcome, options));
  outcome = {
    ...outcome,
    // A replay that was asked to stop early has read all that it wanted.
    complete: outcome.error === null && !interrupted,
    error,
    skippedLines: outcome.skippedLines + refusedLines,
    skippedErrors: [...outcome.skippedErrors, ...refused]
      .sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0))
      .slice(0, SKIPPED_SHOWN),
  };
  return { reader, replayer, replayers, outcome, interrupted };
}

/** Tells on stderr which lines were left out, the first with their reason. */
export function writeSkipped(outcome: ReadOutcome, io: Io): void {
  for (const error of outcome.skippedErrors) io.stderr.write(`pgtrace: skipped: ${error.text}\n`);
  const more = outcome.skippedLines - outcome.skippedErrors.length;
  if (more > 0) io.stderr.write(`pgtrace: skipped: ${grouped(more)} lines more\n`);
}

/** An input that was read without an error and held nothing to replay is told as such: a lost recording must not look fine. */
export function nothingToReplay(
  name: string,
  replayer: Replayer,
  outcome: ReadOutcome,
  options: ReplayOptions,
): PgtraceError | null {
  const place = { file: name, line: 1, column: 1 };
  if (outcome.notes === null)
    return replayer.seq > 0 || outcome.skippedLines > 0 ? null : inputError('the trace is empty', place);
  if (options.until !== null || replayer.spaces.length > 0) return null;
  return nothingUsable(outcome.notes, name);
}

/** A recording that was read and holds no operation. */
export function nothingUsable({ layer, faults }: ImportNotes, name: string): PgtraceError {
  const place = { file: name, line: 1, column: 1 };
  if (layer !== null) {
    const [missing, other] = layer === 'iommu' ? ['iommu requests', 'pgtable'] : ['raw io-pgtable calls', 'iommu'];
    return inputError(`no ${missing} in this recording; try --layer ${other}`, place);
  }
  const found = faults === 0 ? '' : ` (${plural(faults, 'fault')} of the IOMMU)`;
  return inputError(
    `no map or unmap event in this recording${found}; \`pgtrace record\` prints how to record them`,
    place,
  );
}
