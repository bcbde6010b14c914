import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_STAMP, nanoseconds, TimeStamp } from '../../../../src/trace/import/text/time-stamp.ts';

const stamp = new TimeStamp();
/** Nanoseconds of a time that a colon ends, and how much of it was read. */
function read(text: string): { value: number; length: number } {
  const length = stamp.read(Buffer.from(`..${text}:`), 2) - 2;
  return { value: nanoseconds(stamp.seconds, stamp.nanos), length };
}

describe('time stamps', () => {
  it('are exact, as far as numbers are', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 99_999_999 }),
        fc.nat({ max: 999_999_999 }),
        fc.integer({ min: 1, max: 9 }),
        (s, f, n) => {
          const fraction = String(f).padStart(9, '0').slice(0, n);
          const exact = BigInt(s) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
          const { value, length } = read(`${s}.${fraction}`);
          expect(BigInt(value)).toBe(exact <= BigInt(Number.MAX_SAFE_INTEGER) ? exact : BigInt(NO_STAMP));
          expect(length).toBe(`${s}.${fraction}`.length);
        },
      ),
    );
  });

  it.each([
    ['0.000000', 0],
    ['9007199.254740991', Number.MAX_SAFE_INTEGER],
    ['9007199.254740992', NO_STAMP],
    ['0000001.5', 1_500_000_000],
    ['12345678.5', NO_STAMP],
    ['1700000000.123456789', NO_STAMP],
    [`${'9'.repeat(400)}.1`, NO_STAMP],
    ['1.0000000001', NO_STAMP],
    ['4711', NO_STAMP],
    ['26400us', NO_STAMP],
    ['1.', NO_STAMP],
    ['.5', NO_STAMP],
    ['', NO_STAMP],
  ])('%s', (text, value) => {
    expect(read(text).value).toBe(value);
  });
});
