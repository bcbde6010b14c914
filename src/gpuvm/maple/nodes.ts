/** Slots that every node has room for here. */
export const STRIDE = 16;

/** No entry: a gap in a leaf. */
export const NULL_ENTRY = 0;

/** An entry. All ranges are alike: the shape of a tree does not depend on what they hold. */
export const ENTRY = 1;

/**
 * The nodes of a maple tree, numbered from 1 (0: no node). Slot s of node n lies at n * STRIDE + s: in a leaf an entry or
 * NULL_ENTRY, above a child. Slots cover the node's range without holes: each goes up to its `ends`, the first index
 * behind it (the kernel's pivots are the last index inside; the last slot's is kept here too).
 */
export class MapleNodes {
  ends = new Float64Array(64 * STRIDE);
  slots = new Int32Array(64 * STRIDE);
  /** Slots in use, by node. */
  fill = new Uint8Array(64);
  /** Nodes taken since the last `release`. */
  taken = 0;
  live = 0;
  readonly #free: number[] = [];
  readonly #doomed: number[] = [];
  /** Nodes that are doomed and not yet released, by node. */
  #dead = new Uint8Array(64);
  #next = 1;

  /** A node without slots. */
  take(): number {
    const node = this.#free.pop() ?? this.#next++;
    if (node === this.fill.length) this.#grow();
    this.fill[node] = 0;
    this.taken++;
    this.live++;
    return node;
  }

  /** A node with the slots of another. */
  takeCopy(other: number): number {
    const node = this.take();
    this.ends.copyWithin(node * STRIDE, other * STRIDE, (other + 1) * STRIDE);
    this.slots.copyWithin(node * STRIDE, other * STRIDE, (other + 1) * STRIDE);
    this.fill[node] = this.fill[other];
    return node;
  }

  /** Puts a node aside until the store is done: it may still be read, and is not taken again before. */
  doom(node: number): void {
    if (this.#dead[node] === 1) return;
    this.#dead[node] = 1;
    this.#doomed.push(node);
  }

  isDoomed(node: number): boolean {
    return this.#dead[node] === 1;
  }

  /** Frees what was doomed. */
  release(): void {
    this.taken = 0;
    if (this.#doomed.length === 0) return;
    for (const node of this.#doomed) {
      this.#dead[node] = 0;
      this.#free.push(node);
    }
    this.live -= this.#doomed.length;
    this.#doomed.length = 0;
  }

  /** Slots of a leaf that hold an entry. */
  entries(leaf: number): number {
    let entries = 0;
    const last = leaf * STRIDE + this.fill[leaf];
    for (let at = leaf * STRIDE; at < last; at++) if (this.slots[at] !== NULL_ENTRY) entries++;
    return entries;
  }

  #grow(): void {
    const nodes = this.fill.length * 2;
    const ends = new Float64Array(nodes * STRIDE);
    ends.set(this.ends);
    this.ends = ends;
    const slots = new Int32Array(nodes * STRIDE);
    slots.set(this.slots);
    this.slots = slots;
    const fill = new Uint8Array(nodes);
    fill.set(this.fill);
    this.fill = fill;
    const dead = new Uint8Array(nodes);
    dead.set(this.#dead);
    this.#dead = dead;
  }
}
