/** In place of a time where a line has none that is in seconds. */
export const NO_STAMP = -1;

const ZERO = 0x30;
const DOT = 0x2e;
/** Digits behind the point of a number of seconds, down to nanoseconds. */
const FRACTION_DIGITS = 9;
/** More digits of seconds are more than 2^53 nanoseconds. */
const SECONDS_DIGITS = 7;
/** What a fraction of so many digits is multiplied by. */
const SCALE = Int32Array.from({ length: FRACTION_DIGITS + 1 }, (_, digits) => 10 ** (FRACTION_DIGITS - digits));

/**
 * Reads a time that is `seconds.fraction` with 1 to 9 digits behind the point. Both parts are integers of 32 bits, which
 * are quick and round nothing.
 */
export class TimeStamp {
  /** Whole seconds, NO_STAMP for anything else than such a time: clocks that count print an integer. */
  seconds = NO_STAMP;
  nanos = 0;

  /** Reads at `start` of bytes that go on behind the time; returns where it stops being one. */
  read(b: Uint8Array, start: number): number {
    let at = start;
    let seconds = 0;
    let digit = b[at] - ZERO;
    while (digit >= 0 && digit <= 9) {
      seconds = (seconds * 10 + digit) | 0;
      digit = b[++at] - ZERO;
    }
    this.seconds = NO_STAMP;
    if (b[at] !== DOT) return at;
    const wholeDigits = at - start;
    const point = at;
    let nanos = 0;
    digit = b[++at] - ZERO;
    while (digit >= 0 && digit <= 9) {
      nanos = (nanos * 10 + digit) | 0;
      digit = b[++at] - ZERO;
    }
    const digits = at - point - 1;
    if (wholeDigits < 1 || wholeDigits > SECONDS_DIGITS || digits < 1 || digits > FRACTION_DIGITS) return at;
    this.seconds = seconds;
    this.nanos = nanos * SCALE[digits];
    return at;
  }
}

/** Both parts as one number of nanoseconds; NO_STAMP from 2^53 on, some 104 days, which no number holds exactly. */
export function nanoseconds(seconds: number, nanos: number): number {
  const value = seconds * 1e9 + nanos;
  return seconds >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : NO_STAMP;
}
