import { type Address, distance64, TWO_32 } from '../../../base/u64.ts';
import { hexAddress } from '../text/hex-address.ts';
import { type Stamp, UNSTAMPED } from './line-reader.ts';

/** In the place of an address that is not printed. */
export const NOWHERE: Address = { hi: 0, lo: 0 };

const HEX = /^0x[0-9a-f]{1,16}$/i;
const DECIMAL = /^\d{1,20}$/;

/** The address of decimal digits, up to 2^64 - 1; null for any other text. */
export function decimalAddress(digits: string): Address | null {
  if (!DECIMAL.test(digits)) return null;
  let hi = 0;
  let lo = 0;
  for (let at = 0; at < digits.length; at++) {
    lo = lo * 10 + digits.charCodeAt(at) - 0x30;
    hi = hi * 10 + Math.floor(lo / TWO_32);
    lo %= TWO_32;
  }
  return hi < TWO_32 ? { hi, lo } : null;
}

/** An address in decimal, in hex behind `0x`, or as the C library prints a null pointer; null for any other text. */
export function printedAddress(text: string): Address | null {
  if (text === '(nil)') return NOWHERE;
  return HEX.test(text) ? hexAddress(text.slice(2)) : decimalAddress(text);
}

/** A number of 1 to 16 hex digits, which are not checked; -1 when it is 2^53 or more. */
export function hexCount(digits: string): number {
  const { hi, lo } = hexAddress(digits);
  return hi > 0x1fffff ? -1 : hi * TWO_32 + lo;
}

/** A number below 2^53 in decimal, or in hex behind `0x`; -1 for any other text. */
export function printedCount(text: string): number {
  const value = printedAddress(text);
  return value === null || value.hi > 0x1fffff ? -1 : value.hi * TWO_32 + value.lo;
}

/** Bytes from `first` to `last`, both included; -1 when `last` comes first or they are 2^53 or more. */
export function inclusiveSize(first: Address, last: Address): number {
  const size = distance64(last.hi, last.lo, first.hi, first.lo) + 1;
  return Number.isSafeInteger(size) && size > 0 ? size : -1;
}

/** The largest number of bytes of whole pages that an event can name: no page table has as many addresses. */
export const MOST_BYTES = 2 ** 53 - 4096;

/** The time of whole seconds, and a fraction of one with 1 to 9 digits. */
export function stampOf(seconds: string, fraction: string): Stamp {
  return { seconds: Number(seconds), nanos: Number(fraction.padEnd(9, '0')) };
}

/** `2025-11-20T21:49:01.113585+01:00`, as far as the fraction and the zone are there. */
export const ISO_TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)? /y;

/**
 * Seconds since 1970 of what ISO_TIME found. Whole seconds are no stamp, as too many events share one; without a zone it
 * counts as UTC, since only distances are of interest.
 */
export function isoStamp([, clock, fraction, zone]: RegExpExecArray): Stamp {
  if (fraction === undefined) return UNSTAMPED;
  const colon = (zone ?? 'Z').replace(/(\d\d)(\d\d)$/, '$1:$2');
  const seconds = Date.parse(`${clock}${colon}`) / 1000;
  return Number.isSafeInteger(seconds) && seconds >= 0 ? stampOf(String(seconds), fraction) : UNSTAMPED;
}

/** What a sticky expression finds at `at`. */
export function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

/** Seconds from which nanoseconds are no longer exact: 104 days, more than clocks that start with the kernel often show. */
const LONGEST_UPTIME = Math.floor(Number.MAX_SAFE_INTEGER / 1e9);

/** Makes times of day relative to the first second of the input: since 1970 there were more nanoseconds than are exact. */
export class WallClock {
  #base: number | null = null;

  /** The time since the base; a time before the base is no stamp. */
  relative(stamp: Stamp): Stamp {
    if (stamp.seconds < 0) return stamp;
    this.#base ??= stamp.seconds;
    const seconds = stamp.seconds - this.#base;
    return seconds < 0 ? UNSTAMPED : { seconds, nanos: stamp.nanos };
  }

  /** Likewise for a time of which only its size tells that it is one of day. */
  relativeIfLong(stamp: Stamp): Stamp {
    return stamp.seconds < LONGEST_UPTIME ? stamp : this.relative(stamp);
  }
}
