import { exactSize, grouped } from '../base/sizes.ts';
import { hex64, TWO_32 } from '../base/u64.ts';
import {
  isAboutAll,
  KIND_LOOK_UP,
  NOBODY,
  OP_KINDS,
  type OpStore,
  SIDE_CLEAR,
  SIDE_LOOK_UP,
  SIDE_READER,
  SIDE_WRITER,
} from './op-store.ts';
import type { LockRegime } from './options.ts';
import { CHECK_RULES, type CheckRule } from './rules.ts';
import { judgedOp, type VerdictSink } from './verdict.ts';

/** Bytes of the pages that intervals are counted in. */
export const PAGE = 4096;

/** Pairs of operations that are counted at most: where everybody meets everybody there are more than anybody can use. */
export const PAIRS_COUNTED = 1_000_000;

/** By side: the sides that it must not meet. */
const RIVALS: Readonly<Record<LockRegime, readonly (readonly number[])[]>> = {
  rw: [[SIDE_WRITER, SIDE_LOOK_UP, SIDE_CLEAR, SIDE_READER], [SIDE_WRITER], [SIDE_WRITER, SIDE_CLEAR], [SIDE_WRITER]],
  literal: [
    [SIDE_WRITER, SIDE_LOOK_UP, SIDE_CLEAR, SIDE_READER],
    [SIDE_WRITER, SIDE_LOOK_UP],
    [SIDE_WRITER, SIDE_CLEAR],
    [SIDE_WRITER],
  ],
};

/** Turns pairs of operations that met where they must not into verdicts. */
export class Pairs {
  /** There were more pairs than are counted. */
  full = false;
  readonly #store: OpStore;
  readonly #sink: VerdictSink;
  readonly #rivals: readonly (readonly number[])[];
  /** They did overlap in time; else they may. */
  readonly #timed: boolean;
  #left = PAIRS_COUNTED;

  constructor(store: OpStore, sink: VerdictSink, lock: LockRegime, timed: boolean) {
    this.#store = store;
    this.#sink = sink;
    this.#rivals = RIVALS[lock];
    this.#timed = timed;
  }

  /** The sides that an operation of this side must not meet. */
  rivals(side: number): readonly number[] {
    return this.#rivals[side];
  }

  /** Two operations of one address space met. False: enough has been counted. */
  met(a: number, b: number): boolean {
    const store = this.#store;
    // The parts of a job follow each other; one thread in two places is another rule's business.
    if (store.seq[a] === store.seq[b]) return true;
    if (this.#timed && store.thread[a] !== NOBODY && store.thread[a] === store.thread[b]) return true;
    if (this.#left-- === 0) {
      this.full = true;
      return false;
    }
    const rule = store.side(a) === SIDE_CLEAR && store.side(b) === SIDE_CLEAR ? 'dirty-race' : 'lock-conflict';
    if (this.#sink.counts(rule, CHECK_RULES[rule].level)) this.#tell(rule, a, b);
    return true;
  }

  #tell(rule: CheckRule, a: number, b: number): void {
    const store = this.#store;
    const [first, second] = isEarlier(store, a, b, this.#timed) ? [a, b] : [b, a];
    const page = Math.max(store.page[a], store.page[b]);
    const end = Math.min(store.pageEnd[a], store.pageEnd[b]);
    const window = this.#timed ? overlapInTime(store, a, b) : null;
    const when =
      window === null ? 'may run at the same time' : `run at the same time for ${grouped(window.to - window.from)} ns`;
    const clearing = rule === 'dirty-race' ? ', both clear dirty bits' : '';
    this.#sink.add({
      rule,
      level: CHECK_RULES[rule].level,
      domain: store.domain[a],
      ops: [judgedOp(store, first), judgedOp(store, second)],
      page,
      end,
      window,
      message: `${opText(store, first)} and ${opText(store, second)} ${when} and meet in ${rangeText(page, end)}${clearing}`,
    });
  }
}

function isEarlier(store: OpStore, a: number, b: number, timed: boolean): boolean {
  if (timed && store.begin[a] !== store.begin[b]) return store.begin[a] < store.begin[b];
  return store.seq[a] < store.seq[b];
}

/** When both run; of an operation without a length the moment at which it is. */
export function overlapInTime(store: OpStore, a: number, b: number): { from: number; to: number } {
  return { from: Math.max(store.begin[a], store.begin[b]), to: Math.min(store.end[a], store.end[b]) };
}

/** `map 0x1000 + 4K`, `repeat 0x1000 + 64K`. */
export function opText(store: OpStore, op: number): string {
  const kind = store.kind[op];
  const name = OP_KINDS[store.named(op)];
  if (isAboutAll(kind)) return name === 'domain' ? 'creation of the domain' : name;
  const iova = hex64(store.iovaHi[op], store.iovaLo[op]);
  return kind === KIND_LOOK_UP || store.size[op] <= 1
    ? `${name} ${iova}`
    : `${name} ${iova} + ${exactSize(store.size[op])}`;
}

/** `0x1000 + 4K`, of [page, end). */
export function rangeText(page: number, end: number): string {
  return `${pageAddress(page)} + ${exactSize((end - page) * PAGE)}`;
}

/** Address of a page in hex. */
export function pageAddress(page: number): string {
  const perHigh = TWO_32 / PAGE;
  return hex64(Math.floor(page / perHigh), (page % perHigh) * PAGE);
}
