import { PROT_LETTERS } from '../../base/vocabulary.ts';

/*
 * What single bytes of a line mean to the fast path.
 */

export const QUOTE = 0x22;
export const COLON = 0x3a;
export const SPACE = 0x20;
export const TAB = 0x09;
const BACKSLASH = 0x5c;
const LAST_PRINTABLE = 0x7e;

/** Value of a hex digit, -1 for any other byte. */
export const HEX_VALUE = new Int8Array(256).fill(-1);
for (const digit of '0123456789abcdefABCDEF') HEX_VALUE[digit.charCodeAt(0)] = Number.parseInt(digit, 16);

/** IOMMU_* bit of a letter of a protection, 0 for any other byte. */
export const PROT_BIT = new Uint8Array(256);
for (const [letter, bit] of Object.entries(PROT_LETTERS)) PROT_BIT[letter.charCodeAt(0)] = bit;

/** Bytes of a text that stand for themselves: printable ASCII without quote and backslash. */
export const PLAIN = new Uint8Array(256);
for (let byte = SPACE; byte <= LAST_PRINTABLE; byte++) if (byte !== QUOTE && byte !== BACKSLASH) PLAIN[byte] = 1;
