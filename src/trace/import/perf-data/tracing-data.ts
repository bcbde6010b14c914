import type { ByteSource } from '../../source/byte-source.ts';
import { u32, u64 } from '../binary/event-fields.ts';
import { EventFormats, parseEventFormat } from '../binary/event-formats.ts';
import type { Section } from './file-header.ts';
import { perfDataError } from './refusals.ts';

/** What the recorded machine's kernel says of its tracepoints: the start of a trace.dat file, within the perf.data file. */
export interface TracingData {
  readonly bigEndian: boolean;
  /** Bytes of a `long` on that machine. */
  readonly longSize: number;
  readonly formats: EventFormats;
}

const MAGIC = '\x17\x08\x44tracing';
const LONGEST_VERSION = 16;
const LONGEST_NAME = 256;
/** No format file comes near; longer ones are passed over. */
const LONGEST_FORMAT = 1 << 20;
const WINDOW = 1 << 16;

/** Reads the formats of all events in the section; what follows them is not needed. As `trace-event-read.c:trace_report` of perf. */
export function readTracingData(bytes: ByteSource, section: Section, name: string): TracingData {
  const cursor = new SectionCursor(bytes, section, name);
  const magic = cursor.take(MAGIC.length).toString('latin1');
  if (magic !== MAGIC) {
    throw perfDataError(name, `is damaged: at byte ${section.offset} there should be the descriptions of its events`);
  }
  cursor.text(LONGEST_VERSION);
  const bigEndian = cursor.take(1)[0] === 1;
  const longSize = cursor.take(1)[0] === 4 ? 4 : 8;
  cursor.skip(4);
  const count = () => u32(cursor.take(4), 0, bigEndian);
  const size = () => u64(cursor.take(8), 0, bigEndian);
  for (const expected of ['header_page', 'header_event']) {
    const at = cursor.at;
    if (cursor.text(LONGEST_NAME) !== expected) {
      throw perfDataError(name, `is damaged: at byte ${at} there should be ${expected}`);
    }
    cursor.skip(size());
  }
  const formats = new EventFormats();
  const readFormats = (system: string) => {
    for (let left = count(); left > 0; left--) {
      const length = size();
      if (length > LONGEST_FORMAT) {
        cursor.skip(length);
        continue;
      }
      const format = parseEventFormat(cursor.take(length).toString('latin1'), system);
      if (format !== null) formats.add(format);
    }
  };
  // The function tracer's own events have no system of their own in the file.
  readFormats('ftrace');
  for (let systems = count(); systems > 0; systems--) readFormats(cursor.text(LONGEST_NAME));
  return { bigEndian, longSize, formats };
}

/** Goes through a section from its start, with a small part of it in memory. */
class SectionCursor {
  readonly #bytes: ByteSource;
  readonly #end: number;
  readonly #name: string;
  #window: Buffer = Buffer.alloc(0);
  #windowAt: number;
  /** The byte of the file that comes next. */
  at: number;

  constructor(bytes: ByteSource, section: Section, name: string) {
    this.#bytes = bytes;
    this.#end = section.offset + section.size;
    this.#name = name;
    this.at = section.offset;
    this.#windowAt = section.offset;
  }

  take(size: number): Buffer {
    const start = this.at;
    this.skip(size);
    if (start + size > this.#windowAt + this.#window.length) {
      this.#window = this.#bytes.read(start, Math.min(Math.max(size, WINDOW), this.#end - start));
      this.#windowAt = start;
      if (this.#window.length < size) throw this.#cut(start, size);
    }
    return this.#window.subarray(start - this.#windowAt, start - this.#windowAt + size);
  }

  skip(size: number): void {
    if (this.at + size > this.#end || this.at + size > this.#bytes.size) throw this.#cut(this.at, size);
    this.at += size;
  }

  /** The text up to the next NUL, which must come within `longest` bytes. */
  text(longest: number): string {
    const start = this.at;
    const room = Math.max(0, Math.min(longest, this.#end - start, this.#bytes.size - start));
    const length = this.take(room).indexOf(0);
    if (length < 0) throw perfDataError(this.#name, `is damaged: the name at byte ${start} has no end`);
    this.at = start + length + 1;
    return this.#window.toString('latin1', start - this.#windowAt, start - this.#windowAt + length);
  }

  #cut(at: number, size: number): Error {
    const end = Math.min(this.#end, this.#bytes.size);
    return perfDataError(
      this.#name,
      `is damaged: the descriptions of its events need ${size} bytes at byte ${at}, and end at byte ${end}`,
    );
  }
}
