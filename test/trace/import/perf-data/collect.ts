import { expect } from 'vitest';
import type { PgtraceError } from '../../../../src/base/errors.ts';
import type { EventHead } from '../../../../src/trace/import/event-head.ts';
import type { EventSink } from '../../../../src/trace/import/event-sink.ts';
import type { Payload } from '../../../../src/trace/import/payload.ts';
import { perfDataReader } from '../../../../src/trace/import/perf-data/perf-data-reader.ts';
import { headOf, payloadOf, type QuickRequest } from '../../../../src/trace/import/quick-request.ts';
import { type ByteSource, memoryBytes } from '../../../../src/trace/source/byte-source.ts';

export interface Taken {
  readonly payload: Payload;
  readonly head: EventHead;
  readonly line: number;
}

/** Keeps what a reader gives; reads leniently unless told to be strict. */
export class Collector implements EventSink {
  readonly taken: Taken[] = [];
  readonly refused: string[] = [];
  ignored = 0;
  readonly losses: number[] = [];
  readonly #strict: boolean;
  readonly #wanted: number;

  constructor({ strict = false, wanted = Number.POSITIVE_INFINITY, takesQuick = false } = {}) {
    this.takesQuick = takesQuick;
    this.#strict = strict;
    this.#wanted = wanted;
  }

  /** One like it that has taken nothing yet. */
  another(takesQuick: boolean): Collector {
    return new Collector({ strict: this.#strict, wanted: this.#wanted, takesQuick });
  }

  get stopped(): boolean {
    return this.taken.length >= this.#wanted;
  }

  take(payload: Payload, head: EventHead, line: number): void {
    this.taken.push({ payload, head, line });
  }

  readonly takesQuick: boolean;

  takeQuick(request: QuickRequest, line: number): void {
    this.take(payloadOf(request), headOf(request), line);
  }

  ignore(): void {
    this.ignored++;
  }

  refuse(error: PgtraceError): void {
    if (this.#strict) throw error;
    this.refused.push(error.text);
  }

  lost(events: number): void {
    this.losses.push(events);
  }
}

/** The largest piece that a reader may ask for at once. */
export const LARGEST_READ = 1 << 20;

/** Bytes in memory that take offence at large reads. */
export function watchedBytes(data: Buffer): ByteSource {
  const inner = memoryBytes(data);
  return {
    size: inner.size,
    read: (offset, length) => {
      const got = inner.read(offset, length);
      if (got.length > LARGEST_READ) throw new Error(`asked for ${got.length} bytes at once`);
      return got;
    },
    close: () => {},
  };
}

export interface Outcome {
  readonly sink: Collector;
  readonly events: number;
  readonly steps: number;
  /** What the reader threw, null when it came to the end. */
  readonly error: unknown;
}

export function readPerfData(data: Buffer | ByteSource, sink = new Collector(), comms = true): Outcome {
  const reader = perfDataReader(Buffer.isBuffer(data) ? watchedBytes(data) : data, 'x.data', sink, comms);
  let steps = 0;
  try {
    for (const _ of reader.steps()) steps++;
  } catch (error) {
    return { sink, events: reader.events, steps, error };
  }
  return { sink, events: reader.events, steps, error: null };
}

/** Reads all and hands errors on. Requests that are taken the quick way, as they are where nobody wants commands, are the same. */
export function readAll(data: Buffer | ByteSource, sink = new Collector(), comms = true): Collector {
  const { error } = readPerfData(data, sink, comms);
  if (error !== null) throw error;
  const [slow, quick] = [false, true].map((takesQuick) => readPerfData(data, sink.another(takesQuick), false));
  expect(quick.sink).toMatchObject({ taken: slow.sink.taken, refused: slow.sink.refused, losses: slow.sink.losses });
  return sink;
}
