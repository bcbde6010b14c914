import { HEIGHT_MAX } from './geometry.ts';
import { type MapleNodes, STRIDE } from './nodes.ts';

/** A way from the root to a leaf: by level (0: the root) the node, the slot taken in it, and the node's range. */
export class MaplePath {
  readonly node = new Int32Array(HEIGHT_MAX + 1);
  readonly slot = new Int32Array(HEIGHT_MAX + 1);
  readonly min = new Float64Array(HEIGHT_MAX + 1);
  /** First index behind the node. */
  readonly max = new Float64Array(HEIGHT_MAX + 1);
  readonly #nodes: MapleNodes;

  constructor(nodes: MapleNodes) {
    this.#nodes = nodes;
  }

  copy(other: MaplePath, levels: number): void {
    for (let level = 0; level < levels; level++) {
      this.node[level] = other.node[level];
      this.slot[level] = other.slot[level];
      this.min[level] = other.min[level];
      this.max[level] = other.max[level];
    }
  }

  /** Goes to the slot of a level's node that holds an index, or the last one (mas_wr_node_walk). */
  seek(level: number, index: number): void {
    const node = this.node[level];
    const ends = this.#nodes.ends;
    const base = node * STRIDE;
    const last = base + this.#nodes.fill[node] - 1;
    let at = base;
    while (at < last && index >= ends[at]) at++;
    this.slot[level] = at - base;
  }

  /** Enters the child in the slot that was sought on a level. */
  descend(level: number): void {
    this.node[level + 1] = this.#nodes.slots[this.node[level] * STRIDE + this.slot[level]];
    this.min[level + 1] = this.slotMin(level);
    this.max[level + 1] = this.slotMax(level);
    this.slot[level + 1] = 0;
  }

  slotMin(level: number): number {
    const slot = this.slot[level];
    return slot === 0 ? this.min[level] : this.#nodes.ends[this.node[level] * STRIDE + slot - 1];
  }

  slotMax(level: number): number {
    return this.#nodes.ends[this.node[level] * STRIDE + this.slot[level]];
  }

  /** Number of the last slot in use. */
  last(level: number): number {
    return this.#nodes.fill[this.node[level]] - 1;
  }
}
