/** Random ranges on the generic engine against a plain list of leaves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitmapSizes } from '../../../src/base/sizes.ts';
import { EADDRINUSE } from '../../../src/base/vocabulary.ts';
import * as C from '../../../src/lpae/counters.ts';
import { iovaToPhys } from '../../../src/lpae/lookup.ts';
import { censusOf } from '../../../src/stats/census.ts';
import { halves } from '../../lpae/fixture.ts';
import { ShadowMap } from './shadow.ts';
import { GenericSubject } from './subject.ts';

interface RangeOp {
  readonly isMap: boolean;
  /** Where it begins and how long it is: exponents above the granule, and what is added to them in pages. */
  readonly at: number;
  readonly atPages: number;
  readonly length: number;
  /** Instead of `length`: so many of the smallest blocks. */
  readonly blocks: number;
  readonly lengthPages: number;
  readonly skew: number;
}

const ops = fc.array(
  fc.record({
    isMap: fc.boolean(),
    at: fc.nat({ max: 40 }),
    atPages: fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 3 })),
    length: fc.nat({ max: 8 }),
    blocks: fc.constantFrom(0, 0, 0, 1, 2),
    lengthPages: fc.integer({ min: -2, max: 3 }),
    skew: fc.constantFrom(0, 0, 0, 1, 512),
  }),
  { minLength: 30, maxLength: 50 },
);

const SHAPES = [
  { pgsizes: 2 ** 12 + 2 ** 21 + 2 ** 30, ias: 39, blocks: true },
  { pgsizes: 2 ** 12 + 2 ** 21 + 2 ** 30, ias: 32, blocks: true },
  { pgsizes: 2 ** 12 + 2 ** 30, ias: 48, blocks: false },
  { pgsizes: 2 ** 14 + 2 ** 25, ias: 47, blocks: true },
  { pgsizes: 2 ** 16 + 2 ** 29, ias: 42, blocks: false },
];

function run(shape: (typeof SHAPES)[number], list: readonly RangeOp[]): { refused: number; over: number } {
  const subject = new GenericSubject({ pgsizes: shape.pgsizes, ias: shape.ias, oas: 48 });
  const [granule, smallestBlock] = bitmapSizes(shape.pgsizes);
  const { startLevel, sizes } = subject.table;
  const oracle = new ShadowMap(bitmapSizes(shape.pgsizes).filter((size) => size <= sizes[startLevel]));
  const atStart = subject.pagesOut;
  const seen = { refused: 0, over: 0 };
  for (const op of list) {
    // Twenty places around block borders, in the first gigabytes.
    const block = 2 ** 21 * (granule / 4096) * (op.at % 4) + 2 ** 30 * Math.floor((op.at % 20) / 10);
    const iova = Math.max(0, block + op.atPages * granule);
    const long = op.blocks * smallestBlock + op.lengthPages * granule;
    const size = shape.blocks && op.blocks > 0 ? long : Math.max(1, 2 ** op.length + op.lengthPages) * granule;
    if (op.isMap) {
      const want = oracle.map(iova, iova + op.skew * granule, size);
      const before = want === 0 ? null : subject.checksum();
      expect(subject.map(iova, iova + op.skew * granule, size)).toBe(want);
      if (before === null) continue;
      expect(want).toBe(-EADDRINUSE);
      expect(subject.checksum()).toBe(before);
      seen.refused++;
    } else {
      subject.takeHappened();
      const bytes = subject.unmap(iova, size);
      expect(bytes).toBe(oracle.unmap(iova, size));
      if (bytes > size) seen.over++;
      const happened = subject.takeHappened();
      const flushes = happened.filter(({ kind }) => kind !== 'free');
      expect([flushes.length, happened[0].kind === 'free']).toEqual([1, false]);
      const [flush] = flushes;
      if (flush.kind === 'walk' || flush.kind === 'leaf') {
        expect(flush.start).toBe(iova);
        expect(flush.size).toBe(Math.max(size, bytes));
      }
    }
  }
  const { counters } = subject.table;
  expect(counters[C.MAPPED_BYTES]).toBe([...oracle.leaves.values()].reduce((sum, leaf) => sum + leaf.size, 0));
  const census = censusOf(subject.table);
  expect(census.leaves.reduce((sum, count) => sum + count, 0)).toBe(oracle.leaves.size);
  expect(subject.pagesOut).toBe(counters[C.TABLES_LIVE]);
  let wrong = 0;
  for (const leaf of oracle.leaves.values()) {
    for (const at of [leaf.start, leaf.start + leaf.size - 1]) {
      const found = iovaToPhys(subject.table, ...halves(at));
      const paddr = subject.table.foundHi * 2 ** 32 + subject.table.foundLo;
      if (!found || paddr !== leaf.paddr + (at - leaf.start)) wrong++;
    }
  }
  // Leak check: the page count returns to where it was once all is unmapped and torn down.
  for (const leaf of oracle.leaves.values()) if (subject.unmap(leaf.start, leaf.size) !== leaf.size) wrong++;
  expect(wrong).toBe(0);
  expect(counters[C.MAPPED_BYTES]).toBe(0);
  subject.table.destroy();
  expect(subject.pagesOut).toBe(atStart - 1);
  return seen;
}

describe('the generic engine and a list of leaves', () => {
  it.each(SHAPES)('agree about every answer, look-up and page: ias $ias', (shape) => {
    const sum = { refused: 0, over: 0 };
    fc.assert(
      fc.property(ops, (list) => {
        const { refused, over } = run(shape, list);
        sum.refused += refused;
        sum.over += over;
      }),
      { numRuns: 30, seed: 7 },
    );
    expect(sum.refused).toBeGreaterThan(100);
    // Where the only block is one of 512M, or of 1G, none is mapped.
    expect(sum.over > 0).toBe(shape.blocks);
  });

  it('agree on a thousand random maps: in use exactly when something overlaps', () => {
    const subject = new GenericSubject();
    const oracle = new ShadowMap([4096, 2 ** 21, 2 ** 30]);
    let state = 12345;
    const random = (n: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const align = [4096, 2 ** 16, 2 ** 21][random(3)];
      const iova = random(2 ** 15) * align;
      const size = (1 + random(2 ** random(7))) * Math.min(align, 2 ** 16);
      const paddr = random(4) === 0 ? iova + 4096 * random(64) : iova;
      const want = oracle.map(iova, paddr, size);
      const before = want === 0 ? null : subject.checksum();
      expect(subject.map(iova, paddr, size)).toBe(want);
      if (before === null) continue;
      refused++;
      expect(subject.checksum()).toBe(before);
    }
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(950);
  });
});
