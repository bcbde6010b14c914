import { constants } from 'node:buffer';
import { environmentError, inputError, PgtraceError } from '../base/errors.ts';
import type { Batch } from './batch.ts';
import { BatchWriter } from './batch-writer.ts';
import type { Decoder, DecoderContext } from './decoder.ts';
import { BinaryDecoder } from './import/binary/binary-decoder.ts';
import type { BinaryReaderMaker } from './import/binary/binary-reader.ts';
import { carriedNotes, type ImportNotes } from './import/import-notes.ts';
import type { ImportOptions } from './import/import-options.ts';
import { Importer } from './import/importer.ts';
import { perfDataReader } from './import/perf-data/perf-data-reader.ts';
import { knownFormats, recognise } from './import/recognise.ts';
import { TextDecoder } from './import/text/text-decoder.ts';
import { traceDatReader } from './import/trace-dat/trace-dat-reader.ts';
import { NdjsonDecoder } from './ndjson/ndjson-decoder.ts';
import { fileBytes, memoryBytes } from './source/byte-source.ts';
import { DecompressedBytes, decompressesToMore, MOST_KEPT_BYTES } from './source/decompressed-limit.ts';
import { LineBuffer, MAX_LINE_BYTES } from './source/line-buffer.ts';
import type { Source } from './source/source.ts';

/** Bytes looked at to recognise an input. */
const HEAD_BYTES = 64 * 1024;
const SKIPPED_MESSAGES_KEPT = 5;

export interface ReadOptions extends ImportOptions {
  /** Skip and count lines that cannot be used instead of failing. */
  readonly lenient: boolean;
  /**
   * Bytes that compressed input may decompress to. Null or left out: any number of those that are read as they come, 1 GiB
   * of those that must be kept in memory.
   */
  readonly maxDecompressed?: number | null;
  /** Bytes asked for at a time; for tests of chunk boundaries. */
  readonly chunkBytes?: number;
}

/** What a reading of a trace came to. */
export interface ReadOutcome {
  /** The input was read to its end without an error. */
  readonly complete: boolean;
  /** Why it ended early; null when complete, stopped by the consumer or interrupted. */
  readonly error: PgtraceError | null;
  /** What the input is, in words. */
  readonly format: string;
  /** Lines read. */
  readonly lines: number;
  /** Lines that could not be used and were left out. */
  readonly skippedLines: number;
  /** What was wrong with the first of the skipped lines. */
  readonly skippedErrors: readonly PgtraceError[];
  /** What an importer assumed; null for pgtrace's own language. */
  readonly notes: ImportNotes | null;
}

type BinaryKind = 'trace-dat' | 'perf-data';

/** One reading of a source from start to end. */
export class Reading {
  readonly #source: Source;
  readonly #options: ReadOptions;
  readonly #writer: BatchWriter;
  readonly #lines: LineBuffer;
  readonly #skippedErrors: PgtraceError[] = [];
  #skippedLines = 0;
  #decoder: Decoder | null = null;
  /** Null for pgtrace's own language. */
  #importer: Importer | null = null;
  /** What an import that wrote this trace had to note. */
  #carried: ImportNotes | null = null;
  /** First bytes, until there are enough to tell what they are. */
  #head: Uint8Array[] = [];
  #binary: BinaryKind | null = null;
  #headBytes = 0;

  constructor(source: Source, options: ReadOptions, consume: (batch: Batch, writer: BatchWriter) => boolean) {
    this.#source = source;
    this.#options = options;
    this.#writer = new BatchWriter((batch) => {
      for (const event of batch.objects.values()) {
        if (event.op === 'trace' && this.#importer === null) this.#carried = carriedNotes(event.meta) ?? this.#carried;
      }
      return consume(batch, this.#writer);
    });
    this.#lines = new LineBuffer(
      (buffer, start, end) => this.#decoder?.decode(buffer, start, end),
      () => this.#badLine(this.#tooLong()),
    );
  }

  async run(afterChunk: () => Promise<boolean> | boolean): Promise<ReadOutcome> {
    let error: PgtraceError | null = null;
    let ended = false;
    try {
      ended = await this.#readAll(afterChunk);
    } catch (thrown) {
      error = await this.#afterFailure(asPgtraceError(thrown));
    }
    // Whatever the reading came to, what it had decoded by then is used; a failure in that is earlier in the input.
    try {
      this.#decoder?.finish();
      this.#writer.flush();
      if (this.#writer.stopped) error = null;
    } catch (thrown) {
      error = asPgtraceError(thrown);
    }
    const decoder = this.#decoder;
    return {
      complete: error === null && ended && !this.#writer.stopped,
      error,
      format: decoder?.format ?? 'unknown',
      lines: decoder?.line ?? 0,
      skippedLines: this.#skippedLines,
      skippedErrors: this.#skippedErrors,
      notes: this.#importer?.notes ?? this.#carried,
    };
  }

  /** False when it was stopped before the end. */
  async #readAll(afterChunk: () => Promise<boolean> | boolean): Promise<boolean> {
    const { path, compressed } = this.#source;
    for await (const chunk of this.#source.chunks()) {
      if (this.#decoder !== null) this.#lines.push(chunk);
      else {
        this.#head.push(Uint8Array.prototype.slice.call(chunk));
        this.#headBytes += chunk.length;
        if (this.#headBytes < HEAD_BYTES || this.#binary !== null) this.#holdInMemory();
        else this.#start();
        if (this.#binary !== null && path !== null && !compressed()) break;
      }
      if (this.#writer.stopped || !(await afterChunk())) return false;
    }
    if (this.#decoder === null && this.#binary === null) this.#start();
    if (this.#binary !== null) return await this.#readBinary(this.#binary, afterChunk);
    this.#lines.finish();
    return true;
  }

  /** A binary recording that comes as a stream is kept in memory: it is read in any order. */
  #holdInMemory(): void {
    const { name, compressed } = this.#source;
    const asked = (compressed() ? this.#options.maxDecompressed : null) ?? MOST_KEPT_BYTES;
    const most = Math.min(asked, constants.MAX_LENGTH);
    if (this.#headBytes <= most) return;
    // Nobody is to look at its beginning: that takes as much memory again.
    this.#head = [];
    if (compressed() && most === asked) throw decompressesToMore(name, most);
    throw environmentError(
      `${name}: more than ${most / 1048576} MiB of a binary recording from a stream; put it into a file, decompressed, and name that`,
    );
  }

  async #readBinary(kind: BinaryKind, afterChunk: () => Promise<boolean> | boolean): Promise<boolean> {
    const { path, compressed, name } = this.#source;
    const bytes =
      path !== null && !compressed() ? fileBytes(path) : memoryBytes(Buffer.concat(this.#head, this.#headBytes));
    this.#head = [];
    try {
      const decoder = new BinaryDecoder(this.#import(), name, this.#readerOf(kind), bytes, this.#wantsComms);
      this.#decoder = decoder;
      for (const _ of decoder.steps()) if (this.#writer.stopped || !(await afterChunk())) return false;
    } finally {
      bytes.close();
    }
    return true;
  }

  #readerOf(kind: BinaryKind): BinaryReaderMaker {
    if (kind === 'perf-data') return perfDataReader;
    const decompressed = new DecompressedBytes(this.#source.name, this.#options.maxDecompressed ?? null);
    return (bytes, name, sink, comms) => traceDatReader(bytes, name, sink, comms, decompressed);
  }

  /** Tells what the input is, once enough of it is there, and reads what is there. */
  #start(): void {
    const head = Buffer.concat(this.#head);
    const { name } = this.#source;
    const { unwrap = null, fieldMap } = this.#options;
    // Whatever the chunks are, the same bytes decide.
    const found = recognise(head.subarray(0, HEAD_BYTES), unwrap, fieldMap);
    if (found.kind === 'trace-dat' || found.kind === 'perf-data') {
      this.#binary = found.kind;
      return;
    }
    this.#head = [];
    if (found.kind === null) throw inputError(unknownFormat(found.looksLike), { file: name, line: 1, column: 1 });
    this.#decoder =
      found.kind === 'ndjson'
        ? new NdjsonDecoder(this.#writer, this.#context())
        : new TextDecoder(this.#import(), this.#context(), this.#options, found.form);
    // A byte order mark is no part of the first line.
    this.#lines.push(startsWithBom(head) ? head.subarray(3) : head);
  }

  #context(): DecoderContext {
    return { name: this.#source.name, badLine: (error: PgtraceError) => this.#badLine(error) };
  }

  #import(): Importer {
    this.#importer = new Importer(this.#writer, this.#context(), this.#options);
    return this.#importer;
  }

  get #wantsComms(): boolean {
    return this.#options.domainBy === 'comm';
  }

  /** The reading failed with `first`: uses what came before, and answers with the earliest error of the input. */
  async #afterFailure(first: PgtraceError): Promise<PgtraceError> {
    let error = first;
    if (this.#decoder === null && this.#head.length > 0) {
      try {
        if (this.#binary === null) this.#start();
        // Of a binary recording that stops in the middle the beginning is used.
        if (this.#binary !== null) await this.#readBinary(this.#binary, () => true);
      } catch (thrown) {
        const second = asPgtraceError(thrown);
        // Too little came to tell what it is: then the break in the stream is what matters.
        if (this.#decoder !== null) error = second;
      }
    }
    const damage = this.#source.damage();
    // Binary recordings have no lines: what is wrong says where.
    if (this.#binary !== null) return damage ?? error;
    // A line that was read from damaged data is no fault of its own.
    if (damage !== null && error.place?.line !== 0) {
      return new PgtraceError(damage.exitCode, damage.message, error.place);
    }
    if (error.place === null || error.place.line !== 0 || this.#decoder === null) return error;
    // Damage in a compressed stream is placed where the decompressed text stops.
    const place = { file: this.#source.name, line: this.#decoder.line + 1, column: this.#lines.pending + 1 };
    return new PgtraceError(error.exitCode, error.message, place);
  }

  /** A line that cannot be used: thrown, or counted when reading leniently. */
  #badLine(error: PgtraceError): void {
    if (!this.#options.lenient) throw error;
    this.#skippedLines++;
    if (this.#skippedErrors.length < SKIPPED_MESSAGES_KEPT) this.#skippedErrors.push(error);
  }

  #tooLong(): PgtraceError {
    const line = (this.#decoder?.line ?? 0) + 1;
    return inputError(
      `this line is longer than ${MAX_LINE_BYTES / 1048576} MiB; is this a trace with one event a line?`,
      { file: this.#source.name, line, column: 1 },
    );
  }
}

function asPgtraceError(thrown: unknown): PgtraceError {
  if (thrown instanceof PgtraceError) return thrown;
  throw thrown;
}

function startsWithBom(head: Buffer): boolean {
  return head.length >= 3 && head.readUIntBE(0, 3) === 0xefbbbf;
}

function unknownFormat(looksLike: string): string {
  const formats = knownFormats();
  const wide = Math.max(...formats.map(({ name }) => name.length)) + 2;
  const known = formats.map(({ name, example }) => `  ${name.padEnd(wide)}${example}`).join('\n');
  return `not a trace that is known here: it looks like ${looksLike}\nknown formats:\n${known}`;
}
