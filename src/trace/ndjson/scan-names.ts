import type { NameTable } from '../batch.ts';
import * as E from '../events.ts';

/*
 * Names in the bytes of a line, told without making a string of them.
 */

/** Longest text that a row of a byte table holds. */
const ROW = 16;

/** Texts as rows of bytes: comparing with them needs no string. */
export class ByteTable {
  readonly #bytes: Uint8Array;

  constructor(texts: readonly string[]) {
    this.#bytes = new Uint8Array(texts.length * ROW);
    texts.forEach((text, row) => {
      this.#bytes.set(Buffer.from(text, 'latin1'), row * ROW);
    });
  }

  /** True when `buffer[start..start + length)` is the text of `row`, whose length the caller knows to be the same. */
  matches(row: number, buffer: Uint8Array, start: number, length: number): boolean {
    const bytes = this.#bytes;
    const first = row * ROW;
    for (let i = 0; i < length; i++) if (buffer[start + i] !== bytes[first + i]) return false;
    return true;
  }
}

/** Op codes of the fast path by length of the name and whether it begins like another of that length. */
const OPS_BY_LENGTH: number[][] = Array.from({ length: ROW }, () => []);
for (let code = 0; code <= E.LAST_COLUMN_OP; code++) OPS_BY_LENGTH[E.OPS[code].length].push(code);
const OP_BYTES = new ByteTable(E.OPS.slice(0, E.LAST_COLUMN_OP + 1));

/** The code of the op named in `buffer[start..end)`, -1 when it is none of the fast path. */
export function opAt(buffer: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length >= ROW) return -1;
  const candidates = OPS_BY_LENGTH[length];
  for (let i = 0; i < candidates.length; i++)
    if (OP_BYTES.matches(candidates[i], buffer, start, length)) return candidates[i];
  return -1;
}

/** Names remembered at once, a power of two, and the longest that is. */
const REMEMBERED = 64;
const LONGEST = 24;

/**
 * Remembers names by their bytes: those of some dozen threads take turns, and each line would else make a string of its own.
 * Every name has one place, which the latest of those that share it takes.
 */
export class RecentNames {
  readonly #table: NameTable;
  readonly #bytes = new Uint8Array(REMEMBERED * LONGEST);
  readonly #lengths = new Int32Array(REMEMBERED).fill(-1);
  readonly #indices = new Int32Array(REMEMBERED);

  constructor(table: NameTable) {
    this.#table = table;
  }

  indexOf(buffer: Buffer, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST || length === 0) return this.#table.indexOf(buffer.toString('latin1', start, end));
    const bytes = this.#bytes;
    // Names of one kind differ near their ends.
    const place = (buffer[end - 1] * 5 + buffer[end - (length > 1 ? 2 : 1)] * 17 + length) & (REMEMBERED - 1);
    const first = place * LONGEST;
    if (this.#lengths[place] === length) {
      let i = 0;
      while (i < length && bytes[first + i] === buffer[start + i]) i++;
      if (i === length) return this.#indices[place];
    }
    for (let i = 0; i < length; i++) bytes[first + i] = buffer[start + i];
    this.#lengths[place] = length;
    const index = this.#table.indexOf(buffer.toString('latin1', start, end));
    this.#indices[place] = index;
    return index;
  }
}
