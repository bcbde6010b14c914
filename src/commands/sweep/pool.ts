import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { EXIT_BUG, EXIT_ENVIRONMENT } from '../../base/errors.ts';
import type { Row } from '../../sweep/row.ts';
import { type BundleJob, deadRows, runBundle } from './run-bundle.ts';

/** What the build makes of `sweep-worker.ts`; there is none when the sources run as they are. */
const WORKER = new URL('./sweep-worker.js', import.meta.url);

/** What a pool is told of from outside. */
export interface PoolSignals {
  /** The user wants an end. */
  readonly stopped: () => boolean;
  /** Calls the listener when the user wants an end, until what it gives is called. */
  readonly onStop: (listener: () => void) => () => void;
}

/**
 * Runs bundles, on `jobs` threads or, for 1, in this one, and hands over each row when its bundle is done. Cells that ran
 * short of memory beside others are run once more, each alone.
 */
export async function runBundles(
  bundles: readonly BundleJob[],
  jobs: number,
  signals: PoolSignals,
  onRow: (row: Row) => void,
): Promise<void> {
  const queue = [...bundles];
  const settle = (job: BundleJob, rows: readonly Row[]): void => {
    for (const [i, row] of rows.entries()) {
      if (row.exit === EXIT_ENVIRONMENT && job.cells.length > 1) queue.push({ ...job, cells: [job.cells[i]] });
      else onRow(row);
    }
  };
  const threads = Math.min(jobs, bundles.length);
  if (threads > 1 && existsSync(fileURLToPath(WORKER))) {
    await Promise.all(Array.from({ length: threads }, () => serve(queue, signals, settle)));
    return;
  }
  for (let job = queue.shift(); job !== undefined && !signals.stopped(); job = queue.shift()) {
    const rows = await runBundle(job, signals.stopped);
    if (rows !== null) settle(job, rows);
  }
}

type Settle = (job: BundleJob, rows: readonly Row[]) => void;

/** Keeps one thread busy until the queue is empty; a thread that dies is replaced. */
async function serve(queue: BundleJob[], signals: PoolSignals, settle: Settle): Promise<void> {
  let worker: Worker | null = null;
  try {
    for (let job = queue.shift(); job !== undefined && !signals.stopped(); job = queue.shift()) {
      // What this process was started with need not suit a thread (`--input-type` does not).
      worker ??= new Worker(WORKER, { execArgv: [] });
      const answer = await answerOf(worker, job, signals);
      // Stopped: what the thread is at is lost, and done again when the sweep is resumed.
      if (answer === null) return;
      if (Array.isArray(answer)) settle(job, answer);
      else {
        await worker.terminate();
        worker = null;
        const short = (answer as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
        const exit = short ? EXIT_ENVIRONMENT : EXIT_BUG;
        settle(job, deadRows(job, exit, short ? 'not enough memory for this trace' : `a bug in pgtrace: ${answer}`));
      }
    }
  } finally {
    await worker?.terminate();
  }
}

/** The rows of a bundle, or what the thread died of; null when the user wants an end. */
function answerOf(worker: Worker, job: BundleJob, signals: PoolSignals): Promise<Row[] | Error | null> {
  // No race against one promise for all bundles: that would hold every answer until the end.
  return new Promise((resolve) => {
    const done = (answer: Row[] | Error | null): void => {
      forget();
      worker.off('message', done);
      worker.off('error', done);
      worker.off('exit', ended);
      resolve(answer);
    };
    const ended = (code: number): void => done(new Error(`a thread ended with ${code}`));
    const forget = signals.onStop(() => done(null));
    worker.on('message', done);
    worker.on('error', done);
    worker.on('exit', ended);
    worker.postMessage(job);
  });
}
