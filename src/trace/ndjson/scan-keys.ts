import * as E from '../events.ts';
import { COLON, PLAIN, QUOTE, SPACE, TAB } from './scan-bytes.ts';
import { ByteTable } from './scan-names.ts';

/*
 * The keys that the fast path knows, and which of them each operation takes.
 */

/** Keys as bits, to know what a line had. */
export const K_OP = 1;
export const K_IOVA = 2;
export const K_PADDR = 4;
export const K_SIZE = 8;
export const K_PGSIZE = 16;
export const K_PGCOUNT = 32;
export const K_PROT = 64;
export const K_DOMAIN = 128;
export const K_GATHER = 256;
export const K_THREAD = 512;
export const K_TS = 1024;
export const K_END = 2048;
export const K_CLEAR = 4096;
export const K_COMMENT = 8192;
export const K_NTH = 16384;
export const K_QUEUE = 32768;
export const K_RET = 65536;
/** Keys of maps that decode.ts reads. */
export const K_EXTENDED = 131072;
/** Lists, which are for decode.ts. */
export const K_FENCES = 131072;

const K_ALWAYS = K_OP | K_DOMAIN | K_THREAD | K_TS | K_END | K_COMMENT | K_QUEUE;

/** Keys that an op needs, and those it may have; indexed by op code. */
export const NEEDED = new Int32Array(E.LAST_COLUMN_OP + 1);
export const ALLOWED = new Int32Array(E.LAST_COLUMN_OP + 1);
function takes(op: number, needed: number, optional = 0): void {
  NEEDED[op] = needed;
  ALLOWED[op] = K_ALWAYS | needed | optional;
}
takes(E.OP_MAP, K_IOVA | K_PADDR | K_SIZE, K_PROT | K_RET);
takes(E.OP_UNMAP, K_IOVA | K_SIZE, K_GATHER | K_RET);
takes(E.OP_MAP_PAGES, K_IOVA | K_PADDR | K_PGSIZE | K_PGCOUNT, K_PROT | K_RET);
takes(E.OP_UNMAP_PAGES, K_IOVA | K_PGSIZE | K_PGCOUNT, K_GATHER | K_RET);
takes(E.OP_IOVA_TO_PHYS, K_IOVA, K_PADDR);
takes(E.OP_WALK, K_IOVA);
takes(E.OP_FAIL_ALLOC, K_NTH);
takes(E.OP_SET_DIRTY, K_IOVA);
takes(E.OP_READ_DIRTY, K_IOVA | K_SIZE, K_CLEAR);

/** Keys by their first byte and length, which tell all of them apart; the bytes are compared afterwards. */
const KEYS = [
  // Row 0: any key that the fast path does not know.
  ['', 0],
  ['op', K_OP],
  ['iova', K_IOVA],
  ['paddr', K_PADDR],
  ['size', K_SIZE],
  ['pgsize', K_PGSIZE],
  ['pgcount', K_PGCOUNT],
  ['prot', K_PROT],
  ['domain', K_DOMAIN],
  ['gather', K_GATHER],
  ['thread', K_THREAD],
  ['ts', K_TS],
  ['end', K_END],
  ['clear', K_CLEAR],
  ['comment', K_COMMENT],
  ['nth', K_NTH],
  ['queue', K_QUEUE],
  ['ret', K_RET],
  ['attrIndex', K_EXTENDED],
  ['contig', K_EXTENDED],
  ['waits', K_FENCES],
  ['signals', K_FENCES],
] as const;
export const UNKNOWN_KEY = 0;
/** Row of the key with a first byte and a length below 16. */
const KEY_ROW = new Uint8Array(256 * 16);
export const KEY_LENGTH = Uint8Array.from(KEYS, ([text]) => text.length);
export const KEY_BIT = Int32Array.from(KEYS, ([, bit]) => bit);
const KEY_BYTES = new ByteTable(KEYS.map(([text]) => text));
/**
 * `"key":` of each row in three words of four bytes that lie over each other: the first, the one behind it, the last. A row
 * of no key has two different words at one place.
 */
export const KEY_WORDS = new Int32Array(KEYS.length * 3);
/** Where the second and the third lie, and how long all is. */
export const KEY_SECOND = Uint8Array.from(KEYS, ([text]) => Math.max(0, Math.min(4, text.length - 1)));
export const KEY_LAST = Uint8Array.from(KEYS, ([text]) => Math.max(0, text.length - 1));
KEY_WORDS[UNKNOWN_KEY * 3] = 1;
KEYS.forEach(([text], row) => {
  if (row === UNKNOWN_KEY) return;
  const bytes = Buffer.from(`"${text}":`, 'latin1');
  KEY_WORDS[row * 3] = bytes.readInt32LE(0);
  KEY_WORDS[row * 3 + 1] = bytes.readInt32LE(KEY_SECOND[row]);
  KEY_WORDS[row * 3 + 2] = bytes.readInt32LE(KEY_LAST[row]);
});
KEYS.forEach(([text], row) => {
  if (row !== UNKNOWN_KEY) KEY_ROW[text.charCodeAt(0) * 16 + text.length] = row;
});

const LETTER_S = 0x73;

/** Reads a key, whatever it is. */
export class AnyKey {
  /** Its row; UNKNOWN_KEY for one that the fast path does not know. */
  row = UNKNOWN_KEY;

  /** Reads any key at `start`, where no blank is, into `row`; returns what is behind its colon, -1 when it is for decode.ts. */
  read(b: Uint8Array, start: number): number {
    let p = start;
    if (b[p++] !== QUOTE) return -1;
    const keyStart = p;
    while (PLAIN[b[p]] === 1) p++;
    const keyLength = p - keyStart;
    if (b[p++] !== QUOTE) return -1;
    let row = keyLength < 16 ? KEY_ROW[b[keyStart] * 16 + keyLength] : UNKNOWN_KEY;
    if (!KEY_BYTES.matches(row, b, keyStart, KEY_LENGTH[row])) row = UNKNOWN_KEY;
    // "sh" and "sw", which the table of keys cannot tell apart, are for decode.ts.
    if (row === UNKNOWN_KEY && keyLength === 2 && b[keyStart] === LETTER_S) return -1;
    this.row = row;
    let c = b[p++];
    while (c === SPACE || c === TAB) c = b[p++];
    return c === COLON ? p : -1;
  }
}
