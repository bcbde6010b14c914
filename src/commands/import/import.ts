import { EXIT_OK, inputError, type PgtraceError, usageError } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import { recordingNotes } from '../../report/recording/recording-notes.ts';
import { wrapped } from '../../report/wrap.ts';
import type { Batch } from '../../trace/batch.ts';
import {
  OP_DOMAIN,
  OP_MAP,
  OP_MAP_PAGES,
  OP_TRACE,
  OP_UNMAP,
  OP_UNMAP_PAGES,
  type TraceEvent,
} from '../../trace/events.ts';
import { NOTES_KEY } from '../../trace/import/import-notes.ts';
import { LineEncoder } from '../../trace/ndjson/line-encoder.ts';
import { openTrace, type ReadOutcome } from '../../trace/open.ts';
import { type InputCommandOptions, readOptions } from '../options/input-options.ts';
import { type Io, terminalWidth } from '../process/io.ts';
import { type ClosableOutput, FileOutput, GzipOutput, isSameFile, StreamOutput } from '../process/output.ts';
import { Progress } from '../process/progress.ts';
import { interruptedExit, listenForInterrupt } from '../process/signals.ts';
import { nothingUsable, writeSkipped } from '../replay/run-replay.ts';

/** Options of `import`, as commander hands them over. */
export interface ImportCommandOptions extends InputCommandOptions {
  readonly output?: string;
  readonly quiet?: boolean;
}

/** `pgtrace import`: writes a recording in the trace language. Returns the exit code. */
export async function importCommand(path: string, options: ImportCommandOptions, io: Io): Promise<number> {
  const read = readOptions(options);
  const reader = await openTrace(path, io.stdin, read, 'auto');
  const output = openOutput(options.output, path, io);
  const encoder = new LineEncoder(reader, (bytes) => output.writeBytes(bytes));
  const counts = new Counts();
  const progress = new Progress(io.stderr, reader, options.quiet === true);
  const interrupt = listenForInterrupt(io, () => {
    if (path === '-') io.stdin.destroy();
  });
  let outcome: ReadOutcome;
  try {
    outcome = await reader.read(
      (batch) => {
        counts.add(batch);
        encoder.encode(batch);
        return true;
      },
      async () => {
        progress.update(counts.events);
        await new Promise(setImmediate);
        return !interrupt.asked;
      },
    );
    encoder.finish();
    if (outcome.notes !== null && counts.others > 0) output.write(`${JSON.stringify(lastLine(outcome))}\n`);
  } catch (error) {
    output.discard();
    throw error;
  } finally {
    progress.done();
    interrupt.stop();
  }
  if (interrupt.asked) {
    output.discard();
    return interruptedExit(counts.events, io);
  }
  const error = outcome.error ?? (counts.others > 0 ? null : nothing(outcome, reader.name));
  // An input of which nothing could be used leaves an older file alone.
  if (error !== null && counts.others === 0) output.discard();
  else output.close();
  if (options.quiet !== true) {
    writeSkipped(outcome, io);
    if (counts.others > 0) {
      io.stderr.write(wrapped(summary(outcome, counts, reader.domains.length), terminalWidth(io.stderr), 4));
    }
  }
  if (error === null) return EXIT_OK;
  io.stderr.write(`pgtrace: ${error.text}\n`);
  return error.exitCode;
}

/** What was assumed and what was lost, for whoever reads the trace: it is known at the end only. */
function lastLine({ format, notes }: ReadOutcome): TraceEvent {
  return { op: 'trace', version: 1, source: format, meta: { [NOTES_KEY]: notes } };
}

/** Why there is nothing to write. */
function nothing({ notes }: ReadOutcome, name: string): PgtraceError {
  if (notes !== null) return nothingUsable(notes, name);
  return inputError('the trace is empty', { file: name, line: 1, column: 1 });
}

/** What was read and what was made of it, in a few lines. */
function summary(outcome: ReadOutcome, counts: Counts, domains: number): string {
  const { format, lines, notes } = outcome;
  const others = counts.others - counts.maps - counts.unmaps;
  const what = [
    plural(counts.maps, 'map'),
    plural(counts.unmaps, 'unmap'),
    ...(others === 0 ? [] : [plural(others, 'other event')]),
  ].join(', ');
  const from = `${format}, ${plural(lines, notes !== null && BINARY_FORMATS.has(format) ? 'event' : 'line')}`;
  const said = notes === null ? [] : recordingNotes(notes);
  return [`imported ${what} in ${plural(domains, 'domain')} from ${from}`, ...said.map((note) => `  ${note}`), ''].join(
    '\n',
  );
}

const BINARY_FORMATS: ReadonlySet<string> = new Set(['trace.dat', 'perf.data']);

/** How many events of which kind were written. */
class Counts {
  events = 0;
  maps = 0;
  unmaps = 0;
  /** Events other than those that an importer puts in to declare things. */
  others = 0;

  add({ op, length }: Batch): void {
    this.events += length;
    for (let i = 0; i < length; i++) {
      if (op[i] !== OP_TRACE && op[i] !== OP_DOMAIN) this.others++;
      if (op[i] === OP_MAP || op[i] === OP_MAP_PAGES) this.maps++;
      else if (op[i] === OP_UNMAP || op[i] === OP_UNMAP_PAGES) this.unmaps++;
    }
  }
}

function openOutput(path: string | undefined, input: string, io: Io): ClosableOutput {
  if (path === undefined || path === '-') return new StreamOutput(io.stdout);
  if (input !== '-' && isSameFile(path, input))
    throw usageError(`-o ${path} is the recording itself; name another file`);
  if (path.endsWith('.zst')) throw usageError(`-o ${path}: a trace is written as it is, or compressed as .gz`);
  return path.endsWith('.gz') ? new GzipOutput(new FileOutput(path)) : new FileOutput(path);
}
