import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveRanges, type Ranged } from '../../../src/reservation/areas/live-ranges.ts';

type Step = readonly [kind: 'add' | 'remove' | 'look', start: number, size: number];

describe('ranges by their start', () => {
  it('are those of a plain list, however many, overlapping, nested and of one start', () => {
    const step: fc.Arbitrary<Step> = fc.tuple(
      fc.constantFrom('add', 'add', 'add', 'remove', 'look'),
      fc.nat(400),
      fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 300 })),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 600, maxLength: 1500, size: 'max' }), (steps) => {
        const ranges = new LiveRanges<Ranged>();
        const plain: Ranged[] = [];
        for (const [kind, start, size] of steps) {
          const end = start + size;
          if (kind === 'add') {
            const range = { start, end };
            ranges.add(range);
            const at = plain.findIndex((other) => other.start > start);
            plain.splice(at < 0 ? plain.length : at, 0, range);
          } else if (kind === 'remove' && plain.length > 0) {
            const [range] = plain.splice((start * 7 + size) % plain.length, 1);
            ranges.remove(range);
          } else {
            const met: Ranged[] = [];
            ranges.forEach(start, end, (range) => met.push(range));
            expect(met).toEqual(plain.filter((range) => range.start < end && range.end > start));
            let covered = start;
            for (const range of plain) if (range.start <= covered && range.end > covered) covered = range.end;
            expect(ranges.covers(start, end)).toBe(covered >= end);
          }
        }
        expect(ranges.size).toBe(plain.length);
        // The very same objects, not only the like.
        expect([...ranges].every((range, at) => range === plain[at])).toBe(true);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  it('come and go by the hundred thousand', () => {
    const ranges = new LiveRanges<Ranged>();
    const all = Array.from({ length: 100_000 }, (_, i) => ({ start: (i * 7919) % 1_000_003, end: 2_000_000 }));
    for (const range of all) ranges.add(range);
    let first: Ranged | null = null;
    ranges.forEach(0, 1, (range) => {
      first = range;
    });
    expect(first).toBe(all[0]);
    for (const range of all) ranges.remove(range);
    expect([ranges.size, [...ranges].length, ranges.covers(0, 1)]).toEqual([0, 0, false]);
  });
});
