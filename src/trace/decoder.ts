import type { PgtraceError } from '../base/errors.ts';

/** Turns regions of whole lines into events. One per input. */
export interface Decoder {
  /** What the input is, for people: `pgtrace NDJSON`, `ftrace text`. */
  readonly format: string;
  /** Lines read so far. */
  readonly line: number;
  decode(buffer: Buffer, start: number, end: number): void;
  /** The input has ended; events that were held back come now. */
  finish(): void;
}

export interface DecoderContext {
  /** Name of the input, for messages. */
  readonly name: string;
  /** A line that cannot be used: throws it, or counts it when reading leniently. */
  badLine(error: PgtraceError): void;
}
