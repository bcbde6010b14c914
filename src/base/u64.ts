/**
 * 64-bit addresses as two unsigned 32-bit halves. A double holds 53 bits, which is not enough for TTBR1 addresses and
 * inclusive ends, and bigint costs tens of nanoseconds an operation; two halves cost nothing.
 * Sizes and byte counts are doubles below 2^53.
 */

export const TWO_32 = 4294967296;

/** Low half of `(hi:lo) + size`, modulo 2^64. `size` is an integer in [0, 2^53). */
export function addLo(lo: number, size: number): number {
  return (lo + size) >>> 0;
}

/** High half of `(hi:lo) + size`, modulo 2^64. */
export function addHi(hi: number, lo: number, size: number): number {
  return (hi + Math.floor((lo + size) / TWO_32)) >>> 0;
}

/** -1, 0 or 1 as `a` is below, equal to or above `b`. */
export function compare64(aHi: number, aLo: number, bHi: number, bLo: number): number {
  if (aHi !== bHi) return aHi < bHi ? -1 : 1;
  if (aLo !== bLo) return aLo < bLo ? -1 : 1;
  return 0;
}

/** `(aHi:aLo) - (bHi:bLo)` as a double; exact when the distance is below 2^53. */
export function distance64(aHi: number, aLo: number, bHi: number, bLo: number): number {
  return (aHi - bHi) * TWO_32 + (aLo - bLo);
}

/** Lower-case hex with `0x` and without leading zeros: the form of every address in JSON. */
export function hex64(hi: number, lo: number): string {
  if (hi === 0) return `0x${(lo >>> 0).toString(16)}`;
  return `0x${(hi >>> 0).toString(16)}${(lo >>> 0).toString(16).padStart(8, '0')}`;
}

/** Hex padded with zeros to `digits` after `0x`, for aligned columns. */
export function hex64Padded(hi: number, lo: number, digits: number): string {
  return `0x${hex64(hi, lo).slice(2).padStart(digits, '0')}`;
}

/** A double in [0, 2^53) as hex. */
export function hexNumber(value: number): string {
  return `0x${value.toString(16)}`;
}

const HEX = /^0x[0-9a-fA-F]{1,16}$/;

/** True for `0x` and 1 to 16 hex digits. */
export function isHex64(text: string): boolean {
  return HEX.test(text);
}

/** High half of a text that `isHex64` accepts. */
export function hexHi(text: string): number {
  return text.length > 10 ? Number.parseInt(text.slice(2, -8), 16) : 0;
}

/** Low half of a text that `isHex64` accepts. */
export function hexLo(text: string): number {
  return Number.parseInt(text.length > 10 ? text.slice(-8) : text.slice(2), 16);
}

/** A bitmap in hex as a double, less the bits from 2^53 up: no page is that large. */
export function hexBitmap(text: string): number {
  return (hexHi(text) & 0x1fffff) * TWO_32 + hexLo(text);
}

/** An address as one value, for places that are not on the hot path. */
export interface Address {
  readonly hi: number;
  readonly lo: number;
}

/** Two halves, signed or not, as one value. */
export function address(hi: number, lo: number): Address {
  return { hi: hi >>> 0, lo: lo >>> 0 };
}

/** The address that a hex text names, null when it is none. */
export function parseAddress(text: string): Address | null {
  return isHex64(text) ? { hi: hexHi(text), lo: hexLo(text) } : null;
}

/** Splits an integer double in [0, 2^53) into an address. */
export function addressOf(value: number): Address {
  return { hi: Math.floor(value / TWO_32), lo: value >>> 0 };
}

/** floor(log2(n)) for an integer n in [1, 2^53). */
export function log2Floor(n: number): number {
  return n >= TWO_32 ? 63 - Math.clz32(Math.floor(n / TWO_32)) : 31 - Math.clz32(n);
}

/** True for 1, 2, 4 ... 2^52. */
export function isPowerOfTwo(n: number): boolean {
  if (!Number.isSafeInteger(n) || n < 1) return false;
  return n === 2 ** log2Floor(n);
}
