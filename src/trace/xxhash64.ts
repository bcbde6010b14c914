import { TWO_32 } from '../base/u64.ts';

/*
 * XXH64 with seed 0, the checksum of zstd frames (xxHash specification, "XXH64 algorithm description"). A 64-bit value
 * is two halves; a product goes through 16-bit pieces, since a double holds 53 bits and bigint is ten times slower.
 */

const STRIPE = 32;
const PRIME1 = [0x9e3779b1, 0x85ebca87] as const;
const PRIME2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const PRIME3 = [0x165667b1, 0x9e3779f9] as const;
const PRIME4 = [0x85ebca77, 0xc2b2ae63] as const;
const PRIME5 = [0x27d4eb2f, 0x165667c5] as const;
type Prime = readonly [number, number];

/** High half of the last result; the low half is what the function returns. */
let high = 0;

function multiply(aHi: number, aLo: number, [bHi, bLo]: Prime): number {
  const a0 = aLo & 0xffff;
  const a1 = aLo >>> 16;
  const b0 = bLo & 0xffff;
  const b1 = bLo >>> 16;
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 65536) + Math.floor(cross / 65536);
  high = (carry + Math.imul(aHi, bLo) + Math.imul(aLo, bHi)) | 0;
  return (cross << 16) | (low & 0xffff);
}

function rotate(hi: number, lo: number, by: number): number {
  if (by >= 32) {
    high = by === 32 ? lo : (lo << (by - 32)) | (hi >>> (64 - by));
    return by === 32 ? hi : (hi << (by - 32)) | (lo >>> (64 - by));
  }
  high = (hi << by) | (lo >>> (32 - by));
  return (lo << by) | (hi >>> (32 - by));
}

function add(aHi: number, aLo: number, bHi: number, bLo: number): number {
  const sum = (aLo >>> 0) + (bLo >>> 0);
  high = (aHi + bHi + (sum > 0xffffffff ? 1 : 0)) | 0;
  return sum | 0;
}

/** One round: `rotl(acc + input * PRIME2, 31) * PRIME1`. */
function round(accHi: number, accLo: number, inHi: number, inLo: number): number {
  let lo = multiply(inHi, inLo, PRIME2);
  lo = add(accHi, accLo, high, lo);
  lo = rotate(high, lo, 31);
  return multiply(high, lo, PRIME1);
}

/** The round that folds an accumulator, or eight bytes, into the hash. */
function merge(hashHi: number, hashLo: number, hi: number, lo: number): number {
  const folded = round(0, 0, hi, lo);
  const low = multiply(hashHi ^ high, hashLo ^ folded, PRIME1);
  return add(high, low, PRIME4[0], PRIME4[1]);
}

/** Hashes bytes that come in pieces. */
export class XxHash64 {
  /** Four accumulators as halves: prime1 + prime2, prime2, 0, -prime1. */
  readonly #hi = new Int32Array([0x60ea27ee, 0xc2b2ae3d, 0, 0x61c8864e]);
  readonly #lo = new Int32Array([0xadc0b5d6, 0x27d4eb4f, 0, 0x7a143579]);
  readonly #rest = Buffer.alloc(STRIPE);
  #restBytes = 0;
  #total = 0;

  update(bytes: Uint8Array): void {
    const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#total += b.length;
    let at = 0;
    if (this.#restBytes > 0) {
      at = b.copy(this.#rest, this.#restBytes, 0, STRIPE - this.#restBytes);
      this.#restBytes += at;
      if (this.#restBytes < STRIPE) return;
      this.#stripe(this.#rest, 0);
    }
    for (; at + STRIPE <= b.length; at += STRIPE) this.#stripe(b, at);
    this.#restBytes = b.copy(this.#rest, 0, at);
  }

  /** The low 32 bits of the hash of everything so far, unsigned: what zstd stores. */
  low32(): number {
    let lo = this.#total >= STRIPE ? this.#fold() : add(0, 0, PRIME5[0], PRIME5[1]);
    lo = add(high, lo, Math.floor(this.#total / TWO_32), this.#total | 0);
    const rest = this.#rest;
    let at = 0;
    for (; at + 8 <= this.#restBytes; at += 8) {
      const hashHi = high;
      const folded = round(0, 0, rest.readInt32LE(at + 4), rest.readInt32LE(at));
      lo = rotate(hashHi ^ high, lo ^ folded, 27);
      lo = multiply(high, lo, PRIME1);
      lo = add(high, lo, PRIME4[0], PRIME4[1]);
    }
    if (at + 4 <= this.#restBytes) {
      const hashHi = high;
      const folded = multiply(0, rest.readInt32LE(at), PRIME1);
      lo = rotate(hashHi ^ high, lo ^ folded, 23);
      lo = multiply(high, lo, PRIME2);
      lo = add(high, lo, PRIME3[0], PRIME3[1]);
      at += 4;
    }
    for (; at < this.#restBytes; at++) {
      const hashHi = high;
      const folded = multiply(0, rest[at], PRIME5);
      lo = rotate(hashHi ^ high, lo ^ folded, 11);
      lo = multiply(high, lo, PRIME1);
    }
    // The last mixing: shifts by 33, 29 and 32, a product after each of the first two.
    lo = multiply(high, lo ^ (high >>> 1), PRIME2);
    lo = multiply(high ^ (high >>> 29), lo ^ ((lo >>> 29) | (high << 3)), PRIME3);
    return (lo ^ high) >>> 0;
  }

  #stripe(b: Buffer, at: number): void {
    const hi = this.#hi;
    const lo = this.#lo;
    for (let lane = 0; lane < 4; lane++) {
      const place = at + lane * 8;
      const inLo = b[place] | (b[place + 1] << 8) | (b[place + 2] << 16) | (b[place + 3] << 24);
      const inHi = b[place + 4] | (b[place + 5] << 8) | (b[place + 6] << 16) | (b[place + 7] << 24);
      lo[lane] = round(hi[lane], lo[lane], inHi, inLo);
      hi[lane] = high;
    }
  }

  #fold(): number {
    let sumHi = 0;
    let sumLo = 0;
    const turns = [1, 7, 12, 18];
    for (let lane = 0; lane < 4; lane++) {
      const lo = rotate(this.#hi[lane], this.#lo[lane], turns[lane]);
      sumLo = add(sumHi, sumLo, high, lo);
      sumHi = high;
    }
    for (let lane = 0; lane < 4; lane++) {
      sumLo = merge(sumHi, sumLo, this.#hi[lane], this.#lo[lane]);
      sumHi = high;
    }
    high = sumHi;
    return sumLo;
  }
}
