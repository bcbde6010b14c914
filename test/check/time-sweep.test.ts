import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/check/op-store.ts';
import { LOCK_REGIMES } from '../../src/check/options.ts';
import { PAIRS_COUNTED, Pairs } from '../../src/check/pairs.ts';
import { TimeSweep } from '../../src/check/time-sweep.ts';
import { KeepAll, naiveRule, put, rangesMeet, type TestOp } from './fixture.ts';

type Timed = TestOp & { readonly begin: number; readonly end: number };

const KINDS = [
  S.KIND_MAP,
  S.KIND_UNMAP,
  S.KIND_RESERVE,
  S.KIND_UNRESERVE,
  S.KIND_RELEASE,
  S.KIND_LOOK_UP,
  S.KIND_WALK,
  S.KIND_READ_DIRTY,
  S.KIND_SET_DIRTY,
  S.KIND_RCU_READ,
];

/** Operations on a few pages in a short time, so that ends touch beginnings and many have no length. */
const timed: fc.Arbitrary<Timed> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    page: fc.integer({ min: 0, max: 20 }),
    pages: fc.integer({ min: 1, max: 6 }),
    begin: fc.integer({ min: 0, max: 40 }),
    length: fc.integer({ min: 0, max: 6 }),
    domain: fc.integer({ min: 0, max: 1 }),
    thread: fc.integer({ min: -1, max: 2 }),
    clears: fc.boolean(),
  })
  .map(({ length, ...op }) => ({ ...op, end: op.begin + length, clears: op.clears && op.kind === S.KIND_READ_DIRTY }));

/** Half open: one may begin when the other ends; a moment is within what began before it and ends after it. */
function atOnce(a: Timed, b: Timed): boolean {
  return a.begin < b.end && b.begin < a.end;
}

function sameThread(a: TestOp, b: TestOp): boolean {
  return a.thread !== undefined && a.thread >= 0 && a.thread === b.thread;
}

function naivePairs(ops: readonly Timed[], literal: boolean): string[] {
  const found: string[] = [];
  for (let b = 0; b < ops.length; b++) {
    for (let a = 0; a < b; a++) {
      if (!atOnce(ops[a], ops[b]) || !rangesMeet(ops[a], ops[b]) || sameThread(ops[a], ops[b])) continue;
      const rule = naiveRule(ops[a], ops[b], literal);
      if (rule !== null) found.push(`${rule} ${[a, b]}`);
    }
  }
  return found.sort();
}

function sweep(ops: readonly Timed[], lock: 'rw' | 'literal', sink = new KeepAll()): { sink: KeepAll; left: number } {
  const store = new S.OpStore();
  const pairs = new Pairs(store, sink, lock, true);
  const all = new TimeSweep(store, pairs, sink);
  ops.forEach((op, seq) => {
    const at = put(store, op, seq);
    all.add(at);
    store.drop(at);
  });
  all.finish();
  return { sink, left: store.inUse };
}

describe('the sweep over times', () => {
  it.each(LOCK_REGIMES)('finds the pairs that everybody against everybody finds: %s', (lock) => {
    fc.assert(
      fc.property(fc.array(timed, { maxLength: 60 }), (ops) => {
        const { sink, left } = sweep(ops, lock);
        expect(sink.pairs('lock-conflict', 'dirty-race')).toEqual(naivePairs(ops, lock === 'literal'));
        // Nothing is kept of what is over.
        expect(left).toBe(0);
      }),
      { seed: 5, numRuns: 400 },
    );
  });

  it('says where and when they meet', () => {
    const ops: Timed[] = [
      { kind: S.KIND_MAP, page: 0, pages: 8, begin: 100, end: 200 },
      { kind: S.KIND_UNMAP, page: 4, pages: 8, begin: 150, end: 300 },
    ];
    const { sink } = sweep(ops, 'rw');
    expect(sink.verdicts).toHaveLength(1);
    expect(sink.verdicts[0]).toMatchObject({ page: 4, end: 8, window: { from: 150, to: 200 } });
    expect(sink.verdicts[0].message).toBe(
      'map 0x0 + 32K and unmap 0x4000 + 32K run at the same time for 50 ns and meet in 0x4000 + 16K',
    );
  });

  it('finds a thread that does two things at once, once for each that begins too early', () => {
    fc.assert(
      fc.property(fc.array(timed, { maxLength: 40 }), (ops) => {
        const { sink } = sweep(ops, 'rw');
        const inOrder = ops.map((op, seq) => ({ ...op, seq })).sort((a, b) => a.begin - b.begin || a.seq - b.seq);
        const early = inOrder.filter((op, at) =>
          inOrder.slice(0, at).some((before) => sameThread(before, op) && atOnce(before, op)),
        );
        expect(sink.counted.get('thread-overlap') ?? 0).toBe(early.length);
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('counts up to its limit where everybody meets everybody, in little time', () => {
    const ops: Timed[] = [];
    for (let at = 0; at < 20_000; at++) ops.push({ kind: S.KIND_MAP, page: 0, pages: 512, begin: at, end: 1_000_000 });
    const began = performance.now();
    const { sink } = sweep(ops, 'rw', new KeepAll(false));
    expect(sink.counted.get('lock-conflict')).toBe(PAIRS_COUNTED);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('does not mind thousands that run at once and do not meet', () => {
    const ops: Timed[] = [];
    // Readers all of one page, and writers all of other pages: none of them may meet.
    for (let at = 0; at < 40_000; at++) {
      ops.push({ kind: S.KIND_WALK, page: 7, pages: 1, begin: at, end: at + 20_000 });
      ops.push({ kind: S.KIND_MAP, page: 100 + (at % 30_000) * 3, pages: 2, begin: at, end: at + 20_000 });
    }
    const began = performance.now();
    const { sink } = sweep(ops, 'rw', new KeepAll(false));
    expect(sink.counted.size).toBe(0);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('tells of what stands too far from its place', () => {
    const ops: Timed[] = [];
    for (let at = 0; at < 300_000; at++) {
      ops.push({ kind: S.KIND_WALK, page: 7, pages: 1, begin: at * 10, end: at * 10 + 5 });
    }
    ops.push({ kind: S.KIND_MAP, page: 7, pages: 1, begin: 3, end: 4 });
    const { sink } = sweep(ops, 'rw');
    expect(sink.verdicts.map(({ rule, ops: [{ seq }] }) => [rule, seq])).toEqual([['time-disorder', 300_000]]);
  });
});
