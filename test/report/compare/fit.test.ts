import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, fitted, type Listing, leastBytes } from '../../../src/report/markup/fit.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((line) => line.replace(/[[\]\n]/g, '.'));
const listing = fc.tuple(text, fc.array(text, { maxLength: 20 }), text).map(
  ([head, rows, tail]): Listing => ({
    head: `${head}\n`,
    rows: rows.map((row, at) => `[${at}${row}]\n`),
    tail: `${tail}\n`,
    rest: (left) => `[${left} more]\n`,
  }),
);

describe('parts that are to fit', () => {
  it('never take more than their limit, and leave out whole rows from the end only where there is no room', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text, listing), { maxLength: 6 }), fc.nat(400), (parts, more) => {
        const limit = leastBytes(parts) + more;
        const result = fitted(parts, limit);
        expect(bytesOf(result)).toBeLessThanOrEqual(limit);
        let at = 0;
        const take = (expected: string): void => {
          expect(result.startsWith(expected, at)).toBe(true);
          at += expected.length;
        };
        for (const part of parts) {
          if (typeof part === 'string') {
            take(part);
            continue;
          }
          take(part.head);
          let shown = 0;
          for (; shown < part.rows.length && result.startsWith(part.rows[shown], at); shown++) take(part.rows[shown]);
          if (shown < part.rows.length) {
            take(part.rest(part.rows.length - shown));
            // What was left out first would not have fitted: the room of all `rest` texts is kept, used or not.
            expect(bytesOf(result) + bytesOf(part.rows[shown])).toBeGreaterThan(limit - 100);
          }
          take(part.tail);
        }
        expect(at).toBe(result.length);
      }),
      { seed: 20_263, numRuns: 500 },
    );
  });
});
