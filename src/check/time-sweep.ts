import { grouped } from '../base/sizes.ts';
import { InstallRaces } from './install-races.ts';
import { type OpStore, SIDE_NONE, SIDE_WRITER, SIDES } from './op-store.ts';
import { opText, type Pairs } from './pairs.ts';
import { CHECK_RULES } from './rules.ts';
import { SameThread } from './same-thread.ts';
import { EndHeap } from './sets/end-heap.ts';
import { IntervalPool } from './sets/interval-tree.ts';
import { judgedOp, type VerdictSink } from './verdict.ts';

/** Operations that are sorted at a time; the later half waits for those to come. */
const SORTED = 32_768;

const NONE = -1;

/** No page lies behind it. */
const END_OF_PAGES = 2 ** 53;

/** What runs in one address space. */
class Running {
  /** By side of the locking regime: the set of those that run. */
  readonly roots = new Int32Array(SIDES);
  readonly ends = new EndHeap();
}

/**
 * Finds operations that overlap in time: a sweep over their beginnings, with those that still run in interval trees. Time
 * intervals are half open, so that one may begin when another ends. Operations may come in any order that is not more than
 * 16,384 operations away from that of their beginnings.
 */
export class TimeSweep {
  readonly #store: OpStore;
  readonly #pairs: Pairs;
  readonly #sink: VerdictSink;
  readonly #pool = new IntervalPool();
  readonly #domains: Running[] = [];
  readonly #threads: SameThread;
  readonly #races: InstallRaces;
  /** Node of each operation that runs. */
  #nodes = new Int32Array(1024);
  #waiting = new Int32Array(1024);
  #count = 0;
  #sorted = true;
  #order = 0;
  /** Beginning of the last operation that was swept over. */
  #now = Number.NEGATIVE_INFINITY;
  readonly #visit = (other: number): boolean => this.#met(other);
  #op = 0;

  constructor(store: OpStore, pairs: Pairs, sink: VerdictSink) {
    this.#store = store;
    this.#pairs = pairs;
    this.#sink = sink;
    this.#threads = new SameThread(store, sink);
    this.#races = new InstallRaces(store, sink);
  }

  /** Takes an operation that has times. */
  add(op: number): void {
    const store = this.#store;
    store.hold(op);
    if (store.begin[op] < this.#now) this.#late(op);
    if (this.#count === this.#waiting.length) this.#makeRoom();
    if (this.#count > 0 && store.begin[op] < store.begin[this.#waiting[this.#count - 1]]) this.#sorted = false;
    this.#waiting[this.#count++] = op;
  }

  /** No more come. */
  finish(): void {
    this.#sweep(this.#count);
    for (const running of this.#domains) if (running !== undefined) this.#retire(running, Number.POSITIVE_INFINITY);
    this.#threads.finish();
  }

  #makeRoom(): void {
    if (this.#count < SORTED) {
      const next = new Int32Array(this.#count * 2);
      next.set(this.#waiting);
      this.#waiting = next;
      return;
    }
    this.#sweep(this.#count / 2);
  }

  /** Sweeps over the first of those that wait. */
  #sweep(count: number): void {
    const store = this.#store;
    const waiting = this.#waiting;
    if (!this.#sorted) {
      const all = waiting.subarray(0, this.#count);
      all.sort((a, b) => store.begin[a] - store.begin[b] || store.seq[a] - store.seq[b]);
      this.#sorted = true;
    }
    for (let i = 0; i < count; i++) {
      this.#take(waiting[i], i + 1 < this.#count ? waiting[i + 1] : NONE);
    }
    waiting.copyWithin(0, count, this.#count);
    this.#count -= count;
  }

  /** `next`: the operation after it; NONE after the last. */
  #take(op: number, next: number): void {
    const store = this.#store;
    const begin = store.begin[op];
    if (begin > this.#now) this.#now = begin;
    this.#threads.take(op);
    const domain = store.domain[op];
    this.#domains[domain] ??= new Running();
    const running = this.#domains[domain];
    if (running.ends.next <= begin) this.#retire(running, begin);
    const side = store.side(op);
    // The next one of its address space would take it out of those that run at once.
    const isAlone =
      running.ends.isEmpty && (next === NONE || (store.domain[next] === domain && store.end[op] <= store.begin[next]));
    if (side === SIDE_NONE || isAlone) {
      store.drop(op);
      return;
    }
    if (!running.ends.isEmpty && !this.#pairs.full) {
      this.#op = op;
      for (const rival of this.#pairs.rivals(side)) {
        const root = running.roots[rival];
        if (root === 0) continue;
        if (!this.#pool.overlaps(root, store.page[op], store.pageEnd[op], -1, this.#visit)) break;
      }
    }
    // What has no length is over before another begins.
    if (store.end[op] <= begin) {
      store.drop(op);
      return;
    }
    if (store.tables[op] !== 0) {
      this.#races.begins(op, (visit) => this.#pool.overlaps(running.roots[SIDE_WRITER], 0, END_OF_PAGES, -1, visit));
    }
    running.roots[side] = this.#pool.insert(running.roots[side], store.page[op], store.pageEnd[op], this.#order++, op);
    if (op >= this.#nodes.length) this.#growNodes(op);
    this.#nodes[op] = this.#pool.added;
    running.ends.push(store.end[op], op);
  }

  /** What still runs and touches the range of the operation at hand. */
  #met(other: number): boolean {
    const store = this.#store;
    const op = this.#op;
    // A moment is within an interval only after its beginning.
    if (store.begin[other] >= store.end[op]) return true;
    return this.#pairs.met(other, op);
  }

  /** Takes out what has ended by then. */
  #retire(running: Running, now: number): void {
    const store = this.#store;
    while (running.ends.next <= now && !running.ends.isEmpty) {
      const op = running.ends.pop();
      const side = store.side(op);
      running.roots[side] = this.#pool.remove(running.roots[side], this.#nodes[op]);
      if (store.tables[op] !== 0) this.#races.ended(op);
      store.drop(op);
    }
  }

  #growNodes(op: number): void {
    const next = new Int32Array(Math.max(this.#nodes.length * 2, op + 1));
    next.set(this.#nodes);
    this.#nodes = next;
  }

  #late(op: number): void {
    if (!this.#sink.counts('time-disorder', CHECK_RULES['time-disorder'].level)) return;
    const store = this.#store;
    const behind = this.#now - store.begin[op];
    this.#sink.add({
      rule: 'time-disorder',
      level: CHECK_RULES['time-disorder'].level,
      domain: store.domain[op],
      ops: [judgedOp(store, op)],
      page: store.page[op],
      end: store.pageEnd[op],
      window: { from: store.begin[op], to: this.#now },
      message: `${opText(store, op)} began ${grouped(behind)} ns before operations that stand far above it`,
    });
  }
}
