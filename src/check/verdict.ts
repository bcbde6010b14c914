import type { OpStore } from './op-store.ts';
import type { CheckRule, Level } from './rules.ts';

/** One operation as a verdict tells it. */
export interface JudgedOp {
  /** Number of the event, from 0, and line of the input, from 1. */
  readonly seq: number;
  readonly line: number;
  /** Its name, as one of OP_KINDS. */
  readonly kind: number;
  /** Indices into the reader's names; -1: none. */
  readonly thread: number;
  readonly queue: number;
  /** As it was asked for. */
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  /** Nanoseconds of the trace; null: not known. */
  readonly begin: number | null;
  readonly end: number | null;
}

/** What is held against one operation, or two. Pages are numbered in units of 4K. */
export interface Verdict {
  readonly rule: CheckRule;
  readonly level: Level;
  /** Number of the address space, as its operations name it. */
  readonly domain: number;
  /** The earlier first, where there are two. */
  readonly ops: readonly JudgedOp[];
  /** The pages that it is about: [page, end). */
  readonly page: number;
  readonly end: number;
  /** The time that it is about, in nanoseconds; null where there is none. */
  readonly window: { readonly from: number; readonly to: number } | null;
  readonly message: string;
}

/** Takes verdicts. Of many of one rule only the first are wanted in words. */
export interface VerdictSink {
  /** Counts one; true when it is to be told in words, too. */
  counts(rule: CheckRule, level: Level): boolean;
  add(verdict: Verdict): void;
}

/** An operation of the store as a verdict tells it. */
export function judgedOp(store: OpStore, op: number): JudgedOp {
  const known = (time: number): number | null => (Number.isNaN(time) ? null : time);
  return {
    seq: store.seq[op],
    line: store.line[op],
    kind: store.named(op),
    thread: store.thread[op],
    queue: store.queue[op],
    iovaHi: store.iovaHi[op],
    iovaLo: store.iovaLo[op],
    size: store.size[op],
    begin: known(store.begin[op]),
    end: known(store.end[op]),
  };
}
