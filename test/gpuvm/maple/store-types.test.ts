import { describe, expect, it } from 'vitest';
import { MapleTree } from '../../../src/gpuvm/maple/maple-tree.ts';
import {
  requestAtHeight,
  requestByType,
  requestOfSeries,
  STORE_TYPES,
  StorePlan,
  StoreType,
} from '../../../src/gpuvm/maple/requests.ts';
import { expectSound, PAGE, randomNumbers } from './support.ts';

const TOP = 2 ** 64;

type Name = keyof typeof StoreType;

/** A tree with ranges [start, end) in pages. */
function treeOf(ranges: readonly (readonly [number, number])[], rcu = false): MapleTree {
  const tree = new MapleTree({ rcu });
  for (const [start, end] of ranges) tree.store(start * PAGE, end * PAGE);
  return tree;
}

/** Single pages with a gap behind each, ascending. */
const spaced = (count: number): [number, number][] =>
  Array.from({ length: count }, (_, at) => [2 * at + 1, 2 * at + 2]);

function planOf(type: Name, height: number, vacant = 0, sufficient = 0): StorePlan {
  const plan = new StorePlan();
  return Object.assign(plan, { type: StoreType[type], height, vacant, sufficient });
}

const FOUR: readonly (readonly [number, number])[] = [
  [2, 4],
  [8, 10],
  [12, 14],
  [18, 20],
];

// Nine slots: gap [0,2), [2,4), gap [4,8), [8,10), gap [10,12), [12,14), gap [14,18), [18,20), gap from 20 on.
const IN_LEAF: readonly (readonly [
  name: string,
  erases: boolean,
  start: number,
  end: number,
  plain: Name,
  rcu: Name,
])[] = [
  ['the same range again', false, 2, 4, 'exactFit', 'exactFit'],
  ['a gap, whole', false, 4, 8, 'exactFit', 'exactFit'],
  ['nothing where nothing is', true, 5, 6, 'exactFit', 'exactFit'],
  ['behind all', false, 30, 31, 'append', 'nodeStore'],
  ['touching the last from behind', false, 20, 22, 'append', 'nodeStore'],
  ['to the end of all', false, 26, TOP / PAGE, 'append', 'nodeStore'],
  ['to the end of a range from before it', false, 6, 10, 'slotStore', 'slotStore'],
  ['from the start of a range to behind it', false, 2, 6, 'slotStore', 'slotStore'],
  ['from a gap over a range into the next gap', false, 1, 6, 'slotStore', 'nodeStore'],
  ['inside of a range', false, 2.25, 2.5, 'nodeStore', 'nodeStore'],
  ['inside of a gap', false, 5, 6, 'nodeStore', 'nodeStore'],
  ['inside of the first gap', false, 1, 2, 'nodeStore', 'nodeStore'],
  ['a gap over a range: three slots become one', true, 2, 4, 'nodeStore', 'nodeStore'],
  ['a gap over a part of a range', true, 2, 3, 'slotStore', 'slotStore'],
  ['over all of it', false, 0, TOP / PAGE, 'newRoot', 'newRoot'],
  ['nothing over all of it', true, 1, 21, 'newRoot', 'newRoot'],
];

describe('stores into one leaf that is the root', () => {
  it.each(IN_LEAF.flatMap(([...row]) => [false, true].map((rcu) => [...row, rcu] as const)))(
    '%s (erases: %s, [%d,%d)): %s, with readers %s: %s',
    (_, erases, start, end, plain, withReaders, rcu) => {
      const tree = treeOf(FOUR, rcu);
      const store = erases ? tree.erase(start * PAGE, end * PAGE) : tree.store(start * PAGE, end * PAGE);
      const type = rcu ? withReaders : plain;
      expect(STORE_TYPES[store.type]).toBe(type);
      const asked = type === 'newRoot' || (rcu && type === 'nodeStore') ? 1 : 0;
      expect(store.byStore).toBe(asked);
      expect(store.used).toBe(type === 'newRoot' && erases ? 0 : asked);
      expect(store.byHeight).toBe(4);
      expectSound(tree, true);
    },
  );

  it.each([false, true])('write it anew while it holds few slots, whatever the store (with readers: %s)', (rcu) => {
    const tree = treeOf([[2, 4]], rcu);
    const request = rcu ? 1 : 0;
    expect(tree.store(8 * PAGE, 9 * PAGE)).toMatchObject({ type: StoreType.nodeStore, byStore: request });
    expect(tree.erase(2 * PAGE, 3 * PAGE)).toMatchObject({ type: StoreType.nodeStore, byStore: request });
  });

  it('start a tree with one node', () => {
    const tree = new MapleTree();
    expect(tree.store(PAGE, 2 * PAGE)).toMatchObject({ type: StoreType.storeRoot, byStore: 1, used: 1, byHeight: 1 });
    expect([...tree.shape()]).toEqual([[3]]);
  });

  it('keep index 0 alone in the root pointer, without a node, until more comes', () => {
    const tree = new MapleTree();
    expect(tree.store(0, 1)).toMatchObject({ type: StoreType.storeRoot, byStore: 0, used: 0 });
    expect([tree.height, tree.size, ...tree.ranges()]).toEqual([0, 1, [0, 1]]);
    expect(tree.has(0)).toBe(true);
    expect(tree.store(PAGE, 2 * PAGE)).toMatchObject({ type: StoreType.storeRoot, byStore: 1, used: 1 });
    expect([...tree.ranges()]).toEqual([
      [0, 1],
      [PAGE, 2 * PAGE],
    ]);
    const erased = new MapleTree();
    erased.store(0, 1);
    erased.erase(PAGE, 2 * PAGE);
    expect(erased.size).toBe(1);
    erased.erase(0, PAGE);
    expect([erased.size, erased.has(0)]).toEqual([0, false]);
  });

  it('split it when it is full: two leaves and a root', () => {
    const tree = treeOf(spaced(7));
    expect([...tree.shape()]).toEqual([[15]]);
    expect(tree.store(15 * PAGE, 16 * PAGE)).toMatchObject({ type: StoreType.split, byStore: 3, used: 3 });
    expect([...tree.shape()]).toEqual([[2], [8, 9]]);
  });
});

describe('splits', () => {
  it.each([
    [true, 6],
    [false, 5],
  ])('ask for 2h + 1 and take them when the tree grows (gaps tracked: %s)', (tracksGaps, levels) => {
    const tree = new MapleTree({ tracksGaps });
    const seen: number[] = [];
    for (let at = 0; tree.height < levels; at++) {
      const { height } = tree;
      const store = tree.store((2 * at + 1) * PAGE, (2 * at + 2) * PAGE);
      if (height === 0 || tree.height === height) continue;
      expect(store).toMatchObject({ type: StoreType.split, byStore: 2 * height + 1, used: 2 * height + 1 });
      seen.push(store.byStore);
    }
    expect(seen).toEqual(Array.from({ length: levels - 1 }, (_, at) => 2 * at + 3));
  });

  it('ask for 3 where the node above has room, and take them', () => {
    const tree = treeOf(spaced(8));
    let seen = 0;
    for (let at = 8; tree.height === 2; at++) {
      const [[children]] = [...tree.shape()];
      const store = tree.store((2 * at + 1) * PAGE, (2 * at + 2) * PAGE);
      if (store.type !== StoreType.split || tree.height > 2) continue;
      // Two leaves and their parent are new, whether the leaf is cut or a sibling with room takes what is too much.
      expect(store.byStore).toBe(children < 10 ? 3 : 5);
      expect(store.used).toBe(3);
      seen++;
    }
    expect(seen).toBeGreaterThan(10);
  });
});

describe('rebalances', () => {
  /** Two leaves below a root that cannot spare a child. */
  function two(): MapleTree {
    const tree = treeOf(spaced(8));
    expect([...tree.shape()]).toEqual([[2], [8, 9]]);
    return tree;
  }

  it('ask for 2h + 1 where the root has no child to spare; both leaves become the root', () => {
    const tree = two();
    const before = tree.erase(PAGE, 2 * PAGE);
    expect(before).toMatchObject({ type: StoreType.rebalance, byStore: 5, bySeries: 3, byHeight: 7, used: 1 });
    expect(tree.height).toBe(1);
    expect([...tree.shape()]).toEqual([[15]]);
  });

  it('ask for 3 where it has', () => {
    const tree = treeOf(spaced(40));
    const [[children]] = [...tree.shape()];
    expect(children).toBeGreaterThan(3);
    expect(children).toBeLessThan(10);
    let store = tree.latest;
    for (let at = 0; store.type !== StoreType.rebalance; at++)
      store = tree.erase((2 * at + 1) * PAGE, (2 * at + 2) * PAGE);
    expect(store).toMatchObject({ byStore: 3, bySeries: 3, byHeight: 7 });
    expect(store.used).toBeLessThanOrEqual(3);
    expectSound(tree, true);
  });
});

describe('stores over several leaves', () => {
  it('ask for 3h + 1 where they leave a child of the root', () => {
    const tree = treeOf(spaced(40));
    expect(tree.height).toBe(2);
    const store = tree.store(5 * PAGE, 71 * PAGE);
    expect(store).toMatchObject({ type: StoreType.spanning, byStore: 7, bySeries: 7, byHeight: 7 });
    expect(store.used).toBeGreaterThan(0);
    expectSound(tree, true);
  });

  it('are erasures too that would let a leaf end in a gap', () => {
    const tree = treeOf(Array.from({ length: 40 }, (_, at): [number, number] => [at, at + 1]));
    const [, leaves] = [...tree.shape()];
    // Ranges touch from index 0 on: the first leaf ends with the last range that it has a slot for.
    const last = leaves[0] - 1;
    expect(tree.erase(last * PAGE, (last + 1) * PAGE).type).toBe(StoreType.spanning);
    expect(tree.store(last * PAGE, (last + 1) * PAGE).type).not.toBe(StoreType.spanning);
    expectSound(tree, true);
  });

  it('make one leaf of a tree that they cover', () => {
    const tree = treeOf(spaced(400));
    expect(tree.height).toBe(3);
    expect(tree.store(0, TOP)).toMatchObject({ type: StoreType.spanning, byStore: 10, used: 1 });
    expect([...tree.shape()]).toEqual([[1]]);
    expect([...tree.ranges()]).toEqual([[0, TOP]]);
  });

  it('ask for less below a node with room', () => {
    const tree = treeOf(spaced(4000));
    const random = randomNumbers(9);
    const asked = new Set<number>();
    for (let round = 0; round < 2000; round++) {
      const { height } = tree;
      const start = (2 * random(4000) + 1) * PAGE;
      const store = tree.erase(start, start + 20 * PAGE);
      if (store.type !== StoreType.spanning) continue;
      expect((store.byStore - 1) % 3).toBe(0);
      expect(store.byStore).toBeLessThanOrEqual(3 * height + 1);
      expect(store.used).toBeLessThanOrEqual(store.byStore);
      if (height === 4) asked.add(store.byStore);
    }
    expect([...asked].sort((a, b) => a - b)).toEqual([7, 10, 13]);
  });
});

describe('the rules', () => {
  it.each([
    [1, 3, 3, 3, 4],
    [2, 5, 3, 5, 7],
    [3, 7, 3, 7, 10],
    [4, 9, 3, 9, 13],
  ])('ask at height %d for at most %d (split; at best %d), %d (rebalance), %d (over several leaves)', (...row) => {
    const [height, split, best, rebalance, spanning] = row;
    expect(requestByType(planOf('split', height), false)).toBe(split);
    expect(requestByType(planOf('split', height, height - 1), false)).toBe(best);
    expect(requestByType(planOf('rebalance', height), false)).toBe(rebalance);
    expect(requestByType(planOf('spanning', height), false)).toBe(spanning);
    expect(requestAtHeight(height)).toBe(spanning);
  });

  it.each([
    ['rebalance', 4, 2, 3, 5],
    ['rebalance', 4, 3, 1, 7],
    ['rebalance', 4, 0, 3, 9],
    ['spanning', 4, 2, 3, 7],
    ['spanning', 4, 3, 1, 10],
    ['spanning', 4, 0, 3, 13],
    ['split', 4, 2, 3, 5],
    ['split', 4, 3, 1, 3],
  ] as const)('start a %s of height %d below level %d with room, %d with children to spare: %d', (...row) => {
    const [type, height, vacant, sufficient, expected] = row;
    expect(requestByType(planOf(type, height, vacant, sufficient), false)).toBe(expected);
  });

  it.each([
    ['storeRoot', 1, 1, 1],
    ['newRoot', 1, 1, 1],
    ['exactFit', 0, 0, 0],
    ['append', 0, 0, 0],
    ['slotStore', 0, 0, 0],
    ['nodeStore', 0, 1, 1],
    ['split', 7, 7, 7],
    ['rebalance', 7, 7, 5],
    ['spanning', 10, 10, 10],
  ] as const)('ask for a %s at height 3: %d, with readers %d; the series of 6.6 %d', (type, plain, rcu, series) => {
    expect(requestByType(planOf(type, 3), false)).toBe(plain);
    expect(requestByType(planOf(type, 3), true)).toBe(rcu);
    expect(requestOfSeries(planOf(type, 3))).toBe(series);
  });
});
