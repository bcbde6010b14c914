import type { ByteSource } from '../../source/byte-source.ts';
import type { EventSink } from '../event-sink.ts';

/** Reads a recording that is no text. One per input. */
export interface BinaryReader {
  /** What the input is, for people: `trace.dat`. */
  readonly format: string;
  /** Events read so far, of any kind. */
  readonly events: number;
  /** Reads all, in steps that each end after some thousand events at most. Throws PgtraceError after everything before the damage was given. */
  steps(): Generator<void, void>;
}

/** `name` is the input's, for messages. `comms`: command names are wanted in the heads of events. */
export type BinaryReaderMaker = (bytes: ByteSource, name: string, sink: EventSink, comms: boolean) => BinaryReader;
