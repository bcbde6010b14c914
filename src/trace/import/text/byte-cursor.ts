import { TWO_32 } from '../../../base/u64.ts';
import { BufferView } from '../../buffer-view.ts';
import { hexQuad } from '../../hex-quad.ts';

const HEX_VALUE = new Int8Array(256).fill(-1);
for (const digit of '0123456789abcdef') HEX_VALUE[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
const ZERO = 0x30;

/** The bytes of an ASCII text. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Digits of an address as the kernel prints it, `%016llx`. */
const ADDRESS_DIGITS = 16;

/** Where the parser stands in the bytes, and the address it read last. */
export class ByteCursor {
  at = 0;
  hi = 0;
  lo = 0;
  readonly #views = new BufferView();

  skip(b: Buffer, text: Uint8Array): boolean {
    const { at } = this;
    for (let i = 0; i < text.length; i++) if (b[at + i] !== text[i]) return false;
    this.at = at + text.length;
    return true;
  }

  /** 1 to 16 hex digits into `hi` and `lo`. */
  hex(b: Buffer): boolean {
    const view = this.#views.of(b);
    const { at } = this;
    if (at + ADDRESS_DIGITS >= view.byteLength) return this.#hex(b);
    const first = hexQuad(view.getInt32(at));
    const second = hexQuad(view.getInt32(at + 4));
    const third = hexQuad(view.getInt32(at + 8));
    const fourth = hexQuad(view.getInt32(at + 12));
    if ((first | second | third | fourth) < 0 || HEX_VALUE[b[at + ADDRESS_DIGITS]] >= 0) return this.#hex(b);
    this.hi = ((first << 16) | second) >>> 0;
    this.lo = ((third << 16) | fourth) >>> 0;
    this.at = at + ADDRESS_DIGITS;
    return true;
  }

  /** Any number of digits, one by one. */
  #hex(b: Buffer): boolean {
    const start = this.at;
    let at = start;
    let digit = HEX_VALUE[b[at]];
    let first = 0;
    for (let stop = at + 8; digit >= 0 && at < stop; digit = HEX_VALUE[b[++at]]) first = (first << 4) | digit;
    let rest = 0;
    let bits = 0;
    for (; digit >= 0 && bits < 32; digit = HEX_VALUE[b[++at]]) {
      rest = (rest << 4) | digit;
      bits += 4;
    }
    this.at = at;
    // Shifts are taken modulo 32.
    this.hi = bits === 0 ? 0 : bits === 32 ? first >>> 0 : first >>> (32 - bits);
    this.lo = bits === 32 ? rest >>> 0 : ((first << bits) | rest) >>> 0;
    return at > start && !(digit >= 0);
  }

  /** Goes behind hex digits, at least one. */
  skipHex(b: Buffer): boolean {
    const start = this.at;
    let at = start;
    while (HEX_VALUE[b[at]] >= 0) at++;
    this.at = at;
    return at > start;
  }

  /** Up to 15 decimal digits, which a double holds exactly; -1 for anything else. */
  decimal(b: Buffer): number {
    const start = this.at;
    let at = start;
    let value = 0;
    while (b[at] >= 0x30 && b[at] <= 0x39) value = value * 10 + b[at++] - 0x30;
    this.at = at;
    return at > start && at - start <= 15 ? value : -1;
  }

  /** A number of bytes or pages: decimal, or hex behind `0x`; -1 when it is none or a double cannot hold it exactly. */
  number(b: Buffer): number {
    if (b[this.at] !== ZERO || b[this.at + 1] !== 0x78) return this.decimal(b);
    this.at += 2;
    if (!this.hex(b) || this.hi > 0x1fffff) return -1;
    return this.hi * TWO_32 + this.lo;
  }
}
