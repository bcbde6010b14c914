import type { Readable } from 'node:stream';
import { environmentError, PgtraceError } from '../base/errors.ts';
import type { Batch } from './batch.ts';
import type { BatchConsumer } from './batch-writer.ts';
import { Reading, type ReadOptions, type ReadOutcome } from './reading.ts';
import { openSource, type Source } from './source/source.ts';
import type { NewNames } from './thread/messages.ts';
import { paysThread } from './thread/spare-worker.ts';
import { ThreadedReading } from './thread/threaded-reading.ts';

export type { ReadOptions, ReadOutcome } from './reading.ts';

/** Whether to read in a thread of its own: `auto` where that pays. */
export type Ahead = 'never' | 'auto' | 'always';

/** Runs between chunks, may wait for outputs, and asks to stop by returning false. */
type AfterChunk = () => Promise<boolean> | boolean;

/** A trace that is open and not yet read. */
export interface TraceReader {
  readonly name: string;
  readonly domains: readonly string[];
  readonly threads: readonly string[];
  readonly queues: readonly string[];
  /** Bytes of the input as it is stored; null where nobody knows. */
  readonly size: number | null;
  /** Of these, the bytes that were read. */
  position(): number;
  /** Reads to the end; `afterChunk` runs between chunks and may wait for outputs or ask to stop by returning false. */
  read(consume: BatchConsumer, afterChunk?: AfterChunk): Promise<ReadOutcome>;
  /** Gives up a trace that nobody is going to read. */
  close(): Promise<void>;
}

/**
 * Opens a trace file or `-`, whatever known format it has. A consumer sees the same whether it is read ahead or not. Throws
 * PgtraceError when it cannot be opened.
 */
export async function openTrace(
  path: string,
  stdin: Readable & { isTTY?: boolean },
  options: ReadOptions,
  ahead: Ahead = 'never',
): Promise<TraceReader> {
  const source = await openSource(path, stdin, options.chunkBytes, options.maxDecompressed);
  const isAhead = ahead === 'always' || (ahead === 'auto' && source.path !== null && paysThread(source.path));
  return isAhead ? new AheadReader(source, options) : new DirectReader(source, options);
}

/** Reads in the thread that uses what is read. */
class DirectReader implements TraceReader {
  readonly domains: string[] = [];
  readonly threads: string[] = [];
  readonly queues: string[] = [];
  protected readonly source: Source;
  protected readonly options: ReadOptions;

  constructor(source: Source, options: ReadOptions) {
    this.source = source;
    this.options = options;
  }

  get name(): string {
    return this.source.name;
  }

  get size(): number | null {
    return this.source.size;
  }

  position(): number {
    return this.source.position();
  }

  close(): Promise<void> {
    return this.source.close();
  }

  read(consume: BatchConsumer, afterChunk: AfterChunk = () => true): Promise<ReadOutcome> {
    const reading = new Reading(this.source, this.options, (batch, { domains, threads, queues }) => {
      // The names grow while reading; consumers see them through the reader.
      append(this.domains, domains.names);
      append(this.threads, threads.names);
      append(this.queues, queues.names);
      return consume(batch);
    });
    return reading.run(afterChunk);
  }
}

/** Reads ahead in a thread of its own. */
class AheadReader extends DirectReader {
  readonly #reading = new ThreadedReading();

  override position(): number {
    return Math.max(this.#reading.position, super.position());
  }

  override async read(consume: BatchConsumer, afterChunk: AfterChunk = () => true): Promise<ReadOutcome> {
    const learn = ({ domains, threads, queues }: NewNames): void => {
      this.domains.push(...domains);
      this.threads.push(...threads);
      this.queues.push(...queues);
    };
    try {
      const end = await this.#reading.run(this.name, this.options, learn, consume, afterChunk);
      if (end === null) return await super.read(consume, afterChunk);
      const { outcome, stoppedAt, thrown } = end;
      return stoppedAt === null ? outcome : await this.#readAgain(consume, afterChunk, stoppedAt, thrown);
    } finally {
      // Of no consequence where it was read here.
      await this.close();
    }
  }

  /**
   * The consumer ended the reading, and the other thread was beyond that. What the reading had come to by then (lines, notes,
   * what it holds back) is found by doing it again, for nobody, up to the same place.
   */
  async #readAgain(
    consume: BatchConsumer,
    afterChunk: AfterChunk,
    stoppedAt: number,
    thrown: unknown,
  ): Promise<ReadOutcome> {
    let batches = 0;
    const again = (batch: Batch): boolean => {
      const at = batches++;
      if (at > stoppedAt) return consume(batch);
      if (at < stoppedAt) return true;
      if (thrown !== null) throw thrown;
      return false;
    };
    const outcome = await super.read(again, afterChunk);
    if (batches > stoppedAt || !outcome.complete) return outcome;
    const error = thrown ?? environmentError(`${this.name} became shorter while it was read`);
    if (!(error instanceof PgtraceError)) throw error;
    return { ...outcome, complete: false, error };
  }
}

/** Adds to `known` the names that have come since. */
function append(known: string[], names: readonly string[]): void {
  for (let i = known.length; i < names.length; i++) known.push(names[i]);
}
