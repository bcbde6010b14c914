import type { Address } from '../../../base/u64.ts';

/** An address of 1 to 16 hex digits, which are not checked. */
export function hexAddress(digits: string): Address {
  const cut = digits.length - 8;
  if (cut <= 0) return { hi: 0, lo: Number.parseInt(digits, 16) };
  return { hi: Number.parseInt(digits.slice(0, cut), 16), lo: Number.parseInt(digits.slice(cut), 16) };
}
