import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/base/edit-distance.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['map', 'map', 0],
    ['map', 'mpa', 2],
    ['unmap', 'map', 2],
    ['', 'walk', 4],
  ])('of %j and %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is a distance', () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('nearest', () => {
  const names = ['kernel', 'reserve', 'reserve-counted', 'pool', '7.1', '6.12', 'pvr'];
  it.each([
    ['resrve', 'reserve'],
    ['RESERVE-COUNTD', 'reserve-counted'],
    ['ker', 'kernel'],
    ['pol', 'pool'],
    ['6.1', '6.12'],
    ['prv', null],
    ['res', null],
    ['xe', null],
    ['', null],
    ['lucky', null],
    ['k'.repeat(1000), null],
  ])('of %j is %j', (written, wanted) => {
    expect(nearest(written, names)).toBe(wanted);
  });
});
