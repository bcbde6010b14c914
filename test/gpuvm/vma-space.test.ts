import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VmaSpace } from '../../src/gpuvm/vma-space.ts';

/** A page so high that only multiples of a page have exact numbers. */
const HIGH = 2 ** 63;

describe('a VMA space', () => {
  it('finds what a plain list finds, however VMAs come and go', () => {
    const action = fc.record({
      start: fc.nat(3000),
      pages: fc.integer({ min: 1, max: 40 }),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 400 }), fc.constantFrom(0, HIGH), (actions, base) => {
        const space = new VmaSpace();
        const plain: { vma: number; start: number; end: number }[] = [];
        const found: number[] = [];
        for (const { start: page, pages, remove } of actions) {
          const start = base + page * 4096;
          const end = start + pages * 4096;
          const inside = plain.filter((one) => one.start < end && one.end > start);
          space.overlapping(start, end, found);
          expect(found).toEqual(inside.sort((a, b) => a.start - b.start).map(({ vma }) => vma));
          if (remove) {
            for (const { vma } of inside) space.remove(vma);
            plain.splice(0, plain.length, ...plain.filter((one) => !inside.includes(one)));
          } else if (inside.length === 0) plain.push({ vma: space.add(start, end, page, page, 0), start, end });
        }
        expect(space.size).toBe(plain.length);
        expect([...space]).toEqual(plain.sort((a, b) => a.start - b.start).map(({ vma }) => vma));
        for (const { vma, start, end } of plain) expect([space.start[vma], space.end[vma]]).toEqual([start, end]);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('finds what a plain table finds among thousands, while it grows and shrinks', () => {
    const places = 6000;
    for (const seed of [1, 2, 3]) {
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const space = new VmaSpace();
      const owner = new Int32Array(places).fill(-1);
      const found: number[] = [];
      const check = (start: number, end: number): void => {
        space.overlapping(start * 4096, end * 4096, found);
        expect(found).toEqual([...new Set(owner.slice(start, end))].filter((vma) => vma >= 0));
      };
      for (let round = 0; round < 12_000; round++) {
        const shrinking = Math.floor(round / 3000) % 2 === 1;
        const start = random(places);
        const end = Math.min(start + 1 + random(shrinking ? 30 : 4), places);
        check(start, end);
        for (const vma of found) {
          owner.fill(-1, space.start[vma] / 4096, space.end[vma] / 4096);
          space.remove(vma);
        }
        if (!shrinking || random(8) === 0) owner.fill(space.add(start * 4096, end * 4096, 0, 0, 0), start, end);
        if (round % 50 === 0) check(0, places);
      }
      expect([...space]).toEqual([...new Set(owner)].filter((vma) => vma >= 0));
      expect(space.size).toBe(new Set(owner).size - (owner.includes(-1) ? 1 : 0));
    }
  });

  it('forgets where it last looked when nothing is left there', () => {
    const space = new VmaSpace();
    const vmas = Array.from({ length: 500 }, (_, at) => space.add(at * 4096, (at + 1) * 4096, 0, 0, 0));
    const found: number[] = [];
    for (let at = 499; at > 0; at--) {
      space.remove(vmas[at]);
      const again = space.add(at * 4096, (at + 1) * 4096, 0, 0, 0);
      expect(space.overlapping(0, 500 * 4096, found)).toBe(at + 1);
      space.remove(again);
      expect(space.overlapping(at * 4096, (at + 2) * 4096, found)).toBe(0);
      expect(space.overlapping((at - 1) * 4096, (at + 1) * 4096, found)).toBe(1);
    }
    expect([...space]).toEqual([vmas[0]]);
  });
});
