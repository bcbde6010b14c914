import { Readable } from 'node:stream';
import { parentPort } from 'node:worker_threads';
import { PgtraceError } from '../../base/errors.ts';
import { Batch, copyColumns } from '../batch.ts';
import type { BatchWriter } from '../batch-writer.ts';
import { Reading } from '../reading.ts';
import { openSource } from '../source/source.ts';
import { plain, type ReadingJob, type ReadingMessage, RING, STOP, USED } from './messages.ts';

/** Decodes one file into the batches of a ring, and waits where all of them are still in use. */
async function readFile({ path, options, ring, control, position }: ReadingJob): Promise<void> {
  const batches = ring.map((memory) => new Batch(memory));
  const words = new Int32Array(control);
  const progress = new Float64Array(position);
  const sent = { domains: 0, threads: 0, queues: 0 };
  let filled = 0;

  /** Hands over a batch once there is a free one to put it into; false when the reading is to stop. */
  const handOver = (batch: Batch, { domains, threads, queues }: BatchWriter): boolean => {
    for (let used = Atomics.load(words, USED); filled - used >= RING; used = Atomics.load(words, USED)) {
      if (Atomics.load(words, STOP) !== 0) return false;
      Atomics.wait(words, USED, used);
    }
    if (Atomics.load(words, STOP) !== 0) return false;
    copyColumns(batch, batches[filled++ % RING]);
    send({
      length: batch.length,
      objects: batch.objects.size === 0 ? null : batch.objects,
      fences: batch.fences.size === 0 ? null : batch.fences,
      domains: domains.names.slice(sent.domains),
      threads: threads.names.slice(sent.threads),
      queues: queues.names.slice(sent.queues),
    });
    sent.domains = domains.names.length;
    sent.threads = threads.names.length;
    sent.queues = queues.names.length;
    return true;
  };

  const source = await openSource(path, Readable.from([]), options.chunkBytes, options.maxDecompressed);
  const { error, skippedErrors, ...rest } = await new Reading(source, options, handOver).run(() => {
    progress[0] = source.position();
    return Atomics.load(words, STOP) === 0;
  });
  send({ outcome: { ...rest, error: error === null ? null : plain(error), skippedErrors: skippedErrors.map(plain) } });
}

function send(message: ReadingMessage): void {
  parentPort?.postMessage(message);
}

/** A thread that reads one file, whose name it is sent, and is terminated then. */
parentPort?.once('message', async (job: ReadingJob) => {
  try {
    await readFile(job);
  } catch (error) {
    if (!(error instanceof PgtraceError)) throw error;
    // The file was there when the reading was asked for, and is not any more.
    const nothing = { complete: false, format: 'unknown', lines: 0, skippedLines: 0, skippedErrors: [], notes: null };
    send({ outcome: { ...nothing, error: plain(error) } });
  }
});
