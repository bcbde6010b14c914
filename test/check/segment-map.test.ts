import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SegmentMap } from '../../src/check/sets/segment-map.ts';

/** Holders of items, counted. */
class Counted {
  readonly counts = new Map<number, number>();

  hold(item: number): void {
    this.counts.set(item, (this.counts.get(item) ?? 0) + 1);
  }

  drop(item: number): void {
    const left = (this.counts.get(item) ?? 0) - 1;
    if (left < 0) throw new Error(`item ${item} is dropped once too often`);
    if (left === 0) this.counts.delete(item);
    else this.counts.set(item, left);
  }
}

describe('a map of segments', () => {
  it('says of every number what an array says', () => {
    const change = fc.record({
      start: fc.integer({ min: 0, max: 2000 }),
      size: fc.integer({ min: 0, max: 60 }),
      adds: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 900 }), (changes) => {
        const holder = new Counted();
        const map = new SegmentMap(holder);
        const naive = new Int32Array(2100).fill(-1);
        changes.forEach(({ start, size, adds }, item) => {
          naive.fill(adds ? item : -1, start, start + size);
          if (adds) map.assign(start, start + size, item);
          else map.remove(start, start + size);
        });
        const seen = new Int32Array(2100).fill(-1);
        const segments = new Map<number, number>();
        let before = 0;
        map.each(0, 2100, (item, start, end) => {
          expect(start).toBeGreaterThanOrEqual(before);
          before = end;
          seen.fill(item, start, end);
          segments.set(item, (segments.get(item) ?? 0) + 1);
          return true;
        });
        expect(seen).toEqual(naive);
        for (let at = 0; at < 2100; at += 7) expect(map.at(at)).toBe(naive[at]);
        // Each segment holds its item once.
        expect(holder.counts).toEqual(segments);
        map.clear();
        expect(holder.counts.size).toBe(0);
        expect(map.isEmpty).toBe(true);
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  it('visits what meets a range and nothing else', () => {
    const map = new SegmentMap({ hold: () => {}, drop: () => {} });
    for (let at = 0; at < 1000; at++) map.assign(at * 10, at * 10 + 5, at);
    const met: number[] = [];
    map.each(25, 51, (item) => {
      met.push(item);
      return true;
    });
    expect(met).toEqual([3, 4, 5]);
  });
});
