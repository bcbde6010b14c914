const LF = 0x0a;

/** The longest line that is read: 64 MiB, its line feed not counted. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;
const INITIAL_BYTES = 64 * 1024;

/** Takes a region of whole lines: `buffer[start..end)`, the last byte a line feed. */
export type LinesConsumer = (buffer: Buffer, start: number, end: number) => void;

/**
 * Cuts a stream of chunks into regions of whole lines. Bytes are copied once; a line may span any number of chunks.
 */
export class LineBuffer {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  readonly #consume: LinesConsumer;
  readonly #onTooLong: () => void;
  readonly #limit: number;
  #discarding = false;

  /** `onTooLong` is told of a line above the limit; when it returns, the line is dropped. */
  constructor(consume: LinesConsumer, onTooLong: () => void, limit = MAX_LINE_BYTES) {
    this.#consume = consume;
    this.#onTooLong = onTooLong;
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) rest = this.#discarding ? this.#skip(rest) : this.#take(rest);
  }

  /** Hands over a last line without line feed. */
  finish(): void {
    if (this.#length === 0) return;
    this.#append(Uint8Array.of(LF));
    const end = this.#length;
    this.#length = 0;
    this.#consume(this.#buffer, 0, end);
  }

  /** Bytes of an unfinished line. */
  get pending(): number {
    return this.#length;
  }

  /** Passes on the whole lines of a chunk and keeps its end; returns what is left to look at. */
  #take(chunk: Uint8Array): Uint8Array {
    // Only the first line can be too long because of what came before; the others lie within this chunk.
    const first = chunk.indexOf(LF);
    if (this.#length + (first < 0 ? chunk.length : first) > this.#limit) return this.#drop(chunk);
    const last = first < 0 ? -1 : chunk.lastIndexOf(LF);
    const fits = chunk.length <= this.#limit ? last : first;
    const whole = fits < 0 ? chunk : chunk.subarray(0, fits + 1);
    this.#append(whole);
    if (fits < 0) return chunk.subarray(chunk.length);
    const end = this.#length;
    // Forgotten before it is used: a consumer that throws has seen these lines all the same.
    this.#length = 0;
    this.#consume(this.#buffer, 0, end);
    return chunk.subarray(fits + 1);
  }

  #drop(chunk: Uint8Array): Uint8Array {
    this.#length = 0;
    this.#discarding = true;
    this.#onTooLong();
    return chunk;
  }

  /** Looks for the end of a dropped line. Its line feed stays, so that line numbers stay right. */
  #skip(chunk: Uint8Array): Uint8Array {
    const end = chunk.indexOf(LF);
    if (end < 0) return chunk.subarray(chunk.length);
    this.#discarding = false;
    return chunk.subarray(end);
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }
}
