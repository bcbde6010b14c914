import { inputError, type PgtraceError } from '../../base/errors.ts';
import { exactSize } from '../../base/sizes.ts';

/**
 * Decompressed bytes that are kept in memory at most, where nobody says otherwise: what is read as it comes takes no memory,
 * however much it is.
 */
export const MOST_KEPT_BYTES = 1024 * 1024 * 1024;

/** Compressed input that comes to more than `most` bytes, as an input error that says how to allow it. */
export function decompressesToMore(name: string, most: number): PgtraceError {
  return inputError(
    `it decompresses to more than ${exactSize(most)} bytes; if that is right, allow more with --max-decompressed SIZE`,
    { file: name, line: 0, column: 0 },
  );
}

/** Counts what the compressed parts of a recording come to, in all and what of it is in memory at a time. */
export class DecompressedBytes {
  readonly #name: string;
  readonly #most: number;
  readonly #mostKept: number;
  #all = 0;
  #kept = 0;

  /** @param most - bytes, as asked for; null: any number in all, of which MOST_KEPT_BYTES are in memory at a time */
  constructor(name: string, most: number | null) {
    this.#name = name;
    this.#most = most ?? Number.POSITIVE_INFINITY;
    this.#mostKept = most ?? MOST_KEPT_BYTES;
  }

  /** Told before a part of `bytes` is decompressed in place of one of `instead`. Throws an input error. */
  add(bytes: number, instead = 0): void {
    this.#all += bytes;
    this.#kept += bytes - instead;
    if (this.#all > this.#most) throw decompressesToMore(this.#name, this.#most);
    if (this.#kept > this.#mostKept) throw decompressesToMore(this.#name, this.#mostKept);
  }
}
