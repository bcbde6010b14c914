import { hexHi, hexLo, TWO_32 } from '../base/u64.ts';

/** Multiples of it are exact as doubles up to 2^64. */
export const PAGE_4K = 4096;
/** The first address that 64 bits do not hold. */
export const ADDRESS_END = 2 ** 64;

/**
 * The address of a hex text as a double: exact below 2^53 and for multiples of 4096; of others above 2^53 only the page
 * is kept, and that they are no multiple of it.
 */
export function addressNumber(text: string): number {
  return addressFrom(hexHi(text), hexLo(text));
}

/** As `addressNumber`, from two halves, signed or not. */
export function addressFrom(hi: number, lo: number): number {
  const high = (hi >>> 0) * TWO_32;
  const offset = (lo & (PAGE_4K - 1)) >>> 0;
  if (offset === 0 || high < 2 ** 53) return high + (lo >>> 0);
  return high + (lo >>> 0) - offset + PAGE_4K / 2;
}

/** An address that `addressFrom` made, in hex; of one it could not keep, the page. */
export function addressHex(address: number): string {
  return `0x${BigInt(address).toString(16)}`;
}

/** The largest power of two that divides both; of zeros 2^52. Both are integers below 2^53 or multiples of 4096. */
export function commonAlignment(a: number, b: number): number {
  let size = 2 ** 52;
  while (size > 1 && (a % size !== 0 || b % size !== 0)) size /= 2;
  return size;
}
