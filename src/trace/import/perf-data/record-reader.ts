import type { PgtraceError } from '../../../base/errors.ts';
import type { ByteSource } from '../../source/byte-source.ts';
import { u16, u32, u64 } from '../binary/event-fields.ts';
import { endOf, type Section } from './file-header.ts';
import { perfDataError } from './refusals.ts';

/** A piece of the file that holds whole records; kept while records of it wait to be sorted. */
export class Chunk {
  readonly bytes: Buffer;
  /** Its first byte in the file. */
  readonly base: number;
  /** Records of it that wait. */
  waiting = 0;
  /** Its number among the chunks that are kept, -1 for others. */
  slot = -1;

  constructor(bytes: Buffer, base: number) {
    this.bytes = bytes;
    this.base = base;
  }
}

/** Bytes read at once; above the 65,535 that a record can have. */
export const CHUNK_SIZE = 1 << 18;
const HEADER = 8;

/** PERF_RECORD_HEADER_TRACING_DATA and PERF_RECORD_AUXTRACE: their data follows them. */
const TRACING_DATA = 66;
const AUXTRACE = 71;

/** Goes through the records of a file in the order in which they were written. The fields tell of the present one. */
export class RecordReader {
  readonly #bytes: ByteSource;
  readonly #end: number;
  readonly #bigEndian: boolean;
  readonly #name: string;
  chunk = new Chunk(Buffer.alloc(0), 0);
  /** First byte of the record, and the byte behind it, in the chunk. */
  at = 0;
  end = 0;
  type = 0;
  /** Why there are no more records where not the end of the data is the reason. */
  damage: PgtraceError | null = null;

  constructor(bytes: ByteSource, data: Section, bigEndian: boolean, name: string) {
    this.#bytes = bytes;
    this.#end = endOf(data);
    this.#bigEndian = bigEndian;
    this.#name = name;
    this.#load(data.offset);
  }

  /** Goes to the next record; false at the end of the data or where it is damaged. */
  next(): boolean {
    this.#skipData();
    const position = this.chunk.base + this.end;
    if (position === this.#end || this.damage !== null) return false;
    if (!this.#has(HEADER)) return this.#damaged(position, 'the header of a record', HEADER);
    const size = u16(this.chunk.bytes, this.end + 6, this.#bigEndian);
    if (size < HEADER) {
      this.damage = perfDataError(
        this.#name,
        `is damaged: the record at byte ${position} has a size of ${size} bytes, the smallest has ${HEADER}`,
      );
      return false;
    }
    if (!this.#has(size)) return this.#damaged(position, 'a record', size);
    this.at = this.end;
    this.end = this.at + size;
    this.type = u32(this.chunk.bytes, this.at, this.#bigEndian);
    return true;
  }

  /** Passes over what follows the present record without being one. */
  #skipData(): void {
    const { bytes, base } = this.chunk;
    let size = 0;
    if (this.type === AUXTRACE && this.end - this.at >= 16) size = u64(bytes, this.at + 8, this.#bigEndian);
    if (this.type === TRACING_DATA && this.end - this.at >= 12) {
      size = Math.ceil(u32(bytes, this.at + 8, this.#bigEndian) / 8) * 8;
    }
    this.type = 0;
    if (size === 0) return;
    const from = base + this.end;
    if (from + size > Math.min(this.#end, this.#bytes.size))
      this.#damaged(from, 'what the record before it announces', size);
    else if (this.end + size <= bytes.length) this.end += size;
    else this.#load(from + size);
  }

  /** Whether so many bytes, at most CHUNK_SIZE, come next; reads on where the chunk holds less. */
  #has(size: number): boolean {
    if (this.end + size <= this.chunk.bytes.length) return true;
    this.#load(this.chunk.base + this.end);
    return size <= this.chunk.bytes.length;
  }

  #load(position: number): void {
    const size = Math.max(0, Math.min(CHUNK_SIZE, this.#end - position));
    this.chunk = new Chunk(this.#bytes.read(position, size), position);
    this.at = 0;
    this.end = 0;
  }

  #damaged(position: number, what: string, needs: number): false {
    const has = Math.min(this.#end, this.#bytes.size) - position;
    this.damage = perfDataError(
      this.#name,
      `is damaged or was cut: ${what} at byte ${position} needs ${needs} bytes, ${Math.max(0, has)} are there`,
    );
    return false;
  }
}
