import { Readable } from 'node:stream';
import { EXIT_BUG, EXIT_OK, environmentError, PgtraceError } from '../../base/errors.ts';
import { TableMemoryExhausted } from '../../lpae/table/memory.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { Replayer } from '../../replay/replayer.ts';
import { statsDocument } from '../../stats/replay-document.ts';
import type { CellConfig } from '../../sweep/cell-config.ts';
import { ROW_SCHEMA, type Row } from '../../sweep/row.ts';
import type { Batch } from '../../trace/batch.ts';
import { openTrace, type ReadOptions, type ReadOutcome, type TraceReader } from '../../trace/open.ts';
import { nothingToReplay } from '../replay/run-replay.ts';

/** A cell as a worker needs it: plain data. */
export interface CellJob {
  readonly id: string;
  readonly config: CellConfig;
  readonly options: ReplayOptions;
}

/** Cells over one trace, which is read once for all of them. */
export interface BundleJob {
  readonly path: string;
  /** Stands for the path in rows and messages. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly engine: string;
  readonly read: ReadOptions;
  readonly cells: readonly CellJob[];
}

/** What ends a cell that cannot go on; the others of its bundle go on without it. */
interface Failure {
  readonly exit: number;
  readonly text: string;
}

/**
 * Replays a bundle and gives its rows, in the order of its cells: what a row holds does not depend on the other cells.
 * Null when `stop` asked for an early end. Never throws: what goes wrong is in the rows.
 */
export async function runBundle(job: BundleJob, stop: () => boolean): Promise<Row[] | null> {
  let lanes: readonly Lane[] = [];
  let outcome: ReadOutcome;
  try {
    const reader = await openTrace(job.path, Readable.from([]), job.read);
    lanes = job.cells.map((cell) => new Lane(job, cell, reader));
    outcome = await reader.read(
      (batch) => {
        for (const lane of lanes) lane.consume(batch);
        return lanes.some(({ running }) => running);
      },
      async () => {
        // Signals are delivered between turns of the event loop only.
        await new Promise(setImmediate);
        return !stop();
      },
    );
  } catch (error) {
    const failure = failureOf(error, job);
    return job.cells.map((cell) => rowOf(job, cell, 0, failure, {}));
  }
  if (stop()) return null;
  return lanes.map((lane) => lane.row(outcome));
}

/** The replay of one cell of a bundle. */
class Lane {
  /** Events that were left out because they could not be used. */
  #skipped = 0;
  readonly #job: BundleJob;
  readonly #cell: CellJob;
  readonly #replayer: Replayer;
  #failure: Failure | null = null;

  constructor(job: BundleJob, cell: CellJob, names: TraceReader) {
    this.#job = job;
    this.#cell = cell;
    const options = { ...cell.options, sharers: job.cells.length };
    this.#replayer = new Replayer(options, names, null, null, job.read.lenient ? () => this.#skipped++ : null);
  }

  get running(): boolean {
    return this.#failure === null;
  }

  consume(batch: Batch): void {
    if (this.running) this.#failure = this.#attempt(() => void this.#replayer.consume(batch));
  }

  row(outcome: ReadOutcome): Row {
    const replayer = this.#replayer;
    // What was held back and cannot run comes before whatever ended the reading.
    const late = this.#attempt(() => replayer.finish());
    let failure = late ?? this.#failure ?? (outcome.error === null ? null : failureOf(outcome.error, this.#job));
    const read = { ...outcome, skippedLines: outcome.skippedLines + this.#skipped };
    if (failure === null) {
      const nothing = nothingToReplay(this.#job.path, replayer, read, this.#cell.options);
      if (nothing !== null) failure = failureOf(nothing, this.#job);
    }
    const counters = failure === null ? this.#counters(read) : {};
    return rowOf(this.#job, this.#cell, replayer.seq, failure, counters);
  }

  #counters(outcome: ReadOutcome): Row['counters'] {
    return statsDocument(this.#replayer, outcome, this.#cell.options, this.#job.engine).counters;
  }

  #attempt(work: () => void): Failure | null {
    try {
      work();
      return null;
    } catch (error) {
      return failureOf(error, this.#job);
    }
  }
}

/** An error as a row tells it: with the trace's name instead of its path, so that every machine tells the same. */
function failureOf(error: unknown, job: BundleJob): Failure {
  const { path, name } = job;
  if (error instanceof TableMemoryExhausted) return failureOf(environmentError(error.message), job);
  if (!(error instanceof PgtraceError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { exit: EXIT_BUG, text: `a bug in pgtrace: ${text.split('\n')[0]}` };
  }
  const place = error.place === null ? null : { ...error.place, file: name };
  const message = error.message.replaceAll(path, name);
  return { exit: error.exitCode, text: new PgtraceError(error.exitCode, message, place).text };
}

function rowOf(
  job: BundleJob,
  { id, config }: CellJob,
  events: number,
  failure: Failure | null,
  counters: Row['counters'],
): Row {
  const { name, sha256, bytes, engine } = job;
  return {
    schema: ROW_SCHEMA,
    id,
    engine,
    trace: { name, sha256, bytes, events },
    config,
    complete: failure === null,
    exit: failure?.exit ?? EXIT_OK,
    error: failure?.text ?? null,
    counters,
  };
}

/** The rows of a bundle whose worker died. */
export function deadRows(job: BundleJob, exit: number, text: string): Row[] {
  return job.cells.map((cell) => rowOf(job, cell, 0, { exit, text: `${job.name}: ${text}` }, {}));
}
