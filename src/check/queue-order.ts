import { type OpStore, SIDE_NONE, SIDES } from './op-store.ts';
import type { Pairs } from './pairs.ts';
import { IntervalPool } from './sets/interval-tree.ts';

/** A line of operations that follow each other: a queue, or a thread. */
interface Line {
  /** By line: the number of its last operation that is known to have ended before this line goes on; 0: none. */
  readonly seen: number[];
  /** By address space and side: the set of its operations. */
  readonly roots: (Int32Array | undefined)[];
}

/**
 * Which operations may run at the same time in a trace without times: those of different queues (or threads), unless one is
 * ordered behind the other by fences that it waits for, over any number of steps. Vector clocks say which: each line knows
 * of each other line how far that one had come. An operation of no line takes no part.
 */
export class QueueOrder {
  readonly #store: OpStore;
  readonly #pairs: Pairs;
  readonly #pool = new IntervalPool();
  readonly #lines: Line[] = [];
  /** By name: what is known to have happened once the fence is signalled. */
  readonly #fences = new Map<string, readonly number[]>();
  /** What the event at hand knows that belongs to no line, and which event that is. */
  #loose: readonly number[] = [];
  #looseEvent: object | null = null;
  #number = 0;
  #op = 0;
  readonly #visit = (other: number): boolean => this.#pairs.met(other, this.#op);

  constructor(store: OpStore, pairs: Pairs) {
    this.#store = store;
    this.#pairs = pairs;
  }

  /**
   * What a line does from now on waits for a fence; of no line (-1) only the event does, which then passes on what it
   * knows to those that wait for it. False: nobody has signalled the fence.
   */
  wait(line: number, fence: string, event: object): boolean {
    const known = this.#fences.get(fence);
    if (known === undefined) return false;
    if (line < 0) {
      const seen = [...this.#known(event)];
      join(seen, known);
      this.#looseEvent = event;
      this.#loose = seen;
    } else join(this.#line(line).seen, known);
    return true;
  }

  /** What a line has done up to now has ended when the fence is signalled. */
  signal(line: number, fence: string, event: object): void {
    if (line < 0) {
      this.#fences.set(fence, this.#known(event));
      return;
    }
    const known = [...this.#line(line).seen];
    known[line] = this.#number;
    this.#fences.set(fence, known);
  }

  /** An operation of a line. */
  add(line: number, op: number): void {
    const store = this.#store;
    const side = store.side(op);
    const number = ++this.#number;
    // Of more pairs than are counted nobody asks any more.
    if (side === SIDE_NONE || this.#pairs.full) return;
    const domain = store.domain[op];
    const own = this.#line(line);
    this.#op = op;
    this.#look(own, line, domain, side);
    own.roots[domain] ??= new Int32Array(SIDES);
    const roots = own.roots[domain];
    store.hold(op);
    roots[side] = this.#pool.insert(roots[side], store.page[op], store.pageEnd[op], number, op);
  }

  /** An address space is gone: nothing can meet its operations any more. */
  forget(domain: number): void {
    for (const { roots } of this.#lines) {
      const sets = roots[domain];
      if (sets === undefined) continue;
      for (const root of sets) {
        this.#pool.overlaps(root, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -1, (op) => {
          this.#store.drop(op);
          return true;
        });
        this.#pool.clear(root);
      }
      roots[domain] = undefined;
    }
  }

  #look(own: Line, line: number, domain: number, side: number): void {
    const store = this.#store;
    const rivals = this.#pairs.rivals(side);
    for (let other = 0; other < this.#lines.length; other++) {
      const roots = other === line ? undefined : this.#lines[other]?.roots[domain];
      if (roots === undefined) continue;
      const after = own.seen[other] ?? 0;
      for (const rival of rivals) {
        const root = roots[rival];
        if (root === 0) continue;
        if (!this.#pool.overlaps(root, store.page[this.#op], store.pageEnd[this.#op], after, this.#visit)) return;
      }
    }
  }

  /** What an event of no line has learned from the fences it waited for. */
  #known(event: object): readonly number[] {
    return this.#looseEvent === event ? this.#loose : [];
  }

  #line(line: number): Line {
    while (this.#lines.length <= line) this.#lines.push({ seen: [], roots: [] });
    return this.#lines[line];
  }
}

/** Adds to what a line knows of the others what is known elsewhere. */
function join(seen: number[], known: readonly number[]): void {
  known.forEach((number, other) => {
    if (number > (seen[other] ?? 0)) seen[other] = number;
  });
}
