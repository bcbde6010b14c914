import { grouped } from '../base/sizes.ts';
import { NOBODY, type OpStore } from './op-store.ts';
import { opText, overlapInTime } from './pairs.ts';
import { CHECK_RULES } from './rules.ts';
import { judgedOp, type VerdictSink } from './verdict.ts';

/** Finds threads that do two things at a time, from operations in the order of their beginnings. */
export class SameThread {
  readonly #store: OpStore;
  readonly #sink: VerdictSink;
  /** By thread: the operation that ends last. */
  readonly #last: number[] = [];

  constructor(store: OpStore, sink: VerdictSink) {
    this.#store = store;
    this.#sink = sink;
  }

  take(op: number): void {
    const store = this.#store;
    const thread = store.thread[op];
    if (thread === NOBODY) return;
    const last = this.#last[thread] ?? -1;
    if (last >= 0) {
      if (store.seq[last] !== store.seq[op] && store.end[last] > store.begin[op] && store.begin[last] < store.end[op]) {
        this.#tell(last, op);
      }
      if (store.end[op] <= store.end[last]) return;
      store.drop(last);
    }
    store.hold(op);
    this.#last[thread] = op;
  }

  finish(): void {
    for (const op of this.#last) if (op !== undefined) this.#store.drop(op);
    this.#last.length = 0;
  }

  #tell(a: number, b: number): void {
    if (!this.#sink.counts('thread-overlap', CHECK_RULES['thread-overlap'].level)) return;
    const store = this.#store;
    const window = overlapInTime(store, a, b);
    this.#sink.add({
      rule: 'thread-overlap',
      level: CHECK_RULES['thread-overlap'].level,
      domain: store.domain[b],
      ops: [judgedOp(store, a), judgedOp(store, b)],
      page: store.page[b],
      end: store.pageEnd[b],
      window,
      message: `one thread does ${opText(store, a)} and ${opText(store, b)} at once, for ${grouped(window.to - window.from)} ns`,
    });
  }
}
