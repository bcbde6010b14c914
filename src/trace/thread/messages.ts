import type { PgtraceError, Place } from '../../base/errors.ts';
import type { EventFences } from '../batch.ts';
import type { Event } from '../events.ts';
import type { ReadOptions, ReadOutcome } from '../reading.ts';

/** Batches that may be decoded and not yet used. */
export const RING = 4;

/** Words of the control block: batches that have been used; 1 when the reading is to stop. */
export const USED = 0;
export const STOP = 1;
export const CONTROL_WORDS = 2;

/** What the reading thread begins with. */
export interface ReadingJob {
  readonly path: string;
  readonly options: ReadOptions;
  /** Columns of RING batches, used in turn. */
  readonly ring: readonly SharedArrayBuffer[];
  readonly control: SharedArrayBuffer;
  /** One double: bytes of the file that were read. */
  readonly position: SharedArrayBuffer;
}

/** Names that have come up since the batch before. */
export interface NewNames {
  readonly domains: readonly string[];
  readonly threads: readonly string[];
  readonly queues: readonly string[];
}

/** The next batch of the ring is full. What columns do not hold comes with it; null: there is none. */
export interface BatchMessage extends NewNames {
  readonly length: number;
  readonly objects: ReadonlyMap<number, Event> | null;
  readonly fences: ReadonlyMap<number, EventFences> | null;
}

/** An error without its class, which does not pass from thread to thread. */
export interface PlainError {
  readonly exitCode: number;
  readonly message: string;
  readonly place: Place | null;
}

/** The reading is over; no batch follows. */
export interface EndMessage {
  readonly outcome: Omit<ReadOutcome, 'error' | 'skippedErrors'> & {
    readonly error: PlainError | null;
    readonly skippedErrors: readonly PlainError[];
  };
}

export type ReadingMessage = BatchMessage | EndMessage;

/** What is left of an error on its way between threads. */
export function plain({ exitCode, message, place }: PgtraceError): PlainError {
  return { exitCode, message, place };
}
