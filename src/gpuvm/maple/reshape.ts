import { TOP } from './geometry.ts';
import { NULL_ENTRY, STRIDE } from './nodes.ts';
import { StoreType } from './requests.ts';
import type { MapleState } from './state.ts';
import type { MapleWrite } from './write.ts';

/**
 * A store that makes a leaf too full or too small: its slots go to new nodes, with a sibling's where that helps, level by
 * level until one new node takes the place of one old (lib/maple_tree.c:mas_wr_split, mas_wr_rebalance).
 */
export function reshape(state: MapleState, write: MapleWrite): void {
  const { left, nodes, copy, height } = state;
  const splits = write.plan.type === StoreType.split;
  let { first, last } = write;
  write.news();
  for (let level = height - 1; ; level--) {
    const node = left.node[level];
    const data = first + copy.news + nodes.fill[node] - 1 - last;
    const side = level === 0 ? 0 : siblingSide(state, level, data, splits);
    const parentAt = level === 0 ? 0 : left.node[level - 1] * STRIDE + left.slot[level - 1];
    const sibling = side === 0 ? 0 : nodes.slots[parentAt + side];
    copy.start();
    if (side < 0) copy.gather(sibling, 0, nodes.fill[sibling]);
    copy.gather(node, 0, first);
    copy.gatherNews();
    copy.gather(node, last + 1, nodes.fill[node]);
    if (side > 0) copy.gather(sibling, 0, nodes.fill[sibling]);
    if (level === height - 1) {
      state.entries += copy.entries() - nodes.entries(node) - (side === 0 ? 0 : nodes.entries(sibling));
    }
    copy.distribute(state.slotsOf(level), level === height - 1);
    nodes.doom(node);
    if (side !== 0) nodes.doom(sibling);
    if (level === 0) {
      state.setRoot(height);
      return;
    }
    const parent = left.node[level - 1];
    // Node and sibling are all there is: the levels above have nothing else to tell apart.
    if (level === 1 && side !== 0 && nodes.fill[parent] === 2) {
      nodes.doom(parent);
      state.setRoot(height - level);
      return;
    }
    if (copy.news === 1 && side === 0) {
      nodes.slots[parentAt] = copy.newsSlots[0];
      return;
    }
    const slot = left.slot[level - 1];
    first = slot + Math.min(side, 0);
    last = slot + Math.max(side, 0);
  }
}

/**
 * The sibling that takes part: -1 for the left, 1 for the right, 0 for none. Too much data goes to a sibling that has
 * room, the left one first (push_data_sib); too little joins the right one, or the left one at the end (rebalance_sib).
 */
function siblingSide(state: MapleState, level: number, data: number, splits: boolean): number {
  const { left, nodes } = state;
  const slots = state.slotsOf(level);
  const slot = left.slot[level - 1];
  const last = left.last(level - 1);
  const at = left.node[level - 1] * STRIDE + slot;
  if (data > slots) {
    // One slot of both nodes stays free, so that adding and removing in turn does not push back and forth.
    if (slot > 0 && nodes.fill[nodes.slots[at - 1]] + data < 2 * slots) return -1;
    if (slot < last && nodes.fill[nodes.slots[at + 1]] + data < 2 * slots) return 1;
    return 0;
  }
  if (splits || data > state.minOf(level)) return 0;
  return slot < last ? 1 : -1;
}

/**
 * A store over several leaves: what is left of the first and of the last one is joined, and so on every level up to where
 * both ways meet; all between goes (lib/maple_tree.c:mas_wr_spanning_store).
 */
export function span(state: MapleState, write: MapleWrite): void {
  const { left, right, nodes, copy, height } = state;
  const leaves = height - 1;
  right.copy(left, write.level + 1);
  // What comes behind the store is met too: gaps grow together, and a leaf must not end in one.
  for (let level = write.level; level < leaves; level++) {
    right.seek(level, write.end);
    right.descend(level);
    left.descend(level);
    left.seek(level + 1, write.start);
  }
  right.seek(leaves, write.end);
  if (write.entry === NULL_ENTRY) growSpanningGap(state, write);
  if (write.start === 0 && write.end === TOP) {
    state.replaceAll(write.entry);
    return;
  }
  copy.news = 0;
  if (left.slotMin(leaves) < write.start) {
    copy.addNews(nodes.slots[left.node[leaves] * STRIDE + left.slot[leaves]], write.start);
  }
  copy.addNews(write.entry, write.end);
  const rest = right.slotMax(leaves);
  if (rest > write.end) copy.addNews(nodes.slots[right.node[leaves] * STRIDE + right.slot[leaves]], rest);
  for (let level = leaves; ; level--) {
    join(state, level);
    if (left.min[level] === 0 && right.max[level] === TOP) {
      for (let above = level - 1; above >= 0; above--) {
        doomBetween(state, above);
        nodes.doom(left.node[above]);
        nodes.doom(right.node[above]);
      }
      state.setRoot(height - level);
      return;
    }
    if (copy.news === 1 && left.node[level] === right.node[level]) {
      nodes.slots[left.node[level - 1] * STRIDE + left.slot[level - 1]] = copy.newsSlots[0];
      return;
    }
    doomBetween(state, level - 1);
  }
}

/** The written gap takes in those beside it (mas_extend_spanning_null). */
function growSpanningGap(state: MapleState, write: MapleWrite): void {
  const { left, right, nodes, height } = state;
  const leaves = height - 1;
  const base = left.node[leaves] * STRIDE;
  if (nodes.slots[base + left.slot[leaves]] === NULL_ENTRY) write.start = left.slotMin(leaves);
  if (write.start === left.slotMin(leaves) && left.slot[leaves] > 0) {
    if (nodes.slots[base + left.slot[leaves] - 1] === NULL_ENTRY) {
      left.slot[leaves]--;
      write.start = left.slotMin(leaves);
    }
  }
  if (nodes.slots[right.node[leaves] * STRIDE + right.slot[leaves]] === NULL_ENTRY) {
    write.end = Math.max(write.end, right.slotMax(leaves));
  }
}

/** New nodes for what is left of a level's two nodes around the news, with a neighbour's slots where it is too little. */
function join(state: MapleState, level: number): void {
  const { left, right, nodes, copy, height } = state;
  const from = left.node[level];
  const to = right.node[level];
  const leftSlot = left.slot[level];
  const rightSlot = right.slot[level];
  const data = leftSlot + copy.news + right.last(level) - rightSlot;
  const whole = left.min[level] === 0 && right.max[level] === TOP;
  const side = !whole && data <= state.minOf(level) ? neighbour(state, level) : 0;
  const beside = side === 0 ? 0 : side < 0 ? left.node[level] : right.node[level];
  copy.start();
  if (side < 0) copy.gather(beside, 0, nodes.fill[beside]);
  copy.gather(from, 0, leftSlot);
  copy.gatherNews();
  copy.gather(to, rightSlot + 1, nodes.fill[to]);
  if (side > 0) copy.gather(beside, 0, nodes.fill[beside]);
  if (level === height - 1) {
    state.entries += copy.entries() - nodes.entries(from) - (from === to ? 0 : nodes.entries(to));
    if (side !== 0) state.entries -= nodes.entries(beside);
  }
  copy.distribute(state.slotsOf(level), level === height - 1);
  nodes.doom(from);
  nodes.doom(to);
  if (side !== 0) nodes.doom(beside);
}

/**
 * The nearest node of a level beside both ways, the right one first as one goes up: the way on its side goes to it from
 * here on (spanning_sib). Which side it is on.
 */
function neighbour(state: MapleState, level: number): number {
  const { left, right } = state;
  for (let above = level - 1; above >= 0; above--) {
    if (right.slot[above] < right.last(above)) {
      right.slot[above]++;
      for (let down = above; down < level; down++) right.descend(down);
      return 1;
    }
    if (left.slot[above] > 0) {
      left.slot[above]--;
      for (let down = above; down < level; down++) {
        left.descend(down);
        left.slot[down + 1] = left.last(down + 1);
      }
      return -1;
    }
  }
  return 0;
}

/** Dooms what hangs on a level between the left and the right way. */
function doomBetween(state: MapleState, level: number): void {
  const { left, right, nodes } = state;
  const from = left.node[level];
  const to = right.node[level];
  const last = from === to ? right.slot[level] - 1 : left.last(level);
  for (let slot = left.slot[level] + 1; slot <= last; slot++) {
    state.doomBelow(nodes.slots[from * STRIDE + slot], level + 1);
  }
  if (from === to) return;
  for (let slot = 0; slot < right.slot[level]; slot++) state.doomBelow(nodes.slots[to * STRIDE + slot], level + 1);
}
