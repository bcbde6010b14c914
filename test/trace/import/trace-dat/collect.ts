import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PgtraceError } from '../../../../src/base/errors.ts';
import type { EventHead } from '../../../../src/trace/import/event-head.ts';
import type { Payload } from '../../../../src/trace/import/payload.ts';
import { headOf, payloadOf } from '../../../../src/trace/import/quick-request.ts';
import { EventLineReader } from '../../../../src/trace/import/text/event-line.ts';
import { traceDatReader } from '../../../../src/trace/import/trace-dat/trace-dat-reader.ts';
import { memoryBytes } from '../../../../src/trace/source/byte-source.ts';
import { expectEqual } from '../../../same.ts';

export interface Collected {
  readonly payload: Payload;
  readonly head: EventHead;
  /** Number of the event from 1; 0 for lines of text. */
  readonly line: number;
}

export interface Collection {
  readonly events: Collected[];
  /** `lost` and `ignored` in the order of the events: [events before, number]. */
  readonly lost: (readonly [before: number, count: number])[];
  ignored: number;
  readonly refused: PgtraceError[];
  /** What ended the reading too early. */
  error: PgtraceError | null;
  /** Events read, of any kind. */
  read: number;
}

export interface CollectOptions {
  readonly comms?: boolean;
  /** Stop after so many events of use. */
  readonly atMost?: number;
}

/**
 * Reads a trace.dat file that is in memory. Errors that are not for people come through. Requests that are taken the quick way
 * are the same as those that are not.
 */
export function collect(
  file: Buffer,
  { comms = false, atMost = Number.POSITIVE_INFINITY }: CollectOptions = {},
): Collection {
  const found = read(file, comms, atMost, false);
  if (!comms) expectEqual(read(file, comms, atMost, true), found);
  return found;
}

function read(file: Buffer, comms: boolean, atMost: number, takesQuick: boolean): Collection {
  const found: Collection = { events: [], lost: [], ignored: 0, refused: [], error: null, read: 0 };
  const reader = traceDatReader(
    memoryBytes(file),
    'trace.dat',
    {
      take: (payload, head, line) => found.events.push({ payload, head, line }),
      takesQuick,
      takeQuick: (request, line) => found.events.push({ payload: payloadOf(request), head: headOf(request), line }),
      ignore: () => {
        found.ignored++;
      },
      refuse: (error) => found.refused.push(error),
      lost: (count) => found.lost.push([found.events.length + found.ignored + found.refused.length, count]),
      get stopped() {
        return found.events.length >= atMost;
      },
    },
    comms,
  );
  try {
    for (const _ of reader.steps());
  } catch (error) {
    if (!(error instanceof PgtraceError)) throw error;
    found.error = error;
  }
  found.read = reader.events;
  return found;
}

/** The events of use in a text, as the importer of texts reads them. */
export function collectText(text: Buffer): Collected[] {
  const reader = new EventLineReader(true);
  const events: Collected[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(10, at);
    const line = reader.read(text, at, end);
    at = end + 1;
    if (line === null || line.payload === null) continue;
    const { thread, level, cpu, comm, seconds, nanos } = line;
    events.push({ payload: line.payload, head: { thread, level, cpu, comm, seconds, nanos }, line: 0 });
  }
  return events;
}

/** A gzipped file beside the tests, unpacked. */
export function sample(name: string): Buffer {
  return gunzipSync(readFileSync(join(import.meta.dirname, 'samples', name)));
}

/** Times in nanoseconds, for comparisons. */
export function nanos({ head }: Collected): bigint {
  return BigInt(head.seconds) * 1_000_000_000n + BigInt(head.nanos);
}
