const LF = 0x0a;

/** The longest line that is read: 64 MiB. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;
const INITIAL_BYTES = 2 * 1024 * 1024;

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
  #discarding = false;

  /** `onTooLong` is told of a line above MAX_LINE_BYTES; when it returns, the line is dropped. */
  constructor(consume: LinesConsumer, onTooLong: () => void) {
    this.#consume = consume;
    this.#onTooLong = onTooLong;
  }

  push(chunk: Uint8Array): void {
    const newline = chunk.lastIndexOf(LF);
    if (this.#discarding) {
      const first = chunk.indexOf(LF);
      if (first < 0) return;
      this.#discarding = false;
      // The line feed stands for the dropped line, so that line numbers stay right.
      this.push(chunk.subarray(first));
      return;
    }
    this.#append(chunk);
    if (newline >= 0) {
      const end = this.#length - chunk.length + newline + 1;
      this.#consume(this.#buffer, 0, end);
      this.#buffer.copyWithin(0, end, this.#length);
      this.#length -= end;
    }
    if (this.#length > MAX_LINE_BYTES) {
      this.#onTooLong();
      this.#length = 0;
      this.#discarding = true;
    }
  }

  /** Hands over a last line without line feed. With `drop` it is left out: the stream ended in the middle of it. */
  finish(drop = false): void {
    if (this.#length === 0 || drop) return;
    this.#append(Uint8Array.of(LF));
    this.#consume(this.#buffer, 0, this.#length);
    this.#length = 0;
  }

  /** Bytes of an unfinished line. */
  get pending(): number {
    return this.#length;
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
