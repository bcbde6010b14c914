import { Readable } from 'node:stream';
import { usageError } from '../base/errors.ts';
import type { Event } from '../trace/events.ts';
import { DOMAIN_KEYS, LAYERS } from '../trace/import/import-options.ts';
import { flag, oneOf, positive } from '../trace/ndjson/checks.ts';
import { eventAt } from '../trace/ndjson/encode.ts';
import { openTrace as openReader, type ReadOptions, type ReadOutcome, type TraceReader } from '../trace/open.ts';
import { type Checks, checkOptions, mustBe, orNull } from './options.ts';

/** How a trace or a recording is to be read; every part may be left out. */
export interface TraceOptions extends Partial<Omit<ReadOptions, 'chunkBytes'>> {}

/** A trace that is open and not yet read. It can be read once, by `eachEvent` or by `replay`, and is closed then. */
export class Trace {
  readonly #reader: TraceReader;
  #taken = false;

  /** @internal */
  constructor(reader: TraceReader) {
    this.#reader = reader;
  }

  /** The path as it was given. */
  get name(): string {
    return this.#reader.name;
  }

  /** What `replay` reads. @internal */
  get reader(): TraceReader {
    if (this.#taken) throw usageError(`${this.name} has been read; open it again`);
    this.#taken = true;
    return this.#reader;
  }

  /** Closes a trace that nobody is going to read. */
  close(): Promise<void> {
    return this.#reader.close();
  }

  /**
   * Hands over each event, imported ones too, with its number from 0 and its line; false ends the reading. The outcome
   * holds the error that ended it early, if one did: what came before has been handed over.
   * @param visit - gets the event, its number and its line, or its place among the events of a binary recording, from 1
   */
  eachEvent(visit: (event: Event, seq: number, line: number) => unknown): Promise<ReadOutcome> {
    let seq = 0;
    const { reader } = this;
    return reader.read((batch) => {
      for (let i = 0; i < batch.length; i++) {
        if (visit(eventAt(batch, i, reader), seq++, batch.line[i]) === false) return false;
      }
      return true;
    });
  }
}

const TRACE_CHECKS: Checks<TraceOptions> = {
  lenient: flag,
  maxDecompressed: orNull(positive),
  layer: orNull(oneOf(LAYERS)),
  domainBy: orNull(oneOf(DOMAIN_KEYS)),
  singleDomain: flag,
  unwrap: orNull(flag),
  fieldMap: namesOfFields,
};

function namesOfFields(value: unknown): string | null {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord && Object.values(value).every((name) => typeof name === 'string')
    ? null
    : 'an object of names: { ours: "theirs" }';
}

/**
 * Opens a trace or a recording: the path of a file of any format that `pgtrace replay` reads, plain, gzip or zstd; or a
 * stream of its bytes. Throws PgtraceError (exit code 3 or 4) when it cannot be opened.
 * @param source - path, or a stream of bytes
 * @param options - how it is to be read
 */
export async function openTrace(source: string | Readable, options: TraceOptions = {}): Promise<Trace> {
  checkOptions('openTrace', options, TRACE_CHECKS);
  if (typeof source !== 'string' && !(source instanceof Readable)) {
    throw mustBe('the source', source, 'a path or a stream of bytes');
  }
  const read: ReadOptions = {
    lenient: false,
    layer: null,
    domainBy: null,
    singleDomain: false,
    unwrap: null,
    fieldMap: {},
    ...options,
  };
  if (typeof source === 'string') return new Trace(await openReader(source, NO_INPUT, read));
  return new Trace(await openReader('-', source, read));
}

/** Stands for standard input where a file is read. */
const NO_INPUT = Readable.from([]);
