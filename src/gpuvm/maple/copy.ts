import { type MapleNodes, NULL_ENTRY, STRIDE } from './nodes.ts';

/** Three full nodes' slots: more never come together. */
const ROOM = 4 * STRIDE;

/**
 * The slots of one level that a store takes out of their nodes and lays into one, two or three new ones
 * (lib/maple_tree.c:maple_copy): first gathered in order, then cut. What comes out is the news for the level above.
 */
export class MapleCopy {
  /** The news: slots that take the place of those that went. */
  readonly newsEnds = new Float64Array(4);
  readonly newsSlots = new Int32Array(4);
  news = 0;
  readonly #nodes: MapleNodes;
  readonly #ends = new Float64Array(ROOM);
  readonly #slots = new Int32Array(ROOM);
  #count = 0;

  constructor(nodes: MapleNodes) {
    this.#nodes = nodes;
  }

  addNews(slot: number, end: number): void {
    this.newsSlots[this.news] = slot;
    this.newsEnds[this.news++] = end;
  }

  start(): void {
    this.#count = 0;
  }

  gather(node: number, from: number, to: number): void {
    const nodes = this.#nodes;
    for (let at = node * STRIDE + from; at < node * STRIDE + to; at++) {
      this.#ends[this.#count] = nodes.ends[at];
      this.#slots[this.#count++] = nodes.slots[at];
    }
  }

  gatherNews(): void {
    for (let at = 0; at < this.news; at++) {
      this.#ends[this.#count] = this.newsEnds[at];
      this.#slots[this.#count++] = this.newsSlots[at];
    }
  }

  /** Entries among the slots gathered; on the level of the leaves. */
  entries(): number {
    let entries = 0;
    for (let at = 0; at < this.#count; at++) if (this.#slots[at] !== NULL_ENTRY) entries++;
    return entries;
  }

  /**
   * Lays the gathered slots into as few new nodes as hold them, evenly; these are the news then (dst_setup, cp_data_write).
   * A leaf must not end in a gap, which goes to the next one instead: what fills two leaves with a gap at the cut takes three.
   */
  distribute(capacity: number, leaves: boolean): void {
    const data = this.#count;
    let parts = 1;
    let each = data;
    if (data > capacity) {
      parts = 2;
      each = ((data - 1) >> 1) + 1;
      if (data > 2 * capacity || (data === 2 * capacity && leaves && this.#slots[each - 1] === NULL_ENTRY)) {
        parts = 3;
        each = Math.floor((data + 2) / 3) + 1;
      }
    }
    this.news = 0;
    let taken = 0;
    let size = each;
    for (let part = 1; part <= parts; part++) {
      let next = each;
      if (part === parts) size = data - taken;
      else if (leaves && this.#slots[taken + size - 1] === NULL_ENTRY) {
        size--;
        next++;
      }
      this.#lay(taken, size);
      taken += size;
      size = next;
    }
  }

  /** Puts the news in place of the slots `first` to `last` of a leaf; how many entries it gains. */
  replaceIn(leaf: number, first: number, last: number): number {
    const { slots, ends, fill } = this.#nodes;
    const base = leaf * STRIDE;
    const behind = base + fill[leaf];
    const shift = this.news - (last - first + 1);
    let gained = 0;
    for (let at = base + first; at <= base + last; at++) if (slots[at] !== NULL_ENTRY) gained--;
    if (shift > 0) {
      for (let at = behind - 1; at > base + last; at--) {
        slots[at + shift] = slots[at];
        ends[at + shift] = ends[at];
      }
    } else if (shift < 0) {
      for (let at = base + last + 1; at < behind; at++) {
        slots[at + shift] = slots[at];
        ends[at + shift] = ends[at];
      }
    }
    for (let at = 0; at < this.news; at++) {
      if (this.newsSlots[at] !== NULL_ENTRY) gained++;
      slots[base + first + at] = this.newsSlots[at];
      ends[base + first + at] = this.newsEnds[at];
    }
    fill[leaf] += shift;
    return gained;
  }

  #lay(from: number, size: number): void {
    const nodes = this.#nodes;
    const node = nodes.take();
    const base = node * STRIDE;
    for (let at = 0; at < size; at++) {
      nodes.ends[base + at] = this.#ends[from + at];
      nodes.slots[base + at] = this.#slots[from + at];
    }
    nodes.fill[node] = size;
    this.addNews(node, this.#ends[from + size - 1]);
  }
}
