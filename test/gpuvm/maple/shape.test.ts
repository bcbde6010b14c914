import { describe, expect, it } from 'vitest';
import { MapleCopy } from '../../../src/gpuvm/maple/copy.ts';
import { MapleTree } from '../../../src/gpuvm/maple/maple-tree.ts';
import { ENTRY, MapleNodes, NULL_ENTRY, STRIDE } from '../../../src/gpuvm/maple/nodes.ts';
import { StoreType } from '../../../src/gpuvm/maple/requests.ts';
import { expectSound, PAGE } from './support.ts';

const shapeOf = (tree: MapleTree): number[][] => [...tree.shape()].map((fills) => [...fills]);

/** Range number `at` of those that lie a page apart: [1,2), [3,4) and so on. */
const begin = (at: number): number => (2 * at + 1) * PAGE;

function spaced(count: number): MapleTree {
  const tree = new MapleTree();
  for (let at = 0; at < count; at++) tree.store(begin(at), begin(at) + PAGE);
  return tree;
}

// Worked out by hand: a range and the gap behind it take two slots, a leaf does not end in a gap, what is too much goes
// to the left as long as both leaves keep a slot free.
describe('the shape of a tree', () => {
  it.each([
    [7, [[15]]],
    [8, [[2], [8, 9]]],
    [11, [[2], [8, 15]]],
    [12, [[2], [12, 13]]],
    [14, [[2], [14, 15]]],
    [15, [[2], [16, 15]]],
    [16, [[3], [16, 8, 9]]],
  ])('after %d ranges in ascending order', (count, shape) => {
    expect(shapeOf(spaced(count))).toEqual(shape);
  });

  it('after too few slots joined those of the leaf to the right, enough for two', () => {
    const tree = spaced(15);
    for (let at = 0; at < 4; at++) expect(tree.erase(begin(at), begin(at) + PAGE).used).toBe(0);
    expect(shapeOf(tree)).toEqual([[2], [8, 15]]);
    const store = tree.erase(begin(4), begin(4) + PAGE);
    expect(store).toMatchObject({ type: StoreType.rebalance, byStore: 5, used: 3 });
    expect(shapeOf(tree)).toEqual([[2], [10, 11]]);
  });

  it('after too few slots in the middle joined those of the leaf to the right, not to the left', () => {
    const tree = spaced(16);
    expect(shapeOf(tree)).toEqual([[3], [16, 8, 9]]);
    const store = tree.erase(begin(9), begin(9) + PAGE);
    expect(store).toMatchObject({ type: StoreType.rebalance, byStore: 5, used: 2 });
    expect(shapeOf(tree)).toEqual([[2], [16, 15]]);
  });

  it('after too few slots at the end joined those of the leaf to the left', () => {
    const tree = spaced(16);
    const store = tree.erase(begin(15), begin(15) + PAGE);
    expect(store.type).toBe(StoreType.nodeStore);
    expect(tree.erase(begin(14), begin(14) + PAGE)).toMatchObject({ type: StoreType.rebalance, byStore: 5, used: 2 });
    expect(shapeOf(tree)).toEqual([[2], [16, 13]]);
  });

  it('after a store over the border of two leaves, which fit into one', () => {
    const tree = spaced(8);
    expect(tree.store(7 * PAGE, 10 * PAGE)).toMatchObject({ type: StoreType.spanning, byStore: 7, used: 1 });
    expect(shapeOf(tree)).toEqual([[15]]);
    expect(tree.stats.nodes).toBe(1);
  });

  it('after a store over the border of two of three leaves', () => {
    const tree = spaced(16);
    // 15 slots stay on the left, the new range and the gap behind it come, 5 stay on the right; the cut falls on a gap.
    expect(tree.store(15 * PAGE, 18 * PAGE)).toMatchObject({ type: StoreType.spanning, used: 3 });
    expect(shapeOf(tree)).toEqual([[3], [10, 12, 9]]);
    expectSound(tree, true);
  });

  it('after an erasure of a last leaf but for its end', () => {
    const tree = spaced(16);
    expect(tree.erase(begin(8), begin(15))).toMatchObject({ type: StoreType.spanning });
    expect([...tree.ranges()].length).toBe(9);
    expectSound(tree, true);
  });
});

describe('slots that are laid into new nodes', () => {
  /** Sizes of the nodes that slots, true for entries, are laid into. */
  function laid(slots: readonly boolean[], capacity: number, leaves: boolean): number[] {
    const nodes = new MapleNodes();
    const copy = new MapleCopy(nodes);
    copy.start();
    for (let from = 0; from < slots.length; from += STRIDE) {
      const node = nodes.take();
      const part = slots.slice(from, from + STRIDE);
      part.forEach((entry, at) => {
        nodes.slots[node * STRIDE + at] = entry ? ENTRY : NULL_ENTRY;
        nodes.ends[node * STRIDE + at] = from + at + 1;
      });
      copy.gather(node, 0, part.length);
    }
    copy.distribute(capacity, leaves);
    return Array.from(copy.newsSlots.slice(0, copy.news), (node) => nodes.fill[node]);
  }

  const full = (count: number, gap = -1): boolean[] => Array.from({ length: count }, (_, at) => at !== gap);

  it.each([
    ['one full leaf', full(16), [16]],
    ['a slot more', full(17), [9, 8]],
    ['a gap at the cut goes right', full(17, 8), [8, 9]],
    ['two leaves but for a slot', full(31), [16, 15]],
    ['and a gap at the cut', full(31, 15), [15, 16]],
    ['two full leaves', full(32), [16, 16]],
    ['with a gap at the cut take three', full(32, 15), [12, 12, 8]],
    ['more than two take three', full(33), [12, 12, 9]],
    ['gaps at the first cut of three', full(33, 11), [11, 13, 9]],
  ])('%s', (_, slots, sizes) => {
    expect(laid(slots, 16, true)).toEqual(sizes);
  });

  it.each([
    [10, [10]],
    [11, [6, 5]],
    [20, [10, 10]],
    [21, [8, 8, 5]],
  ])('%d children of inner nodes', (children, sizes) => {
    expect(laid(full(children), 10, false)).toEqual(sizes);
  });
});
