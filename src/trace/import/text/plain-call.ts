import { type Address, TWO_32 } from '../../../base/u64.ts';
import type { PgtableCall, PgtableReturn } from '../payload.ts';
import { ByteCursor, bytesOf } from './byte-cursor.ts';

/*
 * The probed calls and returns as the usual probe definitions print them, read from the bytes. Other forms are for the
 * expressions in payload.ts, which also read these.
 */

const TTBR = bytesOf(' ttbr=0x');
const IOVA = bytesOf(' iova=0x');
const PADDR = bytesOf(' paddr=0x');
const PGSIZE = bytesOf(' pgsize=');
const PGCOUNT = bytesOf(' pgcount=');
const PROT = bytesOf(' prot=');
const RET = bytesOf(' ret=');
const FROM_MAP = bytesOf(' <- arm_lpae_map_pages)');
const FROM_UNMAP = bytesOf(' <- arm_lpae_unmap_pages)');
const CLOSE = 0x29;
const OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const SPACE = 0x20;
const DASH = 0x2d;

const NOWHERE: Address = { hi: 0, lo: 0 };

/** Reads calls and returns; remembers the keys it has met. */
export class PlainCalls {
  readonly #cursor = new ByteCursor();
  readonly #keys = new Map<number, string>();

  /** What stands in `b[start..end)`, whose first byte is `(`; null for any other form. */
  parse(b: Buffer, start: number, end: number): PgtableCall | PgtableReturn | null {
    // `(arm_lpae_map_pages+0x0/0x170) ...` or `(caller+0x24/0x3c <- arm_lpae_map_pages) ...`
    let at = start + 1;
    while (at < end && b[at] !== CLOSE && b[at] !== SPACE) at++;
    if (b[at] === SPACE && b[at + 1] === OPEN) {
      // The module that the function is in: `(panthor_vm_map_pages+0x24/0x3c [panthor] <- arm_lpae_map_pages)`.
      while (at < end && b[at] !== BRACKET_CLOSE) at++;
      at++;
    }
    this.#cursor.at = at;
    if (at < end && b[at] === SPACE) return this.#return(b, end);
    this.#cursor.at = at + 1;
    return at < end && b[at] === CLOSE ? this.#call(b, end) : null;
  }

  #return(b: Buffer, end: number): PgtableReturn | null {
    const cursor = this.#cursor;
    const isMap = cursor.skip(b, FROM_MAP);
    if (!isMap && !cursor.skip(b, FROM_UNMAP)) return null;
    if (!cursor.skip(b, RET)) return null;
    const negative = b[cursor.at] === DASH;
    if (negative) cursor.at++;
    const value = cursor.number(b);
    if (value < 0 || cursor.at !== end) return null;
    // A probe without a type prints an int as it lies in the register: 0xffffffea is -22.
    const signed = negative ? 0 - value : value;
    return { kind: 'return', isMap, ret: isMap ? signed | 0 : signed };
  }

  #call(b: Buffer, end: number): PgtableCall | null {
    const cursor = this.#cursor;
    if (!cursor.skip(b, TTBR)) return null;
    const keyStart = cursor.at - 2;
    if (!cursor.hex(b)) return null;
    const key = this.#key(b, keyStart, cursor.at, cursor.hi, cursor.lo);
    if (!cursor.skip(b, IOVA) || !cursor.hex(b)) return null;
    const iova: Address = { hi: cursor.hi, lo: cursor.lo };
    let paddr = NOWHERE;
    const isMap = cursor.skip(b, PADDR);
    if (isMap) {
      if (!cursor.hex(b)) return null;
      paddr = { hi: cursor.hi, lo: cursor.lo };
    }
    const pgsize = cursor.skip(b, PGSIZE) ? cursor.number(b) : -1;
    const pgcount = pgsize >= 0 && cursor.skip(b, PGCOUNT) ? cursor.number(b) : -1;
    if (pgcount < 0 || !Number.isSafeInteger(pgsize * pgcount)) return null;
    let prot: number | null = null;
    if (cursor.skip(b, PROT)) {
      prot = cursor.number(b);
      if (prot < 0) return null;
    }
    if (cursor.at !== end) return null;
    return { kind: 'call', isMap, key, iova, paddr, pgsize, pgcount, prot, withoutGather: null };
  }

  /** The key as it is printed; one text per page table, not one per line. */
  #key(b: Buffer, start: number, end: number, hi: number, lo: number): string {
    const number = hi * TWO_32 + lo;
    if (!Number.isSafeInteger(number)) return b.toString('latin1', start, end);
    let key = this.#keys.get(number);
    if (key === undefined) {
      key = b.toString('latin1', start, end);
      this.#keys.set(number, key);
    }
    return key;
  }
}
