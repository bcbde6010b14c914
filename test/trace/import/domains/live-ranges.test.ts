import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PageRange } from '../../../../src/trace/import/domains/huge-ranges.ts';
import { LiveRanges } from '../../../../src/trace/import/domains/live-ranges.ts';

/** The same, page range by page range in a list. */
class Naive {
  list: PageRange[] = [];

  add(page: number, pages: number): void {
    this.remove(page, pages);
    if (pages > 0) this.list.push({ page, pages });
  }

  remove(page: number, pages: number): void {
    if (pages <= 0) return;
    this.list = this.list.flatMap((range) => {
      const end = range.page + range.pages;
      if (end <= page || range.page >= page + pages) return [range];
      return [
        { page: range.page, pages: page - range.page },
        { page: page + pages, pages: end - page - pages },
      ].filter((rest) => rest.pages > 0);
    });
  }

  livePages(page: number, pages: number): number {
    let at = page;
    for (let found = this.first(at, 1); found !== null && at < page + pages; found = this.first(at, 1))
      at = found.page + found.pages;
    return Math.min(at, page + pages) - page;
  }

  first(page: number, pages: number): PageRange | null {
    const meeting = this.list.filter((range) => range.page < page + pages && range.page + range.pages > page);
    return meeting.sort((a, b) => a.page - b.page)[0] ?? null;
  }
}

const BASES = [0, 2 ** 20 - 600, 2 ** 40, 2 ** 52 - 300_000];
const page = fc
  .tuple(fc.constantFrom(...BASES), fc.oneof(fc.nat(40), fc.nat(1100), fc.nat(150_000)))
  .map(([a, b]) => a + b);
const pages = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }) },
  fc.integer({ min: 1, max: 1500 }),
  fc.constantFrom(32_768, 32_769, 100_000, 2 ** 40),
);
const step = fc.record({ add: fc.boolean(), page, pages });

describe('live ranges', () => {
  it('are those of a plain list', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.array(fc.tuple(page, pages), { maxLength: 20 }),
        (steps, asked) => {
          const ours = new LiveRanges();
          const naive = new Naive();
          const look = (at: number, length: number): void => {
            const first = naive.first(at, length);
            expect(ours.firstOverlap(at, length)).toEqual(first);
            expect(ours.overlaps(at, length)).toBe(first !== null);
            expect(ours.livePages(at, length)).toBe(naive.livePages(at, length));
            expect(ours.isExactly(at, length)).toBe(first !== null && first.page === at && first.pages === length);
          };
          for (const { add, page: at, pages: length } of steps) {
            look(at, length);
            if (add) {
              ours.add(at, length);
              naive.add(at, length);
            } else {
              ours.remove(at, length);
              naive.remove(at, length);
            }
            look(at, length);
          }
          for (const [at, length] of asked) look(at, length);
          const byPage = (a: PageRange, b: PageRange): number => a.page - b.page;
          expect(ours.all().sort(byPage)).toEqual([...naive.list].sort(byPage));
          for (const range of naive.list) look(range.page, range.pages);
        },
      ),
      { numRuns: 1000, seed: 11 },
    );
  });

  it('take their memory back: a million ranges that come and go', () => {
    const ranges = new LiveRanges();
    const start = performance.now();
    for (let i = 0; i < 1_000_000; i++) {
      ranges.add(i * 511, 3);
      if (i >= 1000) ranges.remove((i - 1000) * 511, 3);
    }
    expect(ranges.firstOverlap(0, 999_000 * 511)).toBeNull();
    expect(ranges.isExactly(999_000 * 511, 3)).toBe(true);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('are quick where they are huge', () => {
    const ranges = new LiveRanges();
    const start = performance.now();
    for (let i = 0; i < 3000; i++) {
      ranges.add(i * 2 ** 20, 2 ** 51);
      ranges.add(i * 2 ** 20 + 5, 7);
      ranges.remove(0, 2 ** 51);
    }
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
