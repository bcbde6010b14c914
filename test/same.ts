import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';

/** As expect(got, what).toBe(want), for loops in which nothing is wrong many times: `expect` alone takes microseconds. */
export function expectSame(got: unknown, want: unknown, what?: string): void {
  if (!Object.is(got, want)) expect(got, what).toBe(want);
}

/** As expect(got, what).toEqual(want), for long lists of numbers or texts. */
export function expectSameList(
  got: readonly (number | string)[],
  want: readonly (number | string)[],
  what?: string,
): void {
  let at = 0;
  if (got.length === want.length) while (at < got.length && Object.is(got[at], want[at])) at++;
  if (got.length !== want.length || at < got.length) expect(got, what).toEqual(want);
}

/** As expect(got, what).toEqual(want), for large structures that are mostly the same: what is strictly equal is equal. */
export function expectEqual(got: unknown, want: unknown, what?: string): void {
  if (!isDeepStrictEqual(got, want)) expect(got, what).toEqual(want);
}
