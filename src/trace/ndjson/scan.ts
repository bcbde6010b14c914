import { PROT_DEFAULT } from '../../base/vocabulary.ts';
import * as B from '../batch.ts';
import type { BatchWriter } from '../batch-writer.ts';
import { BufferView } from '../buffer-view.ts';
import * as E from '../events.ts';
import { hexQuad } from '../hex-quad.ts';
import * as S from './scan-bytes.ts';
import * as K from './scan-keys.ts';
import { opAt, RecentNames } from './scan-names.ts';

/*
 * The fast path of the NDJSON reader: flat objects of the frequent operations, read byte by byte straight into columns,
 * keys in any order. Whatever it does not understand to the last byte it leaves to decode.ts, so it never rejects a
 * line and never accepts one that decode.ts would not.
 */

// Constants of other modules as constants of this one: the compiler takes the value of these, but looks up an import
// whenever it is used, which costs a tenth of the speed.
const {
  ALLOWED,
  K_CLEAR,
  K_COMMENT,
  K_DOMAIN,
  K_END,
  K_GATHER,
  K_IOVA,
  K_NTH,
  K_OP,
  K_PADDR,
  K_PGCOUNT,
  K_PGSIZE,
  K_PROT,
  K_QUEUE,
  K_RET,
  K_SIZE,
  K_THREAD,
  K_TS,
  KEY_BIT,
  KEY_LAST,
  KEY_LENGTH,
  KEY_SECOND,
  KEY_WORDS,
  NEEDED,
} = K;
const { HEX_VALUE, PLAIN, PROT_BIT, QUOTE, SPACE, TAB } = S;
const {
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_END,
  FLAG_HAS_PADDR,
  FLAG_HAS_RET,
  FLAG_HAS_TS,
  FLAG_PROT_ASSUMED,
  NONE,
} = B;
const { OP_FAIL_ALLOC, OP_MAP, OP_MAP_PAGES, OP_UNMAP } = E;

const COMMA = 0x2c;
const DASH = 0x2d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LF = 0x0a;
const CR = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;

/** Places in a line for which the key to expect is remembered; a power of two. */
const PLACES = 16;
/** What frequent values are, as words of four bytes. */
const [MAP_WORD, UNMA_WORD, RWC_WORD] = ['map"', 'unma', 'rwc"'].map((text) => Buffer.from(text).readInt32BE());
/** Bytes that are looked at ahead, at most. */
const REACH = 16;

/** Reads single lines of a buffer into a writer's batch, where they are plain enough. */
export class LineScanner {
  readonly #writer: BatchWriter;
  /** Rows of the keys that the last line had, by op (first: not yet known) and place in the line. */
  readonly #expected = new Uint8Array((E.LAST_COLUMN_OP + 2) * PLACES);
  readonly #domain: RecentNames;
  readonly #thread: RecentNames;
  readonly #queue: RecentNames;
  /** The protection of three letters that was read last, with its closing quote, and its bits. */
  #protWord = RWC_WORD;
  #prot = PROT_BIT[0x72] | PROT_BIT[0x77] | PROT_BIT[0x63];
  readonly #anyKey = new K.AnyKey();
  readonly #views = new BufferView();

  constructor(writer: BatchWriter) {
    this.#writer = writer;
    this.#domain = new RecentNames(writer.domains);
    this.#thread = new RecentNames(writer.threads);
    this.#queue = new RecentNames(writer.queues);
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
    let queue = NONE;
    let ts = 0;
    let end = 0;
    let ret = 0;
    let flags = FLAG_PROT_ASSUMED;
    const expected = this.#expected;

    const view = this.#views.of(b);
    const near = view.byteLength - REACH;
    for (let keys = 0; ; keys++) {
      let c = b[p];
      while (c === SPACE || c === TAB) c = b[++p];
      // The key that stood here in the last line of this op, or else whatever plain bytes lead to the closing quote;
      // anything that needs decoding goes the slow way.
      const place = (op + 1) * PLACES + (keys & (PLACES - 1));
      let row = expected[place];
      const words = row * 3;
      if (
        p <= near &&
        view.getInt32(p, true) === KEY_WORDS[words] &&
        view.getInt32(p + KEY_SECOND[row], true) === KEY_WORDS[words + 1] &&
        view.getInt32(p + KEY_LAST[row], true) === KEY_WORDS[words + 2]
      ) {
        p += KEY_LENGTH[row] + 3;
      } else {
        const colon = this.#anyKey.read(b, p);
        if (colon < 0) return -1;
        p = colon;
        row = this.#anyKey.row;
        expected[place] = row;
      }
      const bit = KEY_BIT[row];
      if ((seen & bit) !== 0) return -1;
      seen |= bit;
      c = b[p++];
      while (c === SPACE || c === TAB) c = b[p++];

      if (c === QUOTE) {
        if (bit === K_IOVA || bit === K_PADDR) {
          if (b[p] !== ZERO || b[p + 1] !== 0x78) return -1;
          p += 2;
          const digits = p;
          let hi = 0;
          let lo = 0;
          // Most addresses have eight digits or a few more: the first eight in two words, the others one by one.
          if (p <= near) {
            const first = hexQuad(view.getInt32(p));
            if (first >= 0) {
              lo = first;
              p += 4;
              const second = hexQuad(view.getInt32(p));
              if (second >= 0) {
                lo = (lo << 16) | second;
                p += 4;
              }
            }
          }
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
        } else if (bit === K_OP && p <= near && view.getInt32(p) === MAP_WORD) {
          op = OP_MAP;
          p += 4;
        } else if (bit === K_OP && p <= near && view.getInt32(p) === UNMA_WORD && view.getInt32(p + 2) === MAP_WORD) {
          op = OP_UNMAP;
          p += 6;
        } else if (bit === K_PROT && p <= near && view.getInt32(p) === this.#protWord) {
          prot = this.#prot;
          flags &= ~FLAG_PROT_ASSUMED;
          p += 4;
        } else {
          const valueStart = p;
          while (PLAIN[b[p]] === 1) p++;
          const valueEnd = p;
          if (b[p++] !== QUOTE) return -1;
          if (bit === K_OP) {
            op = opAt(b, valueStart, valueEnd);
            if (op < 0) return -1;
          } else if (bit === K_DOMAIN) domain = this.#domain.indexOf(b, valueStart, valueEnd);
          else if (bit === K_THREAD) thread = this.#thread.indexOf(b, valueStart, valueEnd);
          else if (bit === K_QUEUE) queue = this.#queue.indexOf(b, valueStart, valueEnd);
          else if (bit === K_PROT) {
            prot = 0;
            for (let i = valueStart; i < valueEnd; i++) {
              const letter = PROT_BIT[b[i]];
              if (letter === 0 || (prot & letter) !== 0) return -1;
              prot |= letter;
            }
            flags &= ~FLAG_PROT_ASSUMED;
            if (valueEnd - valueStart === 3) {
              this.#protWord = (b[valueStart] << 24) | (b[valueStart + 1] << 16) | (b[valueStart + 2] << 8) | QUOTE;
              this.#prot = prot;
            }
          } else if (bit === K_GATHER) {
            if (b[valueStart] === 0x71 && textIs(b, valueStart, valueEnd, 'queued')) flags |= FLAG_GATHER_QUEUED;
            else if (textIs(b, valueStart, valueEnd, 'none')) flags |= FLAG_GATHER_NONE;
            else return -1;
          } else if (bit !== K_COMMENT && bit !== 0) return -1;
        }
      } else if (c >= ZERO && c <= NINE) {
        const digits = p;
        let head = c - ZERO;
        c = b[p];
        // Nine digits are a number of 32 bits, which is quicker than a double.
        while (c >= ZERO && c <= NINE && p - digits < 8) {
          head = (head * 10 + (c - ZERO)) | 0;
          c = b[++p];
        }
        let value = head;
        while (c >= ZERO && c <= NINE) {
          value = value * 10 + (c - ZERO);
          c = b[++p];
        }
        // A number of 15 digits is exact; one of 16 is when it comes out below 2^53, as rounding never takes it there.
        if (p - digits > 14 && (p - digits > 15 || value > Number.MAX_SAFE_INTEGER)) return -1;
        // A leading zero is not JSON.
        if (p > digits && b[digits - 1] === ZERO) return -1;
        if (bit === K_SIZE || bit === K_PGSIZE) size = value;
        else if (bit === K_PGCOUNT || bit === K_NTH) count = value;
        else if (bit === K_TS) {
          ts = value;
          flags |= FLAG_HAS_TS;
        } else if (bit === K_END) {
          end = value;
          flags |= FLAG_HAS_END;
        } else if (bit === K_RET) {
          ret = value;
          flags |= FLAG_HAS_RET;
        } else if (bit === K_PROT) {
          if (value > 0xffffffff) return -1;
          prot = value & 63;
          flags &= ~FLAG_PROT_ASSUMED;
        } else if (bit === K_THREAD) thread = this.#thread.indexOf(b, digits - 1, p);
        else if (bit === K_QUEUE) queue = this.#queue.indexOf(b, digits - 1, p);
        else if (bit !== 0) return -1;
      } else if (c === DASH && bit === K_RET) {
        // An errno: a few digits.
        const digits = p;
        c = b[p];
        while (c >= ZERO && c <= NINE) {
          ret = ret * 10 + (c - ZERO);
          c = b[++p];
        }
        if (p === digits || p - digits > 15 || (p > digits + 1 && b[digits] === ZERO)) return -1;
        ret = 0 - ret;
        flags |= FLAG_HAS_RET;
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
    if (op === OP_UNMAP && (flags & FLAG_GATHER_NONE) !== 0) return -1;
    if (op === OP_FAIL_ALLOC && count < 1) return -1;
    if (end < ts && (flags & FLAG_HAS_END) !== 0) return -1;
    if (op !== OP_MAP && op !== OP_MAP_PAGES) {
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
    batch.queue[i] = queue;
    batch.ts[i] = ts;
    batch.end[i] = end;
    batch.iovaHi[i] = iovaHi;
    batch.iovaLo[i] = iovaLo;
    batch.paddrHi[i] = paddrHi;
    batch.paddrLo[i] = paddrLo;
    batch.size[i] = size;
    batch.count[i] = count;
    batch.ret[i] = ret;
    batch.line[i] = lineNumber;
    return p;
  }
}

function textIs(b: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (b[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
