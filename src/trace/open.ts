import type { Readable } from 'node:stream';
import { inputError, PgtraceError } from '../base/errors.ts';
import { type BatchConsumer, BatchWriter } from './batch-writer.ts';
import type { Decoder } from './decoder.ts';
import { FtraceDecoder } from './import/ftrace-decoder.ts';
import type { ImportNotes, ImportOptions } from './import/import-notes.ts';
import { KNOWN_FORMATS, recognise } from './import/recognise.ts';
import { LineBuffer, MAX_LINE_BYTES } from './line-buffer.ts';
import { NdjsonDecoder } from './ndjson-decoder.ts';
import { openSource, type Source } from './source.ts';

/** Bytes looked at to recognise an input. */
const HEAD_BYTES = 64 * 1024;
const SKIPPED_MESSAGES_KEPT = 5;

export interface ReadOptions extends ImportOptions {
  /** Skip and count lines that cannot be used instead of failing. */
  readonly lenient: boolean;
}

/** What a reading of a trace came to. */
export interface ReadOutcome {
  /** The input was read to its end without an error. */
  readonly complete: boolean;
  /** Why it ended early; null when complete, stopped by the consumer or interrupted. */
  readonly error: PgtraceError | null;
  readonly format: string;
  readonly lines: number;
  readonly skippedLines: number;
  /** The first of the skipped lines' messages. */
  readonly skippedMessages: readonly string[];
  /** What an importer assumed; null for pgtrace's own language. */
  readonly notes: ImportNotes | null;
}

/** A trace that is open and not yet read. */
export interface TraceReader {
  readonly name: string;
  readonly domains: readonly string[];
  readonly threads: readonly string[];
  readonly source: Source;
  /** Reads to the end; `afterChunk` runs between chunks and may wait for outputs or ask to stop by returning false. */
  read(consume: BatchConsumer, afterChunk?: () => Promise<boolean> | boolean): Promise<ReadOutcome>;
}

/** Opens a trace file or `-`, whatever known format it has. Throws PgtraceError when it cannot be opened. */
export async function openTrace(
  path: string,
  stdin: Readable & { isTTY?: boolean },
  options: ReadOptions,
): Promise<TraceReader> {
  const source = await openSource(path, stdin);
  const domains: string[] = [];
  const threads: string[] = [];
  return {
    name: source.name,
    source,
    domains,
    threads,
    read: (consume, afterChunk = () => true) => readTrace(source, options, consume, afterChunk, domains, threads),
  };
}

async function readTrace(
  source: Source,
  options: ReadOptions,
  consume: BatchConsumer,
  afterChunk: () => Promise<boolean> | boolean,
  domains: string[],
  threads: string[],
): Promise<ReadOutcome> {
  const writer = new BatchWriter(
    (batch) => {
      // The names grow while reading; consumers see them through the reader.
      for (let i = domains.length; i < writer.domains.names.length; i++) domains.push(writer.domains.names[i]);
      for (let i = threads.length; i < writer.threads.names.length; i++) threads.push(writer.threads.names[i]);
      return consume(batch);
    },
  );
  const skippedMessages: string[] = [];
  let skippedLines = 0;
  const badLine = (error: PgtraceError): void => {
    if (!options.lenient) throw error;
    skippedLines++;
    if (skippedMessages.length < SKIPPED_MESSAGES_KEPT) skippedMessages.push(error.text);
  };
  let decoder: Decoder | null = null;
  const lines = new LineBuffer(
    (buffer, start, end) => decoder?.decode(buffer, start, end),
    () =>
      badLine(
        inputError(`a line longer than ${MAX_LINE_BYTES / 1048576} MiB`, {
          file: source.name,
          line: (decoder?.line ?? 0) + 1,
          column: 1,
        }),
      ),
  );
  const choose = (head: Buffer): Decoder => {
    const found = recognise(head);
    if (found.kind === 'ndjson') return new NdjsonDecoder(writer, { name: source.name, badLine });
    if (found.kind === 'ftrace') return new FtraceDecoder(writer, options);
    const known = KNOWN_FORMATS.map((format) => `  ${format}`).join('\n');
    throw inputError(`not a trace that is known here: it looks like ${found.looksLike}\nknown formats:\n${known}`, {
      file: source.name,
      line: 1,
      column: 1,
    });
  };

  let error: PgtraceError | null = null;
  let stopped = false;
  let head = Buffer.alloc(0);
  const start = (): void => {
    decoder = choose(head);
    // A byte order mark is no part of the first line.
    lines.push(head.length >= 3 && head.readUIntBE(0, 3) === 0xefbbbf ? head.subarray(3) : head);
    head = Buffer.alloc(0);
  };
  try {
    for await (const chunk of source.chunks()) {
      if (decoder === null) {
        head = Buffer.concat([head, chunk]);
        if (head.length < HEAD_BYTES) continue;
        start();
      } else lines.push(chunk);
      if (writer.stopped || !(await afterChunk())) {
        stopped = true;
        break;
      }
    }
    if (!stopped) {
      if (decoder === null) start();
      lines.finish();
      (decoder as Decoder | null)?.finish();
    }
  } catch (thrown) {
    if (!(thrown instanceof PgtraceError)) throw thrown;
    error = thrown;
    if (decoder === null && head.length > 0) error = startDespite(start, thrown);
    error = withPlace(error, decoder, lines.pending, source.name);
  }
  try {
    writer.flush();
  } catch (thrown) {
    if (!(thrown instanceof PgtraceError)) throw thrown;
    error ??= thrown;
  }
  const done = decoder as Decoder | null;
  return {
    complete: error === null && !stopped && !writer.stopped,
    error,
    format: done?.format ?? 'unknown',
    lines: done?.line ?? 0,
    skippedLines,
    skippedMessages,
    notes: done instanceof FtraceDecoder ? done.notes : null,
  };
}

/** The stream broke within the first bytes: use what came, and keep the first error. */
function startDespite(start: () => void, first: PgtraceError): PgtraceError {
  try {
    start();
  } catch (second) {
    if (!(second instanceof PgtraceError)) throw second;
  }
  return first;
}

/** Damage in a compressed stream is placed where the decompressed text stops. */
function withPlace(error: PgtraceError, decoder: Decoder | null, pending: number, name: string): PgtraceError {
  if (error.place === null || error.place.line !== 0 || decoder === null) return error;
  return new PgtraceError(error.exitCode, error.message, { file: name, line: decoder.line + 1, column: pending + 1 });
}
