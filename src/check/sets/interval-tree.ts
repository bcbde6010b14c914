const FIRST = 256;

/** Numbers of a node, beside each other so that one look at memory brings them all. */
const START = 0;
const END = 1;
const ORDER = 2;
const MAX_END = 3;
const MAX_ORDER = 4;
const NUMBERS = 8;
/** And its links. */
const LEFT = 0;
const RIGHT = 1;
const PRIORITY = 2;
const ITEM = 3;
const LINKS = 4;

/**
 * Sets of intervals [start, end), any number of sets in one pool of nodes: treaps by start, each node with the largest end
 * and the largest order below it, so that a search passes by what lies before its range or is too old. A set is the number
 * of its root; 0 is the empty one. Orders within a set differ. All work is logarithmic, beside what is found.
 */
export class IntervalPool {
  /** The node of the last insert. */
  added = 0;
  #numbers = new Float64Array(FIRST * NUMBERS);
  #links = new Int32Array(FIRST * LINKS);
  readonly #free: number[] = [];
  #used = 1;
  #random = 0x1e3779b9;
  /** The parts of the last split. */
  #below = 0;
  #above = 0;

  /** Adds an interval to a set; the node's number is in `added`. Returns the set's new root. */
  insert(root: number, start: number, end: number, order: number, item: number): number {
    const node = this.#node(start, end, order, item);
    const numbers = this.#numbers;
    const links = this.#links;
    const priority = links[node * LINKS + PRIORITY];
    let parent = 0;
    let side = LEFT;
    let at = root;
    while (at !== 0 && links[at * LINKS + PRIORITY] >= priority) {
      const own = at * NUMBERS;
      if (numbers[own + MAX_END] < end) numbers[own + MAX_END] = end;
      if (numbers[own + MAX_ORDER] < order) numbers[own + MAX_ORDER] = order;
      parent = at;
      side = this.#isBefore(node, at) ? LEFT : RIGHT;
      at = links[at * LINKS + side];
    }
    this.#split(at, node);
    links[node * LINKS + LEFT] = this.#below;
    links[node * LINKS + RIGHT] = this.#above;
    this.#sum(node);
    if (parent === 0) return node;
    links[parent * LINKS + side] = node;
    return root;
  }

  /** Takes a node out of its set; returns the set's new root. */
  remove(root: number, node: number): number {
    const next = this.#take(root, node);
    this.#free.push(node);
    return next;
  }

  /** Gives back all nodes of a set. */
  clear(root: number): void {
    if (root === 0) return;
    this.clear(this.#links[root * LINKS + LEFT]);
    this.clear(this.#links[root * LINKS + RIGHT]);
    this.#free.push(root);
  }

  /**
   * Visits the items of intervals that meet [start, end) and whose order is above `after`, by ascending start. False from
   * `visit` ends the search.
   */
  overlaps(root: number, start: number, end: number, after: number, visit: (item: number) => boolean): boolean {
    const numbers = this.#numbers;
    const links = this.#links;
    for (let at = root; at !== 0; at = links[at * LINKS + RIGHT]) {
      const own = at * NUMBERS;
      if (numbers[own + MAX_END] <= start || numbers[own + MAX_ORDER] <= after) return true;
      const left = links[at * LINKS + LEFT];
      if (left !== 0 && !this.overlaps(left, start, end, after, visit)) return false;
      if (numbers[own + START] >= end) return true;
      if (numbers[own + END] > start && numbers[own + ORDER] > after && !visit(links[at * LINKS + ITEM])) return false;
    }
    return true;
  }

  #node(start: number, end: number, order: number, item: number): number {
    const node = this.#free.pop() ?? this.#used++;
    if ((node + 1) * LINKS > this.#links.length) this.#grow();
    const own = node * NUMBERS;
    this.#numbers[own + START] = start;
    this.#numbers[own + END] = end;
    this.#numbers[own + ORDER] = order;
    // xorshift32: the same shape of the tree in every run.
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    this.#links[node * LINKS + PRIORITY] = x;
    this.#links[node * LINKS + ITEM] = item;
    this.added = node;
    return node;
  }

  #isBefore(a: number, b: number): boolean {
    const numbers = this.#numbers;
    const [own, other] = [a * NUMBERS, b * NUMBERS];
    if (numbers[own + START] !== numbers[other + START]) return numbers[own + START] < numbers[other + START];
    return numbers[own + ORDER] < numbers[other + ORDER];
  }

  /** Parts a set into what comes before a node and what comes after it. */
  #split(root: number, node: number): void {
    if (root === 0) {
      this.#below = 0;
      this.#above = 0;
      return;
    }
    const links = this.#links;
    if (this.#isBefore(node, root)) {
      this.#split(links[root * LINKS + LEFT], node);
      links[root * LINKS + LEFT] = this.#above;
      this.#above = this.#sum(root);
    } else {
      this.#split(links[root * LINKS + RIGHT], node);
      links[root * LINKS + RIGHT] = this.#below;
      this.#below = this.#sum(root);
    }
  }

  #take(root: number, node: number): number {
    const links = this.#links;
    if (root === node) return this.#join(links[root * LINKS + LEFT], links[root * LINKS + RIGHT]);
    const side = this.#isBefore(node, root) ? LEFT : RIGHT;
    links[root * LINKS + side] = this.#take(links[root * LINKS + side], node);
    return this.#sum(root);
  }

  #join(a: number, b: number): number {
    if (a === 0) return b;
    if (b === 0) return a;
    const links = this.#links;
    if (links[a * LINKS + PRIORITY] > links[b * LINKS + PRIORITY]) {
      links[a * LINKS + RIGHT] = this.#join(links[a * LINKS + RIGHT], b);
      return this.#sum(a);
    }
    links[b * LINKS + LEFT] = this.#join(a, links[b * LINKS + LEFT]);
    return this.#sum(b);
  }

  #sum(node: number): number {
    const numbers = this.#numbers;
    const own = node * NUMBERS;
    let end = numbers[own + END];
    let order = numbers[own + ORDER];
    for (let side = LEFT; side <= RIGHT; side++) {
      const kid = this.#links[node * LINKS + side] * NUMBERS;
      if (kid === 0) continue;
      if (numbers[kid + MAX_END] > end) end = numbers[kid + MAX_END];
      if (numbers[kid + MAX_ORDER] > order) order = numbers[kid + MAX_ORDER];
    }
    numbers[own + MAX_END] = end;
    numbers[own + MAX_ORDER] = order;
    return node;
  }

  #grow(): void {
    const numbers = new Float64Array(this.#numbers.length * 2);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const links = new Int32Array(this.#links.length * 2);
    links.set(this.#links);
    this.#links = links;
  }
}
