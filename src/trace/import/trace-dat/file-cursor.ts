import type { ByteSource } from '../../source/byte-source.ts';
import { u16, u32, u64 } from '../binary/event-fields.ts';
import { COPY_AGAIN, recordingError } from './errors.ts';

/** Bytes that are read at once: most numbers and names of a header need no read of their own. */
const WINDOW = 65536;
const LONGEST_NAME = 4096;

/** Reads numbers and texts one after another. What is beyond the end, or larger than anything real, is an error for people. */
export class FileCursor {
  readonly #bytes: ByteSource;
  readonly #name: string;
  readonly #where: string;
  readonly #whole: string;
  bigEndian = false;
  /** Byte that comes next. */
  at: number;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  /** `where` completes "the file ends within": `its header`. `whole`: what ends, if not the file. */
  constructor(bytes: ByteSource, name: string, at: number, where: string, bigEndian = false, whole = 'the file') {
    this.#whole = whole;
    this.#bytes = bytes;
    this.#name = name;
    this.at = at;
    this.#where = where;
    this.bigEndian = bigEndian;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.size - this.at;
  }

  u8(): number {
    const b = this.#ahead(1);
    const value = b[this.at - this.#windowAt];
    this.at += 1;
    return value;
  }

  u16(): number {
    const value = u16(this.#ahead(2), this.at - this.#windowAt, this.bigEndian);
    this.at += 2;
    return value;
  }

  u32(): number {
    const value = u32(this.#ahead(4), this.at - this.#windowAt, this.bigEndian);
    this.at += 4;
    return value;
  }

  /** As a double: rounded from 2^53 on, which no offset or size of a real file reaches. */
  u64(): number {
    const value = u64(this.#ahead(8), this.at - this.#windowAt, this.bigEndian);
    this.at += 8;
    return value;
  }

  /** The next `length` bytes; more than `limit` are damage. */
  take(length: number, limit: number, what: string): Buffer {
    this.skip(length, limit, what);
    return this.#bytes.read(this.at - length, length);
  }

  /** Leaves out the next `length` bytes, which must be there. */
  skip(length: number, limit: number, what: string): void {
    if (length > limit) throw this.damaged(`${what} takes ${length} bytes`);
    if (length > this.left) throw this.#tooShort();
    this.at += length;
  }

  /** A text that ends with a NUL. */
  text(what: string): string {
    const piece = this.#bytes.read(this.at, LONGEST_NAME);
    const end = piece.indexOf(0);
    if (end < 0 && piece.length < LONGEST_NAME) throw this.#tooShort();
    if (end < 0) throw this.damaged(`${what} has no end`);
    this.at += end + 1;
    return piece.toString('latin1', 0, end);
  }

  /** The error of a part that cannot be what it says. */
  damaged(why: string): Error {
    return recordingError(
      this.#name,
      `${this.#whole} is damaged within ${this.#where}, before byte ${this.at}: ${why}; ${COPY_AGAIN}`,
    );
  }

  #tooShort(): Error {
    return recordingError(
      this.#name,
      `${this.#whole} ends at byte ${this.#bytes.size} within ${this.#where}: none of its events can be read; ${COPY_AGAIN}`,
    );
  }

  /** The window, with at least `length` bytes from the next one on. */
  #ahead(length: number): Buffer {
    const from = this.at - this.#windowAt;
    if (from < 0 || from + length > this.#window.length) {
      this.#window = this.#bytes.read(this.at, WINDOW);
      this.#windowAt = this.at;
      if (this.#window.length < length) throw this.#tooShort();
    }
    return this.#window;
  }
}
