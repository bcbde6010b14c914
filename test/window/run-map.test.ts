import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunMap } from '../../src/window/run-map.ts';

const KEYS = 64;

/** The same map with one entry a key. */
class NaiveMap {
  readonly at = new Map<number, { at: number; tag: string }>();

  clear(start: number, end: number): [number, number, string][] {
    const gone: [number, number, string][] = [];
    for (let key = start; key < end; key++) {
      const old = this.at.get(key);
      if (old !== undefined) gone.push([key, old.at, old.tag]);
      this.at.delete(key);
    }
    return gone;
  }

  put(start: number, end: number, at: number, tag: string): void {
    for (let key = start; key < end; key++) this.at.set(key, { at: at + key - start, tag });
  }

  list(start = 0, end = KEYS): [number, number, string][] {
    return [...this.at]
      .filter(([key]) => key >= start && key < end)
      .map(([key, { at, tag }]): [number, number, string] => [key, at, tag])
      .sort(([a], [b]) => a - b);
  }
}

function spread(runs: RunMap<string>, start = 0, end = KEYS): [number, number, string][] {
  const list: [number, number, string][] = [];
  runs.forEach(start, end, (from, to, at, tag) => {
    for (let key = from; key < to; key++) list.push([key, at + key - from, tag]);
  });
  return list;
}

describe('a map of runs', () => {
  it('is a map of keys', () => {
    const range = fc.tuple(fc.nat(KEYS - 1), fc.nat(12));
    const step = fc.record({ range, put: fc.boolean(), at: fc.nat(200), tag: fc.constantFrom('a', 'b') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const runs = new RunMap<string>();
        const naive = new NaiveMap();
        for (const {
          range: [start, size],
          put,
          at,
          tag,
        } of steps) {
          const end = Math.min(KEYS, start + size);
          const gone: [number, number, string][] = [];
          runs.clear(start, end, (from, to, place, old) => {
            for (let key = from; key < to; key++) gone.push([key, place + key - from, old]);
          });
          expect(gone).toEqual(naive.clear(start, end));
          if (put) {
            runs.put(start, end, at, tag);
            naive.put(start, end, at, tag);
          }
          expect(spread(runs)).toEqual(naive.list());
          expect(runs.length).toBe(naive.at.size);
          expect(runs.covered(start, KEYS)).toBe(naive.list(start).length);
          expect(runs.meets(start, end)).toBe(naive.list(start, end).length > 0 && end > start);
          const found = runs.find(start);
          expect(found === null ? null : found.at + start - found.start).toBe(naive.at.get(start)?.at ?? null);
        }
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('joins what continues its neighbour and stays one run', () => {
    const runs = new RunMap<null>();
    for (let key = 0; key < 1000; key += 2) runs.put(key, key + 1, key + 5000, null);
    expect(runs.runs).toBe(500);
    for (let key = 1; key < 1000; key += 2) runs.put(key, key + 1, key + 5000, null);
    expect([runs.runs, runs.length]).toEqual([1, 1000]);
    runs.clear(400, 600);
    expect(runs.runs).toBe(2);
    expect(runs.find(600)).toMatchObject({ start: 600, end: 1000, at: 5600 });
  });

  it('keeps a set of keys, and counts those that are new', () => {
    const set = new RunMap<null>();
    expect([set.cover(10, 20, null), set.cover(15, 25, null), set.cover(12, 18, null)]).toEqual([10, 5, 0]);
    expect([set.cover(0, 100, null), set.runs]).toEqual([85, 1]);
  });

  it('stays whole over many pieces of its list', () => {
    const runs = new RunMap<string>();
    const naive = new NaiveMap();
    let at = 7;
    for (let n = 0; n < 6000; n++) {
      at = (at * 1_103_515_245 + 12_345) % 2 ** 31;
      const from = at % 20_000;
      const size = 1 + (n % 5);
      runs.clear(from, from + size);
      naive.clear(from, from + size);
      if (n % 3 !== 0) {
        runs.put(from, from + size, n, 'x');
        naive.put(from, from + size, n, 'x');
      }
    }
    expect(runs.runs).toBeGreaterThan(500);
    expect(spread(runs, 0, 30_000)).toEqual(naive.list(0, 30_000));
  });
});
