import * as S from '../../src/check/op-store.ts';
import type { CheckRule, Level } from '../../src/check/rules.ts';
import type { Verdict, VerdictSink } from '../../src/check/verdict.ts';

/** An operation as a test writes it; pages count 4K. */
export interface TestOp {
  readonly kind: number;
  readonly page: number;
  readonly pages: number;
  readonly begin?: number;
  readonly end?: number;
  readonly domain?: number;
  readonly thread?: number;
  readonly clears?: boolean;
  readonly flush?: number;
}

/** Keeps every verdict, and counts those of each rule. */
export class KeepAll implements VerdictSink {
  readonly verdicts: Verdict[] = [];
  readonly counted = new Map<CheckRule, number>();
  readonly #keep: boolean;

  constructor(keep = true) {
    this.#keep = keep;
  }

  counts(rule: CheckRule, _level: Level): boolean {
    this.counted.set(rule, (this.counted.get(rule) ?? 0) + 1);
    return this.#keep;
  }

  add(verdict: Verdict): void {
    this.verdicts.push(verdict);
  }

  /** The pairs of one rule as numbers of their events, the smaller first, sorted. */
  pairs(...rules: readonly CheckRule[]): string[] {
    return this.verdicts
      .filter(({ rule }) => rules.includes(rule))
      .map(({ rule, ops }) => `${rule} ${ops.map(({ seq }) => seq).sort((a, b) => a - b)}`)
      .sort();
  }
}

/** Puts an operation into a store, under the number of its event. */
export function put(store: S.OpStore, op: TestOp, seq: number): number {
  const at = store.add();
  store.seq[at] = seq;
  store.line[at] = seq + 1;
  store.kind[at] = op.kind;
  store.page[at] = op.page;
  store.pageEnd[at] = op.page + op.pages;
  store.iovaHi[at] = Math.floor(op.page / 2 ** 20);
  store.iovaLo[at] = (op.page % 2 ** 20) * 4096;
  store.size[at] = op.pages * 4096;
  store.begin[at] = op.begin ?? Number.NaN;
  store.end[at] = op.end ?? op.begin ?? Number.NaN;
  store.domain[at] = op.domain ?? 0;
  store.thread[at] = op.thread ?? S.NOBODY;
  store.queue[at] = S.NOBODY;
  store.clears[at] = op.clears === true ? 1 : 0;
  store.flush[at] = op.flush ?? S.FLUSHED;
  return at;
}

const WRITERS = [S.KIND_MAP, S.KIND_UNMAP, S.KIND_RESERVE, S.KIND_UNRESERVE, S.KIND_RELEASE, S.KIND_DESTROY];

/** What two operations on overlapping ranges at the same time are; null: allowed. Written from the rules' words. */
export function naiveRule(a: TestOp, b: TestOp, literal: boolean): 'lock-conflict' | 'dirty-race' | null {
  if (a.kind === S.KIND_SET_DIRTY || b.kind === S.KIND_SET_DIRTY) return null;
  if (WRITERS.includes(a.kind) || WRITERS.includes(b.kind)) return 'lock-conflict';
  if (literal && a.kind === S.KIND_LOOK_UP && b.kind === S.KIND_LOOK_UP) return 'lock-conflict';
  if (a.kind === S.KIND_READ_DIRTY && b.kind === S.KIND_READ_DIRTY && a.clears === true && b.clears === true) {
    return 'dirty-race';
  }
  return null;
}

export function rangesMeet(a: TestOp, b: TestOp): boolean {
  return (a.domain ?? 0) === (b.domain ?? 0) && a.page < b.page + b.pages && b.page < a.page + a.pages;
}
