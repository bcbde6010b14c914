import { PROT_DEFAULT, PROT_LETTERS } from '../base/vocabulary.ts';
import {
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_PADDR,
  FLAG_PROT_ASSUMED,
  type NameTable,
  NONE,
} from './batch.ts';
import type { BatchWriter } from './batch-writer.ts';
import * as E from './events.ts';

/*
 * The fast path of the NDJSON reader: flat objects of the frequent operations, read byte by byte straight into columns,
 * keys in any order. Whatever it does not understand to the last byte it leaves to decode.ts, so it never rejects a
 * line and never accepts one that decode.ts would not.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;

const HEX_VALUE = new Int8Array(256).fill(-1);
for (const digit of '0123456789abcdefABCDEF') HEX_VALUE[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
const PROT_BIT = new Uint8Array(256);
for (const [letter, bit] of Object.entries(PROT_LETTERS)) PROT_BIT[letter.charCodeAt(0)] = bit;

/** Keys as bits, to know what a line had. */
const K_OP = 1;
const K_IOVA = 2;
const K_PADDR = 4;
const K_SIZE = 8;
const K_PGSIZE = 16;
const K_PGCOUNT = 32;
const K_PROT = 64;
const K_DOMAIN = 128;
const K_GATHER = 256;
const K_THREAD = 512;
const K_TS = 1024;
const K_END = 2048;
const K_CLEAR = 4096;
const K_COMMENT = 8192;
const K_NTH = 16384;
const K_QUEUE = 32768;

const K_ALWAYS = K_OP | K_DOMAIN | K_THREAD | K_TS | K_END | K_COMMENT | K_QUEUE;

/** Keys that an op needs, and those it may have; indexed by op code. */
const NEEDED = new Int32Array(E.LAST_COLUMN_OP + 1);
const ALLOWED = new Int32Array(E.LAST_COLUMN_OP + 1);
function takes(op: number, needed: number, optional = 0): void {
  NEEDED[op] = needed;
  ALLOWED[op] = K_ALWAYS | needed | optional;
}
takes(E.OP_MAP, K_IOVA | K_PADDR | K_SIZE, K_PROT);
takes(E.OP_UNMAP, K_IOVA | K_SIZE, K_GATHER);
takes(E.OP_MAP_PAGES, K_IOVA | K_PADDR | K_PGSIZE | K_PGCOUNT, K_PROT);
takes(E.OP_UNMAP_PAGES, K_IOVA | K_PGSIZE | K_PGCOUNT, K_GATHER);
takes(E.OP_IOVA_TO_PHYS, K_IOVA, K_PADDR);
takes(E.OP_WALK, K_IOVA);
takes(E.OP_FAIL_ALLOC, K_NTH);
takes(E.OP_SET_DIRTY, K_IOVA);
takes(E.OP_READ_DIRTY, K_IOVA | K_SIZE, K_CLEAR);

/** Keys by their first byte and length, which tell all of them apart; the rest of the bytes is compared afterwards. */
const KEY_TEXT: string[] = [];
const KEY_BIT: number[] = [];
const KEY_AT = new Int8Array(256 * 16).fill(-1);
for (const [text, bit] of [
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
] as const) {
  KEY_AT[text.charCodeAt(0) * 16 + text.length] = KEY_TEXT.length;
  KEY_TEXT.push(text);
  KEY_BIT.push(bit);
}

/** Op codes by length of the name, for the ops of the fast path. */
const OPS_BY_LENGTH: number[][] = [];
for (let code = 0; code <= E.LAST_COLUMN_OP; code++) {
  const length = E.OPS[code].length;
  OPS_BY_LENGTH[length] ??= [];
  OPS_BY_LENGTH[length].push(code);
}

/** Remembers the last name seen, which is nearly always the next one too. */
class LastName {
  readonly #table: NameTable;
  #bytes = new Uint8Array(0);
  #index = NONE;

  constructor(table: NameTable) {
    this.#table = table;
  }

  indexOf(buffer: Buffer, start: number, end: number): number {
    const bytes = this.#bytes;
    const length = end - start;
    if (bytes.length === length && this.#index !== NONE) {
      let i = 0;
      while (i < length && bytes[i] === buffer[start + i]) i++;
      if (i === length) return this.#index;
    }
    this.#bytes = Uint8Array.prototype.slice.call(buffer, start, end);
    this.#index = this.#table.indexOf(buffer.toString('latin1', start, end));
    return this.#index;
  }
}

export class LineScanner {
  readonly #writer: BatchWriter;
  readonly #domain: LastName;
  readonly #thread: LastName;

  constructor(writer: BatchWriter) {
    this.#writer = writer;
    this.#domain = new LastName(writer.domains);
    this.#thread = new LastName(writer.threads);
  }

  /**
   * Reads the line at `start` of a buffer that holds at least one line feed from there on. Returns the position after
   * the line feed, or -1 when the line is for decode.ts; nothing is written then.
   */
  scan(b: Buffer, start: number, lineNumber: number): number {
    let p = start;
    if (b[p++] !== OPEN) return -1;
    let seen = 0;
    let op = -1;
    let iovaHi = 0;
    let iovaLo = 0;
    let paddrHi = 0;
    let paddrLo = 0;
    let size = 0;
    let count = 0;
    let prot = PROT_DEFAULT;
    let domain = NONE;
    let thread = NONE;
    let flags = FLAG_PROT_ASSUMED;

    for (;;) {
      let c = b[p++];
      while (c === SPACE || c === TAB) c = b[p++];
      if (c !== QUOTE) return -1;
      const keyStart = p;
      // Plain bytes up to the closing quote; anything that needs decoding goes the slow way.
      do {
        c = b[p++];
        if (c < SPACE || c > 0x7e || c === BACKSLASH) return -1;
      } while (c !== QUOTE);
      const keyLength = p - 1 - keyStart;
      let bit = 0;
      if (keyLength < 16) {
        const at = KEY_AT[b[keyStart] * 16 + keyLength];
        if (at >= 0) {
          const text = KEY_TEXT[at];
          let i = 1;
          while (i < keyLength && b[keyStart + i] === text.charCodeAt(i)) i++;
          if (i === keyLength) bit = KEY_BIT[at];
        }
      }
      if ((seen & bit) !== 0) return -1;
      seen |= bit;
      c = b[p++];
      while (c === SPACE || c === TAB) c = b[p++];
      if (c !== COLON) return -1;
      c = b[p++];
      while (c === SPACE || c === TAB) c = b[p++];

      if (c === QUOTE) {
        if (bit === K_IOVA || bit === K_PADDR) {
          if (b[p] !== ZERO || b[p + 1] !== 0x78) return -1;
          p += 2;
          const digits = p;
          let hi = 0;
          let lo = 0;
          let digit = HEX_VALUE[b[p]];
          while (digit >= 0) {
            hi = (hi << 4) | (lo >>> 28);
            lo = (lo << 4) | digit;
            digit = HEX_VALUE[b[++p]];
          }
          const length = p - digits;
          if (length === 0 || length > 16 || b[p++] !== QUOTE) return -1;
          if (bit === K_IOVA) {
            iovaHi = hi;
            iovaLo = lo;
          } else {
            paddrHi = hi;
            paddrLo = lo;
            flags |= FLAG_HAS_PADDR;
          }
        } else {
          const valueStart = p;
          do {
            c = b[p++];
            if (c < SPACE || c > 0x7e || c === BACKSLASH) return -1;
          } while (c !== QUOTE);
          const valueEnd = p - 1;
          if (bit === K_OP) {
            op = opAt(b, valueStart, valueEnd);
            if (op < 0) return -1;
          } else if (bit === K_DOMAIN) domain = this.#domain.indexOf(b, valueStart, valueEnd);
          else if (bit === K_THREAD) thread = this.#thread.indexOf(b, valueStart, valueEnd);
          else if (bit === K_PROT) {
            prot = 0;
            for (let i = valueStart; i < valueEnd; i++) {
              const letter = PROT_BIT[b[i]];
              if (letter === 0 || (prot & letter) !== 0) return -1;
              prot |= letter;
            }
            flags &= ~FLAG_PROT_ASSUMED;
          } else if (bit === K_GATHER) {
            if (b[valueStart] === 0x71 && textIs(b, valueStart, valueEnd, 'queued')) flags |= FLAG_GATHER_QUEUED;
            else if (textIs(b, valueStart, valueEnd, 'none')) flags |= FLAG_GATHER_NONE;
            else return -1;
          } else if (bit !== K_COMMENT && bit !== K_QUEUE && bit !== 0) return -1;
        }
      } else if (c >= ZERO && c <= NINE) {
        let value = c - ZERO;
        const digits = p;
        c = b[p];
        while (c >= ZERO && c <= NINE) {
          value = value * 10 + (c - ZERO);
          c = b[++p];
        }
        // Longer numbers might be rounded; a leading zero is not JSON.
        if (p - digits > 14 || (p > digits && b[digits - 1] === ZERO)) return -1;
        if (bit === K_SIZE || bit === K_PGSIZE) size = value;
        else if (bit === K_PGCOUNT || bit === K_NTH) count = value;
        else if (bit === K_PROT) {
          if (value > 0xffffffff) return -1;
          prot = value & 63;
          flags &= ~FLAG_PROT_ASSUMED;
        } else if (bit === K_THREAD) thread = this.#thread.indexOf(b, digits - 1, p);
        else if (bit !== K_TS && bit !== K_END && bit !== K_QUEUE && bit !== 0) return -1;
      } else if (c === 0x74) {
        if (b[p] !== 0x72 || b[p + 1] !== 0x75 || b[p + 2] !== 0x65) return -1;
        p += 3;
        if (bit === K_CLEAR) flags |= FLAG_CLEAR;
        else if (bit !== 0) return -1;
      } else if (c === 0x66) {
        if (b[p] !== 0x61 || b[p + 1] !== 0x6c || b[p + 2] !== 0x73 || b[p + 3] !== 0x65) return -1;
        p += 4;
        if (bit !== K_CLEAR && bit !== 0) return -1;
      } else return -1;

      c = b[p++];
      while (c === SPACE || c === TAB) c = b[p++];
      if (c === COMMA) continue;
      if (c === CLOSE) break;
      return -1;
    }
    let c = b[p++];
    while (c === SPACE || c === TAB) c = b[p++];
    if (c === CR) c = b[p++];
    if (c !== LF || op < 0) return -1;
    if ((seen & NEEDED[op]) !== NEEDED[op] || (seen & ~ALLOWED[op]) !== 0) return -1;
    // "none" belongs to raw calls only.
    if (op === E.OP_UNMAP && (flags & FLAG_GATHER_NONE) !== 0) return -1;
    if (op === E.OP_FAIL_ALLOC && count < 1) return -1;
    if (op !== E.OP_MAP && op !== E.OP_MAP_PAGES) {
      flags &= ~FLAG_PROT_ASSUMED;
      prot = 0;
    }

    const writer = this.#writer;
    const i = writer.next();
    const batch = writer.batch;
    batch.op[i] = op;
    batch.flags[i] = flags;
    batch.prot[i] = prot;
    batch.domain[i] = domain;
    batch.thread[i] = thread;
    batch.iovaHi[i] = iovaHi;
    batch.iovaLo[i] = iovaLo;
    batch.paddrHi[i] = paddrHi;
    batch.paddrLo[i] = paddrLo;
    batch.size[i] = size;
    batch.count[i] = count;
    batch.line[i] = lineNumber;
    return p;
  }
}

function textIs(b: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (b[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

function opAt(b: Buffer, start: number, end: number): number {
  const candidates = OPS_BY_LENGTH[end - start];
  if (candidates === undefined) return -1;
  for (let i = 0; i < candidates.length; i++) if (textIs(b, start, end, E.OPS[candidates[i]])) return candidates[i];
  return -1;
}
