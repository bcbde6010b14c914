import { MapleCopy } from './copy.ts';
import { GAP_MIN, GAP_SLOTS, LEAF_MIN, LEAF_SLOTS, RANGE_MIN, RANGE_SLOTS, TOP } from './geometry.ts';
import { MapleNodes, NULL_ENTRY, STRIDE } from './nodes.ts';
import { MaplePath } from './path.ts';

/** A maple tree as it stands, and what a store works with. */
export class MapleState {
  readonly nodes = new MapleNodes();
  readonly copy = new MapleCopy(this.nodes);
  /** The way to the first index of a store, and of a store over several leaves to the index behind its last one. */
  readonly left = new MaplePath(this.nodes);
  readonly right = new MaplePath(this.nodes);
  /** 0: no node; the tree is empty, or holds index 0 alone in its root pointer. */
  root = 0;
  holdsZero = false;
  height = 0;
  /** Ranges in the tree. */
  entries = 0;
  readonly innerSlots: number;
  readonly innerMin: number;

  constructor(tracksGaps: boolean) {
    this.innerSlots = tracksGaps ? GAP_SLOTS : RANGE_SLOTS;
    this.innerMin = tracksGaps ? GAP_MIN : RANGE_MIN;
  }

  /** Slots of the nodes of a level, and the fewest. */
  slotsOf(level: number): number {
    return level === this.height - 1 ? LEAF_SLOTS : this.innerSlots;
  }

  minOf(level: number): number {
    return level === this.height - 1 ? LEAF_MIN : this.innerMin;
  }

  /** The news of the copy become the whole tree: `levels` is what they stand on (cp_is_new_root). */
  setRoot(levels: number): void {
    const copy = this.copy;
    this.height = levels;
    if (copy.news > 1) {
      copy.start();
      copy.gatherNews();
      copy.distribute(this.innerSlots, false);
      this.height++;
    }
    this.root = copy.newsSlots[0];
  }

  /** A tree of one leaf, with the news of the copy as its slots. */
  setLeaf(): void {
    const copy = this.copy;
    copy.start();
    copy.gatherNews();
    this.entries = copy.entries();
    copy.distribute(LEAF_SLOTS, true);
    this.root = copy.newsSlots[0];
    this.height = 1;
  }

  /** One entry over all indices, or nothing at all (mas_new_root). */
  replaceAll(entry: number): void {
    if (this.root !== 0) this.doomBelow(this.root, 0);
    this.root = 0;
    this.height = 0;
    this.entries = 0;
    this.copy.news = 0;
    if (entry === NULL_ENTRY) return;
    this.copy.addNews(entry, TOP);
    this.setLeaf();
  }

  /** Dooms a node and all below it, except what was doomed before: its children live on elsewhere. */
  doomBelow(node: number, level: number): void {
    const nodes = this.nodes;
    if (nodes.isDoomed(node)) return;
    if (level === this.height - 1) this.entries -= nodes.entries(node);
    else {
      const last = node * STRIDE + nodes.fill[node];
      for (let at = node * STRIDE; at < last; at++) this.doomBelow(nodes.slots[at], level + 1);
    }
    nodes.doom(node);
  }
}
