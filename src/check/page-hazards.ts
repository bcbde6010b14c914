import { FlushQueue } from './flush-queue.ts';
import { FLUSH_QUEUED, FLUSHED, KIND_MAP, type OpStore } from './op-store.ts';
import type { CheckOptions } from './options.ts';
import { opText, rangeText } from './pairs.ts';
import type { CheckRule, Level } from './rules.ts';
import { SegmentMap } from './sets/segment-map.ts';
import { judgedOp, type VerdictSink } from './verdict.ts';

/** What became of a map. */
export type MapOutcome = 'mapped' | 'exists' | 'dropped' | 'lost' | 'failed';

/**
 * What single operations of one address space do that the ones before them forbid: for every page it is known which map or
 * unmap touched it last, and of an unmap whether a TLB may still translate what went.
 */
export class PageHazards {
  readonly #store: OpStore;
  readonly #sink: VerdictSink;
  readonly #queue: FlushQueue;
  readonly #last: SegmentMap;
  /** Leaves that the trace shows to be used, and that a TLB may therefore hold; null: any. */
  readonly #touched: SegmentMap | null;

  /** The map at hand, and the operation that it was told to meet last. */
  #op = 0;
  #from = 0;
  #to = 0;
  #outcome: MapOutcome = 'mapped';
  #told = -1;
  readonly #meet = (before: number, start: number, stop: number): boolean => this.#meets(before, start, stop);

  constructor(store: OpStore, sink: VerdictSink, options: CheckOptions) {
    this.#store = store;
    this.#sink = sink;
    this.#queue = new FlushQueue(options.flushQueue);
    this.#last = new SegmentMap(store);
    this.#touched = options.tlb === 'touched' ? new SegmentMap(store) : null;
  }

  /** The trace has come to a time; NaN: it has none. */
  advance(now: number): void {
    this.#queue.advance(now);
  }

  /** Everything in the TLB has been invalidated. */
  flushAll(): void {
    this.#queue.flushAll();
    this.#touched?.clear();
  }

  /** A map of [page, end) has ended. */
  mapped(op: number, page: number, end: number, outcome: MapOutcome): void {
    if (outcome === 'failed') return;
    this.#op = op;
    this.#from = page;
    this.#to = end;
    this.#outcome = outcome;
    this.#told = -1;
    this.#last.each(page, end, this.#meet);
    if (outcome !== 'exists') this.#last.assign(page, end, op);
  }

  /** A map meets what an operation left behind. One word for each, however many pieces are left of it. */
  #meets(before: number, start: number, stop: number): boolean {
    if (before === this.#told) return true;
    this.#told = before;
    const op = this.#op;
    const outcome = this.#outcome;
    const from = Math.max(this.#from, start);
    const to = Math.min(this.#to, stop);
    if (this.#store.kind[before] === KIND_MAP) {
      if (outcome !== 'mapped') this.#overLive(op, before, from, to, outcome);
    } else if (outcome !== 'exists' && this.#isStale(before, from, to)) this.#reused(op, before, from, to);
    return true;
  }

  /**
   * An unmap has ended: [page, end) went. `hole` is the first page of a hole that it ended at, -1: none; `lost`: events before
   * it are missing, so that its hole means little.
   */
  unmapped(op: number, page: number, end: number, hole: number, lost: boolean): void {
    const store = this.#store;
    if (hole >= 0) this.#hole(op, hole, lost);
    if (store.flush[op] === FLUSH_QUEUED) this.#queue.queue(store.begin[op]);
    store.flushes[op] = this.#queue.flushes;
    this.#last.assign(page, end, op);
    if (store.flush[op] === FLUSHED) this.#touched?.remove(page, end);
  }

  /** What was mapped in the range of an operation, and now `isGone`, has been unmapped and invalidated. */
  released(op: number, isGone: (page: number) => boolean): void {
    const store = this.#store;
    const live: [number, number][] = [];
    this.#last.each(store.page[op], store.pageEnd[op], (before, start, end) => {
      if (store.kind[before] === KIND_MAP && isGone(Math.max(start, store.page[op]))) {
        live.push([Math.max(start, store.page[op]), Math.min(end, store.pageEnd[op])]);
      }
      return true;
    });
    for (const [start, end] of live) this.#last.assign(start, end, op);
  }

  /** Hardware has written through a leaf of [page, end). */
  touched(op: number, page: number, end: number): void {
    this.#touched?.assign(page, end, op);
  }

  /** An address was used that is not mapped: by a device, or (`looks`) by software that looks it up. */
  missed(op: number, looks: boolean): void {
    const store = this.#store;
    const page = store.page[op];
    const before = this.#last.at(page);
    if (before < 0 || store.kind[before] === KIND_MAP || !this.#isStale(before, page, page + 1)) return;
    const who = looks ? 'is looked up' : 'is used by a device';
    const message = `${rangeText(page, page + 1)} ${who} after ${opText(store, before)}, ${flushText(store, before)}: a TLB may still translate it`;
    this.#tell('use-after-unmap', looks ? 'warning' : 'error', before, op, page, page + 1, message);
  }

  /** Visits what is mapped: the map and the pages that are left of it. */
  eachLive(visit: (op: number, page: number, end: number) => boolean): void {
    this.#last.each(0, Number.POSITIVE_INFINITY, (op, page, end) =>
      this.#store.kind[op] === KIND_MAP ? visit(op, page, end) : true,
    );
  }

  /** The address space is gone. */
  finish(): void {
    this.#last.clear();
    this.#touched?.clear();
  }

  /** A TLB may still hold what an unmap took from [from, to). */
  #isStale(unmap: number, from: number, to: number): boolean {
    const store = this.#store;
    if (store.flush[unmap] === FLUSHED || store.flushes[unmap] !== this.#queue.flushes) return false;
    if (this.#touched === null) return true;
    let held = false;
    this.#touched.each(from, to, () => {
      held = true;
      return false;
    });
    return held;
  }

  #reused(op: number, before: number, from: number, to: number): void {
    const store = this.#store;
    const queued = store.flush[before] === FLUSH_QUEUED;
    const message = `${opText(store, op)} uses ${rangeText(from, to)} again after ${opText(store, before)}, ${flushText(store, before)}`;
    this.#tell('reuse-before-flush', queued ? 'error' : 'warning', before, op, from, to, message);
  }

  #overLive(op: number, before: number, from: number, to: number, outcome: MapOutcome): void {
    const store = this.#store;
    const how =
      outcome === 'exists'
        ? 'and fails'
        : outcome === 'lost'
          ? 'as recorded: an unmap before it is missing in the trace'
          : 'and removes it without a word: a block takes the place of the table';
    const message = `${opText(store, op)} meets ${rangeText(from, to)} of ${opText(store, before)}, which is mapped, ${how}`;
    this.#tell('map-over-live', outcome === 'lost' ? 'warning' : 'error', before, op, from, to, message);
  }

  #hole(op: number, hole: number, lost: boolean): void {
    const store = this.#store;
    const before = this.#last.at(hole);
    // What is mapped there did not go for another reason, which has a word of its own.
    if (before >= 0 && store.kind[before] === KIND_MAP) return;
    const end = Math.max(hole + 1, store.pageEnd[op]);
    const message = `${opText(store, op)} meets a hole at ${rangeText(hole, hole + 1)}`;
    if (before < 0) {
      const why = lost ? ': a map before it is missing in the trace' : ', which nothing in the trace has mapped';
      this.#tell('unmap-of-nothing', 'warning', -1, op, hole, end, message + why);
    } else {
      this.#tell(
        'double-unmap',
        lost ? 'warning' : 'error',
        before,
        op,
        hole,
        end,
        `${message} that ${opText(store, before)} left`,
      );
    }
  }

  #tell(rule: CheckRule, level: Level, before: number, op: number, page: number, end: number, message: string): void {
    if (!this.#sink.counts(rule, level)) return;
    const store = this.#store;
    const ops = before < 0 ? [op] : [before, op];
    this.#sink.add({
      rule,
      level,
      domain: store.domain[op],
      ops: ops.map((one) => judgedOp(store, one)),
      page,
      end,
      window: before < 0 ? null : windowBetween(store, before, op),
      message,
    });
  }
}

function flushText(store: OpStore, unmap: number): string {
  return store.flush[unmap] === FLUSH_QUEUED
    ? 'which still waits in the flush queue'
    : 'whose caller gave no gather; whether it flushed by itself is not in the trace';
}

/** From the end of one operation to the beginning of the next; null where times are not known, or out of order. */
function windowBetween(store: OpStore, before: number, op: number): { from: number; to: number } | null {
  const from = Number.isNaN(store.end[before]) ? store.begin[before] : store.end[before];
  const to = store.begin[op];
  return to >= from ? { from, to } : null;
}
