import { LEAF_MIN, LEAF_SLOTS, TOP } from './geometry.ts';
import { ENTRY, NULL_ENTRY, STRIDE } from './nodes.ts';
import { StorePlan, StoreType } from './requests.ts';
import type { MapleState } from './state.ts';

/** One store on its way: where it goes and of what type it is (lib/maple_tree.c:ma_wr_state). */
export class MapleWrite {
  readonly plan = new StorePlan();
  entry = ENTRY;
  /** The indices written, [start, end): gaps that a written gap touches grow together with it. */
  start = 0;
  end = 0;
  /** In the leaf: the slots that are touched, the first index of the first and the first one behind the last. */
  first = 0;
  last = 0;
  min = 0;
  max = 0;
  /** The level on which a store turned out to span nodes. */
  level = 0;
  readonly #state: MapleState;
  readonly #rcu: boolean;

  constructor(state: MapleState, rcu: boolean) {
    this.#state = state;
    this.#rcu = rcu;
  }

  /** Goes down to where [start, end) is to be written and tells the type of the store (mas_wr_store_type). */
  decide(start: number, end: number, entry: number): void {
    this.start = start;
    this.end = end;
    this.entry = entry;
    const { plan } = this;
    plan.height = this.#state.height;
    plan.vacant = 0;
    plan.sufficient = 0;
    plan.expandsRoot = start !== 0 || end !== 1;
    if (this.#state.root === 0) plan.type = StoreType.storeRoot;
    else if (this.#walk()) plan.type = this.#typeInLeaf();
    else plan.type = StoreType.spanning;
  }

  /** The slots that come in place of those touched: what is left of the first, the entry, what is left of the last. */
  news(): void {
    const { copy, left, height, nodes } = this.#state;
    const base = left.node[height - 1] * STRIDE;
    copy.news = 0;
    if (this.min < this.start) copy.addNews(nodes.slots[base + this.first], this.start);
    copy.addNews(this.entry, this.end);
    if (this.end < this.max) copy.addNews(nodes.slots[base + this.last], this.max);
  }

  /** False when the store leaves the leaf, or would let one end in a gap (mas_wr_walk, mas_is_span_wr). */
  #walk(): boolean {
    const { left, root, height, innerSlots, innerMin } = this.#state;
    const { plan, start, end } = this;
    left.node[0] = root;
    left.min[0] = 0;
    left.max[0] = TOP;
    for (let level = 0; ; level++) {
      left.seek(level, start);
      const leaf = level === height - 1;
      const bound = leaf ? left.max[level] : left.slotMax(level);
      if (end > bound || (end === bound && this.entry === NULL_ENTRY && end !== TOP)) {
        this.level = level;
        return false;
      }
      if (leaf) return true;
      const last = left.last(level);
      if (last < innerSlots - 1) plan.vacant = level + 1;
      // A root may be left with two children, so that it can spare one from four on.
      if (last > (level === 0 ? 2 : innerMin + 1)) plan.sufficient = level + 1;
      left.descend(level);
    }
  }

  #typeInLeaf(): number {
    const { left, height, nodes } = this.#state;
    const level = height - 1;
    const base = left.node[level] * STRIDE;
    const last = left.last(level);
    this.first = left.slot[level];
    this.min = left.slotMin(level);
    this.last = this.first;
    while (this.last < last && this.end > nodes.ends[base + this.last]) this.last++;
    this.max = nodes.ends[base + this.last];
    if (this.entry === NULL_ENTRY) this.#growGap(base, last);
    if (this.min === this.start && nodes.ends[base + this.first] === this.end) return StoreType.exactFit;
    if (this.start === 0 && this.end === TOP) return StoreType.newRoot;
    const touched = this.last - this.first;
    const newLast = last + 2 - touched - (this.min === this.start ? 1 : 0) - (this.max === this.end ? 1 : 0);
    if (newLast < LEAF_MIN) return level === 0 ? StoreType.nodeStore : StoreType.rebalance;
    if (newLast >= LEAF_SLOTS) return StoreType.split;
    if (!this.#rcu && this.first === last) return StoreType.append;
    if (newLast === last && (!this.#rcu || touched === 1)) return StoreType.slotStore;
    return StoreType.nodeStore;
  }

  /** A gap is one slot: a written one takes in those it lies in or touches (mas_wr_extend_null). */
  #growGap(base: number, last: number): void {
    const { nodes, left, height } = this.#state;
    const { slots, ends } = nodes;
    if (slots[base + this.last] === NULL_ENTRY) this.end = this.max;
    else if (this.end === this.max && this.last < last && slots[base + this.last + 1] === NULL_ENTRY) {
      this.last++;
      this.max = ends[base + this.last];
      this.end = this.max;
    }
    if (slots[base + this.first] === NULL_ENTRY) this.start = this.min;
    else if (this.start === this.min && this.first > 0 && slots[base + this.first - 1] === NULL_ENTRY) {
      this.first--;
      left.slot[height - 1] = this.first;
      this.min = left.slotMin(height - 1);
      this.start = this.min;
    }
  }
}
