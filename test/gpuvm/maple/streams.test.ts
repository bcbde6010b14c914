import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapleTree } from '../../../src/gpuvm/maple/maple-tree.ts';
import { expectEnough, expectSound, PAGE, PlainRanges, randomNumbers } from './support.ts';

/** So high that only multiples of a page have exact numbers, and near the end of all. */
const HIGH = 2 ** 63;
const LAST = 2 ** 64 - 4096 * PAGE;

const KINDS = [
  { tracksGaps: true, rcu: false },
  { tracksGaps: true, rcu: true },
  { tracksGaps: false, rcu: false },
  { tracksGaps: false, rcu: true },
];

describe('a maple tree', () => {
  it('holds what a plain list holds, soundly, and never takes more nodes than were asked for', () => {
    const action = fc.record({
      start: fc.nat(4000),
      pages: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 1, max: 20 }) },
        { weight: 1, arbitrary: fc.integer({ min: 20, max: 2000 }) },
      ),
      erases: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 1, maxLength: 250, size: 'max' }),
        fc.constantFrom(0, HIGH, LAST),
        fc.constantFrom(...KINDS),
        (actions, base, kind) => {
          const tree = new MapleTree(kind);
          const plain = new PlainRanges();
          for (const { start: page, pages, erases } of actions) {
            const start = base + page * PAGE;
            const end = Math.min(start + pages * PAGE, 2 ** 64);
            const store = erases ? tree.erase(start, end) : tree.store(start, end);
            if (erases) plain.erase(start, end);
            else plain.store(start, end);
            expectEnough(store);
            if (tree.size !== plain.list.length) expect(tree.size).toBe(plain.list.length);
          }
          expect([...tree.ranges()]).toEqual(plain.list);
          expectSound(tree, kind.tracksGaps);
          for (const [start, end] of plain.list) {
            expect(tree.has(start)).toBe(true);
            expect(tree.has(end - PAGE)).toBe(true);
            const follows = plain.list.some(([other]) => other === end);
            if (end < 2 ** 64) expect(tree.has(end)).toBe(follows);
          }
        },
      ),
      { seed: 11, numRuns: 120 },
    );
  });

  // Wide erasures now and then take whole subtrees; phases of growth and decay visit all heights.
  it.each(KINDS.flatMap((kind) => [1, 2].map((seed) => ({ ...kind, seed }))))(
    'is sound through growth and decay: gaps $tracksGaps, rcu $rcu, seed $seed',
    ({ tracksGaps, rcu, seed }) => {
      const tree = new MapleTree({ tracksGaps, rcu });
      const random = randomNumbers(seed);
      const present = new Set<number>();
      const places = 60_000;
      let highest = 0;
      for (let round = 0; round < 60_000; round++) {
        const growing = Math.floor(round / 15_000) % 2 === 0;
        const place = random(places);
        const wide = random(300) === 0 ? 1 + random(growing ? 40 : 4000) : 1;
        const end = Math.min(place + wide, places);
        const erases = random(10) < (growing ? 2 : 8);
        const [from, to] = [place * 2 * PAGE, end * 2 * PAGE];
        const store = erases ? tree.erase(from, to) : tree.store(from, from + PAGE);
        if (erases) for (let at = place; at < end; at++) present.delete(at);
        else present.add(place);
        expectEnough(store);
        highest = Math.max(highest, tree.height);
        if (round % 3000 === 0) {
          expectSound(tree, tracksGaps);
          const ascending = [...present].sort((a, b) => a - b);
          expect([...tree.ranges()].map(([start]) => start / (2 * PAGE))).toEqual(ascending);
        }
      }
      expect(highest).toBeGreaterThanOrEqual(tracksGaps ? 5 : 4);
      tree.erase(0, 2 ** 64);
      expect(tree.stats.nodes).toBe(0);
      expect(tree.height).toBe(0);
    },
  );
});
