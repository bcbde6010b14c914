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
});
