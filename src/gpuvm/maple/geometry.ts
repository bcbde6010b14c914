/** Slots of a leaf (maple_leaf_64), and the fewest it keeps unless it is the root. */
export const LEAF_SLOTS = 16;
export const LEAF_MIN = 6;

/** Children of an inner node of a tree that tracks gaps (maple_arange_64), and the fewest. */
export const GAP_SLOTS = 10;
export const GAP_MIN = 4;

/** Children of an inner node of a tree that does not (maple_range_64), and the fewest. */
export const RANGE_SLOTS = 16;
export const RANGE_MIN = 6;

/** Bytes of a node, whatever its type. */
export const NODE_BYTES = 256;

/** Objects of a slab sheaf of the cache of nodes. */
export const SHEAF_OBJECTS = 32;

/** Levels that a tree may have (MAPLE_HEIGHT_MAX). */
export const HEIGHT_MAX = 31;

/** Where the indices end: the last one is 2^64 - 1. */
export const TOP = 2 ** 64;

/**
 * A bound of the height of a tree of `entries` disjoint ranges, whatever their history: leaves hold at least LEAF_MIN
 * slots, of which gaps may take every other one, inner nodes at least their fewest children.
 */
export function heightBound(entries: number, tracksGaps: boolean): number {
  const leaves = Math.ceil((2 * entries + 1) / LEAF_MIN);
  const fewest = tracksGaps ? GAP_MIN : RANGE_MIN;
  let height = 1;
  for (let reached = 1; reached < leaves; reached *= fewest) height++;
  return height;
}

/**
 * Nodes that a request holds until it gives back what it did not use (lib/maple_tree.c:mas_alloc_nodes): one comes alone,
 * more come as a sheaf that is filled up to its capacity, or as a larger one made for the request.
 */
export function heldFor(request: number): number {
  return request <= 1 ? request : Math.max(request, SHEAF_OBJECTS);
}
