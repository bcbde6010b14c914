/** Delta debugging over numbers, whatever they stand for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ddmin } from '../../src/reduce/ddmin.ts';

const FOREVER = { goOn: true };
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Reduces and counts the questions. */
async function reduced(
  units: readonly number[],
  shows: (units: readonly number[]) => boolean,
): Promise<{ kept: readonly number[]; asked: number }> {
  let asked = 0;
  const kept = await ddmin(
    units,
    (some) => {
      asked++;
      return Promise.resolve(shows(some));
    },
    FOREVER,
  );
  return { kept, asked };
}

describe('ddmin', () => {
  it('finds exactly the units that are needed, wherever they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 300 })
          .chain((n) => fc.tuple(fc.constant(n), fc.uniqueArray(fc.nat({ max: n - 1 }), { maxLength: 8 }))),
        async ([n, needed]) => {
          const { kept } = await reduced(range(n), (some) => needed.every((unit) => some.includes(unit)));
          expect([...kept]).toEqual([...needed].sort((a, b) => a - b));
        },
      ),
      { numRuns: 200, seed: 11 },
    );
  });

  it('ends with a result that shows it and of which no unit can be left out, for any question', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.nat(),
        fc.integer({ min: 2, max: 5 }),
        async (n, seed, k) => {
          // Says yes to the whole, and to parts as a hash of them will have it: nothing like a monotone question.
          const shows = (some: readonly number[]): boolean => {
            if (some.length === n) return true;
            let hash = seed;
            for (const unit of some) hash = (Math.imul(hash ^ unit, 0x9e3779b1) ^ (hash >>> 13)) >>> 0;
            return hash % k === 0;
          };
          const { kept } = await reduced(range(n), shows);
          expect(shows(kept)).toBe(true);
          expect(kept.filter((unit) => shows(kept.filter((other) => other !== unit)))).toEqual([]);
        },
      ),
      { numRuns: 150, seed: 12 },
    );
  });

  it('takes few questions for few units among many', async () => {
    const needed = [17, 4_711, 23_456, 23_460, 49_999];
    const { kept, asked } = await reduced(range(50_000), (some) => {
      const all = new Set(some);
      return needed.every((unit) => all.has(unit));
    });
    expect([...kept]).toEqual(needed);
    expect(asked).toBeLessThan(250);
  });

  it('keeps nothing when nothing is needed', async () => {
    expect((await reduced(range(100), () => true)).kept).toEqual([]);
    expect((await reduced([], () => true)).kept).toEqual([]);
  });

  it('stops with the smallest found when it may ask no more', async () => {
    let asked = 0;
    const trials = {
      get goOn(): boolean {
        return asked < 5;
      },
    };
    const shows = (some: readonly number[]): boolean => some.includes(3);
    const kept = await ddmin(
      range(1024),
      (some) => {
        asked++;
        return Promise.resolve(shows(some));
      },
      trials,
    );
    expect(asked).toBe(5);
    expect(shows(kept)).toBe(true);
    // Each question finds the half that is not needed.
    expect(kept.length).toBe(32);
  });
});
