import { inputError } from '../../base/errors.ts';

/**
 * Columns of integers as short texts, for data that travels inside a page. A column is written as its greatest common
 * divisor and the differences from value to value in base-64 digits of five bits and a continuation bit; equal neighbours
 * shrink to a count. Exact for integers whose quotient by the divisor is below 2^52, so also for 64-bit addresses of pages.
 */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES: ReadonlyMap<string, number> = new Map([...DIGITS].map((digit, value) => [digit, value]));
const BASE = 32;
/** Nothing of a replay is larger; of what is no number, or beyond every range, no digits could be told. */
const MOST = 2 ** 64;

/**
 * Writes a column. Values are integers from -2^52 to 2^52 times what they all are multiples of; fractions are rounded. Documents
 * come from anywhere: whatever is no number up to 2^64 is an error.
 */
export function packColumn(column: readonly number[]): string {
  const values = column.map(whole);
  const scale = commonDivisor(values);
  const parts: string[] = [String(scale), ':'];
  let previous = 0;
  let equal = 0;
  const flush = (): void => {
    if (equal > 0) parts.push(digits(0), digits(equal - 1));
    equal = 0;
  };
  for (const value of values) {
    const step = value / scale - previous;
    previous += step;
    if (step === 0) equal++;
    else {
      flush();
      parts.push(digits(step < 0 ? -2 * step - 1 : 2 * step));
    }
  }
  flush();
  return parts.join('');
}

/** Reads what `packColumn` wrote. */
export function unpackColumn(text: string): number[] {
  const colon = text.indexOf(':');
  const scale = Number(text.slice(0, colon));
  const result: number[] = [];
  let at = colon + 1;
  const next = (): number => {
    let value = 0;
    for (let weight = 1; ; weight *= BASE) {
      const digit = VALUES.get(text[at++]) ?? 0;
      value += (digit % BASE) * weight;
      if (digit < BASE) return value;
    }
  };
  let current = 0;
  while (at < text.length) {
    const token = next();
    if (token === 0) {
      for (let left = next(); left >= 0; left--) result.push(current * scale);
    } else {
      current += token % 2 === 0 ? token / 2 : -(token + 1) / 2;
      result.push(current * scale);
    }
  }
  return result;
}

function whole(value: number): number {
  if (!Number.isFinite(value) || Math.abs(value) > MOST) {
    throw inputError(`statistics that are damaged: ${JSON.stringify(value)} where a number below 2^64 would be right`);
  }
  return Math.round(value);
}

/** Base-64 digits of a natural number, the lowest first; all but the last carry the continuation bit. */
function digits(value: number): string {
  let text = '';
  let rest = value;
  while (rest >= BASE) {
    text += DIGITS[(rest % BASE) + BASE];
    rest = Math.floor(rest / BASE);
  }
  return text + DIGITS[rest];
}

/** 1 for a column of zeros. */
function commonDivisor(values: readonly number[]): number {
  let result = 0;
  for (const value of values) {
    let [a, b] = [Math.abs(value), result];
    while (b !== 0) [a, b] = [b, a % b];
    result = a;
    if (result === 1) break;
  }
  return result === 0 ? 1 : result;
}
