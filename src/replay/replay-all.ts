import { environmentError, PgtraceError } from '../base/errors.ts';
import { TableMemoryExhausted } from '../lpae/table/memory.ts';
import type { Batch } from '../trace/batch.ts';
import type { ReadOutcome, TraceReader } from '../trace/open.ts';
import type { Replayer } from './replayer.ts';

/**
 * Reads a trace once and gives each batch to every replayer, then lets run what still waits. What ended the reading, or an
 * event that could not be replayed, is in the outcome, and all that was computed before it stays with the replayers.
 * `afterChunk` runs between chunks and stops the reading, and what comes after it, by returning false. Throws PgtraceError when the host has no
 * memory for the page tables.
 */
export async function replayAll(
  reader: Pick<TraceReader, 'read'>,
  replayers: readonly Replayer[],
  afterChunk: () => Promise<boolean> | boolean = () => true,
): Promise<ReadOutcome> {
  const outcome = await reader.read((batch) => consumeAll(replayers, batch), afterChunk);
  return finishAll(replayers, outcome, afterChunk);
}

/** Gives a batch to every replayer, also when one of them cannot go on: an event that one refuses, all refuse. */
function consumeAll(replayers: readonly Replayer[], batch: Batch): boolean {
  let more = true;
  let first: unknown = null;
  for (const replayer of replayers) {
    try {
      if (!guarded(() => replayer.consume(batch))) more = false;
    } catch (error) {
      first ??= error;
    }
  }
  if (first !== null) throw first;
  return more;
}

/** Lets the events run that were held back or wait in a queue: one that cannot comes before whatever ended the reading. */
async function finishAll(
  replayers: readonly Replayer[],
  outcome: ReadOutcome,
  afterChunk: () => Promise<boolean> | boolean,
): Promise<ReadOutcome> {
  let first: PgtraceError | null = null;
  for (const replayer of replayers) {
    try {
      const steps = replayer.remaining();
      while (guarded(() => steps.next()).done !== true) if (!(await afterChunk())) break;
      guarded(() => replayer.finish());
    } catch (thrown) {
      if (!(thrown instanceof PgtraceError)) throw thrown;
      first ??= thrown;
    }
  }
  return { ...outcome, error: first ?? outcome.error };
}

function guarded<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TableMemoryExhausted)) throw error;
    throw environmentError(`${error.message}; raise the memory limit or replay a part of the trace`);
  }
}
