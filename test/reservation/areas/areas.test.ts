import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Areas } from '../../../src/reservation/areas/areas.ts';
import { LiveRanges } from '../../../src/reservation/areas/live-ranges.ts';
import { G, M, PAGE } from '../fixture.ts';

describe('areas', () => {
  it('stand from the first map to the last unmap', () => {
    const areas = new Areas();
    const [one] = areas.open(0, G, 4 * M);
    expect(one).toMatchObject({ id: 'area-1', iovaHi: 0, iovaLo: G, size: 4 * M });
    expect(areas.open(0, G + M, M)).toEqual([]);
    areas.mapped(0, G, 4 * M);
    expect(areas.at(0, G + 4 * M - 1)).toBe(one);
    expect(areas.at(0, G + 4 * M)).toBe(null);
    expect(areas.unmapped(0, G, M)).toEqual([]);
    expect(areas.unmapped(0, G + M, 3 * M)).toEqual([one]);
    expect(areas.size).toBe(0);
    expect(areas.open(1, 0, PAGE)[0]).toMatchObject({ id: 'area-2', iovaHi: 1, iovaLo: 0 });
  });

  it('fill the gaps between others', () => {
    const areas = new Areas();
    areas.open(0, 2 * M, M);
    areas.open(0, 4 * M, M);
    const made = areas.open(0, M, 5 * M);
    expect(made.map(({ iovaLo, size }) => [iovaLo / M, size / M])).toEqual([
      [1, 1],
      [3, 1],
      [5, 1],
    ]);
    areas.mapped(0, M, 5 * M);
    expect(areas.unmapped(0, M, 5 * M).map(({ id }) => id)).toEqual(['area-3', 'area-1', 'area-4', 'area-2', 'area-5']);
  });

  it('reach to the top of 64 bits', () => {
    const areas = new Areas();
    const [top] = areas.open(0xffffffff, 0xfffff000, PAGE);
    expect(top).toMatchObject({ iovaHi: 0xffffffff, iovaLo: 0xfffff000, size: PAGE });
    areas.mapped(0xffffffff, 0xfffff000, PAGE);
    areas.drop(top);
    expect(areas.unmapped(0xffffffff, 0xfffff000, PAGE)).toEqual([]);
  });
});

it('ranges that overlap are found as a plain list finds them', () => {
  const span = fc.tuple(fc.nat({ max: 60 }), fc.integer({ min: 1, max: 30 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), span), { maxLength: 40 }), span, (steps, [from, length]) => {
      const ranges = new LiveRanges<{ start: number; end: number }>();
      let plain: { start: number; end: number }[] = [];
      for (const [add, [start, size]] of steps) {
        if (add || plain.length === 0) {
          const range = { start, end: start + size };
          ranges.add(range);
          plain.push(range);
        } else {
          const [gone] = plain.splice(start % plain.length, 1);
          ranges.remove(gone);
        }
      }
      plain = plain.sort((a, b) => a.start - b.start);
      expect(ranges.size).toBe(plain.length);
      expect([...ranges].map(({ start }) => start)).toEqual(plain.map(({ start }) => start));
      const end = from + length;
      const found = new Set<object>();
      ranges.forEach(from, end, (range) => found.add(range));
      expect(found).toEqual(new Set(plain.filter((range) => range.start < end && range.end > from)));
      const holes = Array.from({ length }, (_, i) => from + i).filter(
        (at) => !plain.some((range) => range.start <= at && at < range.end),
      );
      expect(ranges.covers(from, end)).toBe(holes.length === 0);
    }),
    { seed: 5, numRuns: 500 },
  );
});
