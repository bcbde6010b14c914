import { describe, expect, it } from 'vitest';
import { GAP_MIN, GAP_SLOTS, LEAF_MIN, LEAF_SLOTS } from '../../../src/gpuvm/maple/geometry.ts';
import { MapleTree } from '../../../src/gpuvm/maple/maple-tree.ts';
import { STORE_TYPES, type StoreType } from '../../../src/gpuvm/maple/requests.ts';
import { expectSound, PAGE, PlainRanges, randomNumbers, slotEnds } from './support.ts';

interface Expected {
  readonly type: keyof typeof StoreType | 'other';
  readonly request: number;
}

interface Node {
  readonly fill: number;
  /** First index behind it. */
  readonly end: number;
}

/** The nodes from the root down to the leaf of an index, from the sizes of nodes and the slots that ranges take alone. */
function wayTo(tree: MapleTree, ends: readonly number[], index: number): Node[] {
  const way: Node[] = [];
  let slot = ends.findIndex((end) => index < end);
  let behind = ends;
  for (const fills of [...tree.shape()].reverse()) {
    let node = 0;
    let slots = fills[0];
    while (slots <= slot) slots += fills[++node];
    way.unshift({ fill: fills[node], end: behind[slots - 1] });
    let sum = 0;
    behind = fills.map((fill) => {
      sum += fill;
      return behind[sum - 1];
    });
    slot = node;
  }
  return way;
}

/** Type and request of a store, from the ranges before and after it and the sizes of nodes, the tree being there. */
function expected(tree: MapleTree, plain: PlainRanges, start: number, end: number, erases: boolean): Expected {
  const ends = slotEnds(plain.list);
  const way = wayTo(tree, ends, start);
  const height = way.length;
  let [vacant, sufficient] = [0, 0];
  for (let level = 1; level <= height; level++) {
    // The store leaves this level's child, or the leaf.
    const bound = level === height ? way[level - 1].end : way[level].end;
    if (end > bound || (end === bound && erases)) {
      return { type: 'spanning', request: 3 * (height - Math.min(vacant, sufficient)) + 1 };
    }
    if (level === height) break;
    const { fill } = way[level - 1];
    if (fill < GAP_SLOTS) vacant = level;
    if (fill > (level === 1 ? 3 : GAP_MIN + 2)) sufficient = level;
  }
  const after = new PlainRanges();
  after.list = plain.list;
  if (erases) after.erase(start, end);
  else after.store(start, end);
  const slots = way[height - 1].fill + slotEnds(after.list).length - ends.length;
  if (slots > LEAF_SLOTS) return { type: 'split', request: 2 * (height - vacant) + 1 };
  const same = after.list.length === plain.list.length && slotEnds(after.list).every((one, at) => one === ends[at]);
  if (slots <= LEAF_MIN && height > 1 && !same) {
    return { type: 'rebalance', request: 2 * (height - Math.min(vacant, sufficient)) + 1 };
  }
  return { type: 'other', request: 0 };
}

describe('requests', () => {
  it('are those that the sizes of nodes and the ranges tell', () => {
    const tree = new MapleTree();
    const plain = new PlainRanges();
    const random = randomNumbers(21);
    const seen = new Map<string, number>();
    const places = 1200;
    for (let round = 0; round < 9000; round++) {
      const growing = Math.floor(round / 1800) % 2 === 0;
      const erases = random(10) < (growing ? 2 : 8);
      const place = random(places);
      const pages = random(40) === 0 ? 1 + random(80) : 1 + random(2);
      const [start, end] = [(place + 1) * PAGE, (place + 1 + pages) * PAGE];
      const wanted = tree.height > 0 ? expected(tree, plain, start, end, erases) : null;
      const { type, byStore } = erases ? tree.erase(start, end) : tree.store(start, end);
      if (erases) plain.erase(start, end);
      else plain.store(start, end);
      if (wanted === null) continue;
      const name = STORE_TYPES[type];
      if (wanted.type === 'other') expect(['split', 'rebalance', 'spanning']).not.toContain(name);
      else expect([name, byStore]).toEqual([wanted.type, wanted.request]);
      seen.set(`${name} ${byStore}`, (seen.get(`${name} ${byStore}`) ?? 0) + 1);
      if (round % 500 === 0) expectSound(tree, true);
    }
    // Every height's and every level's request comes up, so that the rules are met on both sides of their borders.
    for (const one of ['split 3', 'split 5', 'rebalance 3', 'rebalance 5']) {
      expect(seen.get(one) ?? 0, one).toBeGreaterThan(0);
    }
    for (const one of ['spanning 7', 'spanning 10']) expect(seen.get(one) ?? 0, one).toBeGreaterThan(0);
  });
});
