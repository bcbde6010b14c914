import { MapleCounters } from './counters.ts';
import { heightBound, TOP } from './geometry.ts';
import { ENTRY, NULL_ENTRY, STRIDE } from './nodes.ts';
import { requestAtHeight, requestByType, requestOfSeries, StoreType } from './requests.ts';
import { reshape, span } from './reshape.ts';
import { MapleState } from './state.ts';
import { MapleWrite } from './write.ts';

/** Ranges that one store can add: one that is written inside of another leaves two pieces of it. */
const ADDED_BY_STORE = 2;

export interface MapleOptions {
  /** False: a tree that does not track its gaps, with larger inner nodes. */
  readonly tracksGaps?: boolean;
  /** True: readers walk the tree meanwhile, so that nodes are replaced where they could be changed in place. */
  readonly rcu?: boolean;
}

/** What one store asked for and took; nodes. */
export class MapleStore {
  /** A StoreType. */
  type = 0;
  /** Requests by the rules of MapleCounters, and the nodes that were really taken. */
  byStore = 0;
  byHeight = 0;
  bySeries = 0;
  worstCase = 0;
  used = 0;
}

/**
 * A maple tree (lib/maple_tree.c) that holds the VMAs of an address space as disjoint ranges, in the shape that the
 * kernel's takes: nodes, slots for gaps, splits, rebalances and stores over several leaves. Of every store it tells the
 * nodes that must be there beforehand, since none can be waited for in the run phase, and those that it takes.
 * Ranges are [start, end), multiples of a page below 2^64 as doubles; an end of 2^64 is the last index.
 */
export class MapleTree {
  readonly stats = new MapleCounters();
  /** The latest store; the same object every time. */
  readonly latest = new MapleStore();
  readonly #state: MapleState;
  readonly #write: MapleWrite;
  readonly #tracksGaps: boolean;
  readonly #rcu: boolean;

  constructor(options: MapleOptions = {}) {
    this.#tracksGaps = options.tracksGaps ?? true;
    this.#rcu = options.rcu ?? false;
    this.#state = new MapleState(this.#tracksGaps);
    this.#write = new MapleWrite(this.#state, this.#rcu);
  }

  /** Levels of nodes; 0 for none. */
  get height(): number {
    return this.#state.height;
  }

  /** Ranges in the tree. */
  get size(): number {
    return this.#state.entries;
  }

  /**
   * A range enters, over whatever is there (mas_store_prealloc); over exactly one range it replaces it. `present`: the
   * ranges that may be there when the store runs, for the request that holds for any later state.
   */
  store(start: number, end: number, present = this.size + ADDED_BY_STORE): MapleStore {
    return this.#put(start, end, ENTRY, present);
  }

  /** Nothing is stored over [start, end): ranges inside go, those at its borders are cut. `present` as with `store`. */
  erase(start: number, end: number, present = this.size + ADDED_BY_STORE): MapleStore {
    return this.#put(start, end, NULL_ENTRY, present);
  }

  /** True when a range holds an index. */
  has(index: number): boolean {
    const { nodes, root, height, holdsZero } = this.#state;
    if (root === 0) return holdsZero && index === 0;
    let node = root;
    for (let level = 0; level < height; level++) {
      let at = node * STRIDE;
      while (index >= nodes.ends[at]) at++;
      node = nodes.slots[at];
    }
    return node !== NULL_ENTRY;
  }

  /** The ranges [start, end) by ascending address. */
  *ranges(): IterableIterator<readonly [start: number, end: number]> {
    if (this.#state.holdsZero) yield [0, 1];
    let start = 0;
    for (const leaf of this.#nodesOf(this.#state.height - 1)) {
      for (const { slot, end } of this.#slotsOf(leaf)) {
        if (slot !== NULL_ENTRY) yield [start, end];
        start = end;
      }
    }
  }

  /** Slots in use of every node, level by level from the root. */
  *shape(): IterableIterator<readonly number[]> {
    for (let level = 0; level < this.height; level++) {
      yield [...this.#nodesOf(level)].map((node) => this.#state.nodes.fill[node]);
    }
  }

  #put(start: number, end: number, entry: number, present: number): MapleStore {
    const { latest, stats } = this;
    const { nodes } = this.#state;
    const write = this.#write;
    const { plan } = write;
    write.decide(start, end, entry);
    latest.type = plan.type;
    latest.byStore = requestByType(plan, this.#rcu);
    latest.byHeight = requestAtHeight(plan.height);
    latest.bySeries = requestOfSeries(plan);
    latest.worstCase = requestAtHeight(heightBound(present, this.#tracksGaps));
    this.#apply();
    latest.used = nodes.taken;
    stats.nodesPeak = Math.max(stats.nodesPeak, nodes.live);
    nodes.release();
    this.#count();
    return latest;
  }

  #apply(): void {
    const state = this.#state;
    const write = this.#write;
    switch (write.plan.type) {
      case StoreType.storeRoot:
        this.#storeRoot();
        break;
      case StoreType.newRoot:
        state.replaceAll(write.entry);
        break;
      case StoreType.spanning:
        span(state, write);
        break;
      case StoreType.split:
      case StoreType.rebalance:
        reshape(state, write);
        break;
      default:
        this.#editLeaf(write.plan.type === StoreType.nodeStore && this.#rcu);
    }
  }

  /** The first range makes the first leaf; index 0 alone is kept without one (mas_store_root, mas_root_expand). */
  #storeRoot(): void {
    const state = this.#state;
    const { start, end, entry, plan } = this.#write;
    const kept = state.holdsZero && start > 0;
    if (entry === NULL_ENTRY || !plan.expandsRoot) {
      state.holdsZero = kept || entry !== NULL_ENTRY;
      state.entries = state.holdsZero ? 1 : 0;
      return;
    }
    state.holdsZero = false;
    const { copy } = state;
    copy.news = 0;
    if (kept) copy.addNews(ENTRY, 1);
    if (start > (kept ? 1 : 0)) copy.addNews(NULL_ENTRY, start);
    copy.addNews(entry, end);
    if (end < TOP) copy.addNews(NULL_ENTRY, TOP);
    state.setLeaf();
  }

  /** Puts the news into the leaf where it is, or with `replaces` into a new one in its place. */
  #editLeaf(replaces: boolean): void {
    const state = this.#state;
    const { nodes, copy, left } = state;
    const write = this.#write;
    const level = state.height - 1;
    let leaf = left.node[level];
    if (replaces) {
      nodes.doom(leaf);
      leaf = nodes.takeCopy(leaf);
      if (level === 0) state.root = leaf;
      else nodes.slots[left.node[level - 1] * STRIDE + left.slot[level - 1]] = leaf;
      left.node[level] = leaf;
    }
    write.news();
    state.entries += copy.replaceIn(leaf, write.first, write.last);
  }

  #count(): void {
    const { stats, latest } = this;
    const { used } = latest;
    stats.stores++;
    stats.byType[latest.type]++;
    stats.used += used;
    stats.largestUsed = Math.max(stats.largestUsed, used);
    stats.nodes = this.#state.nodes.live;
    stats.height = this.height;
    stats.heightPeak = Math.max(stats.heightPeak, this.height);
    stats.byStore.add(latest.byStore, used);
    stats.byHeight.add(latest.byHeight, used);
    stats.bySeries.add(latest.bySeries, used);
    stats.worstCase.add(latest.worstCase, used);
  }

  *#nodesOf(level: number): IterableIterator<number> {
    if (this.#state.root === 0) return;
    if (level === 0) yield this.#state.root;
    else for (const node of this.#nodesOf(level - 1)) for (const { slot } of this.#slotsOf(node)) yield slot;
  }

  *#slotsOf(node: number): IterableIterator<{ readonly slot: number; readonly end: number }> {
    const { nodes } = this.#state;
    for (let at = node * STRIDE; at < node * STRIDE + nodes.fill[node]; at++) {
      yield { slot: nodes.slots[at], end: nodes.ends[at] };
    }
  }
}
