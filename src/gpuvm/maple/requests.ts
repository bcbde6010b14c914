/** What a store does to the tree (lib/maple_tree.c:mas_wr_store_type), in the order in which it is decided. */
export const StoreType = {
  storeRoot: 0,
  spanning: 1,
  exactFit: 2,
  newRoot: 3,
  rebalance: 4,
  split: 5,
  append: 6,
  slotStore: 7,
  nodeStore: 8,
} as const;

/** Names of the store types, by number. */
export const STORE_TYPES = Object.keys(StoreType) as readonly (keyof typeof StoreType)[];

/** A store as it is about to be done: its type, and what the way down to it tells of the nodes it needs. */
export class StorePlan {
  /** A StoreType. */
  type = 0;
  /** Levels of the tree before the store; 0 without nodes. */
  height = 0;
  /** Level, from 1 at the root, of the lowest inner node on the way that has room for one more child; 0 for none. */
  vacant = 0;
  /** Level of the lowest inner node on the way that can lose a child and stay above its fewest; 0 for none. */
  sufficient = 0;
  /** False where a range at index 0 alone is kept in the root pointer and needs no node. */
  expandsRoot = true;
}

/** Nodes that Linux 7.1 preallocates for a store (lib/maple_tree.c:mas_prealloc_calc). */
export function requestByType(plan: StorePlan, rcu: boolean): number {
  const { height, vacant, sufficient } = plan;
  const from = sufficient < vacant ? sufficient : vacant;
  switch (plan.type) {
    case StoreType.storeRoot:
      return plan.expandsRoot ? 1 : 0;
    case StoreType.newRoot:
      return 1;
    case StoreType.nodeStore:
      return rcu ? 1 : 0;
    case StoreType.split:
      return 2 * (height - vacant) + 1;
    case StoreType.rebalance:
      return 2 * (height - from) + 1;
    case StoreType.spanning:
      return 3 * (height - from) + 1;
    default:
      return 0;
  }
}

/** Nodes that the series of 6.6 asks for: by type as well, from the height alone. */
export function requestOfSeries(plan: StorePlan): number {
  switch (plan.type) {
    case StoreType.storeRoot:
    case StoreType.newRoot:
    case StoreType.nodeStore:
      return 1;
    case StoreType.split:
      return 1 + 2 * plan.height;
    case StoreType.rebalance:
      return 2 * plan.height - 1;
    case StoreType.spanning:
      return 1 + 3 * plan.height;
    default:
      return 0;
  }
}

/** Nodes that mas_preallocate asks for up to 6.5: the worst of any store at this height. The worst at any later one too. */
export function requestAtHeight(height: number): number {
  return 1 + 3 * height;
}
