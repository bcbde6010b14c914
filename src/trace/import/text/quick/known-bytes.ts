const WORD = 4;

/** Bytes that come again and again, as words of four: so they are found and compared quickly. */
export class KnownBytes {
  readonly length: number;
  /** Those of each four bytes; the last four bytes make the last, whether they lie in the one before or not. */
  readonly #words: Int32Array;

  /** The `length` bytes at `at`, 4 at least. */
  constructor(view: DataView, at: number, length: number) {
    this.length = length;
    this.#words = new Int32Array(Math.ceil(length / WORD));
    const last = this.#words.length - 1;
    for (let i = 0; i < last; i++) this.#words[i] = view.getInt32(at + i * WORD);
    this.#words[last] = view.getInt32(at + length - WORD);
  }

  /** Whether they stand at `at`, where as many bytes are there. */
  isAt(view: DataView, at: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    // Lines differ in what stands last: the process, the CPU.
    if (view.getInt32(at + this.length - WORD) !== words[last]) return false;
    for (let i = last - 1; i >= 0; i--) if (view.getInt32(at + i * WORD) !== words[i]) return false;
    return true;
  }
}

/** A number that tells `length` bytes at `at` from others; 4 bytes at least. */
export function hashAt(view: DataView, at: number, length: number): number {
  let hash = view.getInt32(at + length - WORD);
  for (let i = 0; i + WORD <= length; i += WORD) {
    hash = Math.imul(hash ^ view.getInt32(at + i), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
