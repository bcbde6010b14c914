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
 * The nanoseconds in `b[start..end)`, which is `seconds.fraction` with 1 to 9 digits behind the point; NO_STAMP for
 * anything else (clocks that count print an integer) and for times of 2^53 nanoseconds, some 104 days, or more. Both
 * parts are read as integers of 32 bits, which is quick and rounds nothing.
 */
export function nanoseconds(b: Uint8Array, start: number, end: number): number {
  let at = start;
  let seconds = 0;
  while (at < end && b[at] !== DOT) {
    const digit = b[at++] - ZERO;
    if (digit < 0 || digit > 9) return NO_STAMP;
    seconds = (seconds * 10 + digit) | 0;
  }
  const point = at++;
  let fraction = 0;
  while (at < end) {
    const digit = b[at++] - ZERO;
    if (digit < 0 || digit > 9) return NO_STAMP;
    fraction = (fraction * 10 + digit) | 0;
  }
  const digits = end - point - 1;
  if (point === start || point - start > SECONDS_DIGITS || digits < 1 || digits > FRACTION_DIGITS) return NO_STAMP;
  const value = seconds * 1e9 + fraction * SCALE[digits];
  return value <= Number.MAX_SAFE_INTEGER ? value : NO_STAMP;
}
