import { environmentError, PgtraceError } from '../../base/errors.ts';
import { BATCH_BYTES, Batch } from '../batch.ts';
import type { BatchConsumer } from '../batch-writer.ts';
import type { ReadOptions, ReadOutcome } from '../reading.ts';
import {
  CONTROL_WORDS,
  type EndMessage,
  type NewNames,
  type PlainError,
  type ReadingJob,
  type ReadingMessage,
  RING,
  STOP,
  USED,
} from './messages.ts';
import { takeWorker } from './spare-worker.ts';

/** Milliseconds after which it is asked whether to go on, where no batch comes. */
const ASKED_EVERY_MS = 100;

/** How a reading in another thread ended. */
export interface ThreadedEnd {
  /** Of the whole reading; of no use when the consumer ended it early. */
  readonly outcome: ReadOutcome;
  /** Number of the batch at which the consumer asked for an end or threw; null when it did not. */
  readonly stoppedAt: number | null;
  /** What it threw. */
  readonly thrown: unknown;
}

/** Reads a file in a thread of its own, a few batches ahead of its consumer, which runs in this one. */
export class ThreadedReading {
  readonly #position = new SharedArrayBuffer(8);
  readonly #control = new SharedArrayBuffer(4 * CONTROL_WORDS);
  readonly #words = new Int32Array(this.#control);
  readonly #read = new Float64Array(this.#position);
  readonly #arrived: ReadingMessage[] = [];
  #wake: () => void = () => {};
  #failure: Error | null = null;

  /** Bytes of the file that were read. */
  get position(): number {
    return this.#read[0];
  }

  /**
   * Runs to the end of the file, or until the consumer or `afterBatch` asks for an end. `learn` is told of new names before
   * the batch that has them. Null when there is no thread, or it fails before its first batch: nothing has been used then.
   */
  async run(
    path: string,
    options: ReadOptions,
    learn: (names: NewNames) => void,
    consume: BatchConsumer,
    afterBatch: () => Promise<boolean> | boolean,
  ): Promise<ThreadedEnd | null> {
    const ring = Array.from({ length: RING }, () => new SharedArrayBuffer(BATCH_BYTES));
    const batches = ring.map((memory) => new Batch(memory));
    const job: ReadingJob = { path, options, ring, control: this.#control, position: this.#position };
    const worker = takeWorker();
    if (worker === null) return null;
    worker.on('message', (message: ReadingMessage) => {
      this.#arrived.push(message);
      this.#wake();
    });
    worker.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
    // Of an end that its last message tells of, nobody asks any more.
    worker.on('exit', () => {
      this.#failure ??= new Error('the reading thread ended without a word');
      this.#wake();
    });
    worker.postMessage(job);
    let used = 0;
    let stoppedAt: number | null = null;
    let thrown: unknown = null;
    let stopping = false;
    try {
      for (;;) {
        const message = await this.#next();
        if (message === null) {
          if (this.#failure !== null) {
            if (used === 0) return null;
            throw failureOf(this.#failure);
          }
          if (!stopping && !(await afterBatch())) {
            stopping = true;
            this.#stop();
          }
          continue;
        }
        if ('outcome' in message) return { outcome: outcomeOf(message), stoppedAt, thrown };
        if (!stopping) {
          learn(message);
          const batch = batches[used % RING];
          batch.length = message.length;
          for (const [at, event] of message.objects ?? []) batch.objects.set(at, event);
          for (const [at, fences] of message.fences ?? []) batch.fences.set(at, fences);
          try {
            if (!consume(batch)) stoppedAt = used;
          } catch (error) {
            stoppedAt = used;
            thrown = error;
          }
          batch.clear();
          stopping = stoppedAt !== null || !(await afterBatch());
          if (stopping) this.#stop();
        }
        Atomics.store(this.#words, USED, ++used);
        Atomics.notify(this.#words, USED);
      }
    } finally {
      await worker.terminate();
    }
  }

  /** Tells the thread to stop, wherever it is. */
  #stop(): void {
    Atomics.store(this.#words, STOP, 1);
    Atomics.notify(this.#words, USED);
  }

  /** The next message; null when the thread has failed, or none has come for a while. */
  async #next(): Promise<ReadingMessage | null> {
    if (this.#arrived.length === 0 && this.#failure === null) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, ASKED_EVERY_MS);
      });
      clearTimeout(timer);
    }
    return this.#arrived.shift() ?? null;
  }
}

function failureOf(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  return environmentError('not enough memory to read this trace');
}

function outcomeOf({ outcome }: EndMessage): ReadOutcome {
  const { error, skippedErrors } = outcome;
  return { ...outcome, error: error === null ? null : whole(error), skippedErrors: skippedErrors.map(whole) };
}

function whole({ exitCode, message, place }: PlainError): PgtraceError {
  return new PgtraceError(exitCode, message, place);
}
