import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as S from '../../src/check/op-store.ts';
import { LOCK_REGIMES, type LockRegime } from '../../src/check/options.ts';
import { Pairs } from '../../src/check/pairs.ts';
import { QueueOrder } from '../../src/check/queue-order.ts';
import { runCli } from '../cli/fake-io.ts';
import { KeepAll, naiveRule, put, rangesMeet, type TestOp } from './fixture.ts';

type Queued = TestOp & {
  readonly line: number;
  readonly waits: readonly string[];
  readonly signals: readonly string[];
};

const fence = fc.integer({ min: 0, max: 5 }).map(String);
const queued: fc.Arbitrary<Queued> = fc
  .record({
    kind: fc.constantFrom(S.KIND_MAP, S.KIND_UNMAP, S.KIND_LOOK_UP, S.KIND_READ_DIRTY, S.KIND_WALK),
    page: fc.integer({ min: 0, max: 12 }),
    pages: fc.integer({ min: 1, max: 5 }),
    domain: fc.integer({ min: 0, max: 1 }),
    clears: fc.boolean(),
    line: fc.integer({ min: 0, max: 3 }),
    waits: fc.array(fence, { maxLength: 2 }),
    signals: fc.array(fence, { maxLength: 2 }),
  })
  .map((op) => ({ ...op, clears: op.clears && op.kind === S.KIND_READ_DIRTY }));

/** Which operations come before which, by walking over all edges: those of a queue in turn, and signal to wait. */
function reachable(ops: readonly Queued[]): boolean[][] {
  const before: number[][] = ops.map(() => []);
  const lastOfLine = new Map<number, number>();
  const lastSignal = new Map<string, number>();
  ops.forEach(({ line, waits, signals }, at) => {
    const previous = lastOfLine.get(line);
    if (previous !== undefined) before[at].push(previous);
    for (const name of waits) {
      const signalled = lastSignal.get(name);
      if (signalled !== undefined) before[at].push(signalled);
    }
    lastOfLine.set(line, at);
    for (const name of signals) lastSignal.set(name, at);
  });
  return ops.map((_, at) => {
    const seen = ops.map(() => false);
    const left = [...before[at]];
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      if (seen[one]) continue;
      seen[one] = true;
      left.push(...before[one]);
    }
    return seen;
  });
}

function check(ops: readonly Queued[], lock: LockRegime): KeepAll {
  const store = new S.OpStore();
  const sink = new KeepAll();
  const order = new QueueOrder(store, new Pairs(store, sink, lock, false));
  ops.forEach((op, seq) => {
    for (const name of op.waits) order.wait(op.line, name, op);
    const at = put(store, op, seq);
    order.add(op.line, at);
    store.drop(at);
    for (const name of op.signals) order.signal(op.line, name, op);
  });
  for (const domain of [0, 1]) order.forget(domain);
  expect(store.inUse).toBe(0);
  return sink;
}

describe('the order of queues', () => {
  it.each(LOCK_REGIMES)('finds the pairs that no walk over the edges orders: %s', (lock) => {
    fc.assert(
      fc.property(fc.array(queued, { maxLength: 40 }), (ops) => {
        const order = reachable(ops);
        const naive: string[] = [];
        ops.forEach((b, at) => {
          for (let from = 0; from < at; from++) {
            const a = ops[from];
            if (a.line === b.line || order[at][from] || !rangesMeet(a, b)) continue;
            const rule = naiveRule(a, b, lock === 'literal');
            if (rule !== null) naive.push(`${rule} ${[from, at].sort((x, y) => x - y)}`);
          }
        });
        expect(check(ops, lock).pairs('lock-conflict', 'dirty-race')).toEqual(naive.sort());
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('knows what it knows over several steps', () => {
    const op = (line: number, waits: string[], signals: string[], page = 0): Queued => ({
      kind: S.KIND_MAP,
      page,
      pages: 1,
      line,
      waits,
      signals,
    });
    const chain = [op(0, [], ['a']), op(1, ['a'], ['b'], 50), op(2, ['b'], [])];
    expect(check(chain, 'rw').pairs('lock-conflict')).toEqual([]);
    expect(check([op(0, [], ['a']), op(1, [], ['b'], 50), op(2, ['b'], [])], 'rw').pairs('lock-conflict')).toEqual([
      'lock-conflict 0,2',
    ]);
  });

  it('says of a fence that nobody signalled that it orders nothing', () => {
    const store = new S.OpStore();
    const order = new QueueOrder(store, new Pairs(store, new KeepAll(), 'rw', false));
    expect(order.wait(0, 'nobody', {})).toBe(false);
    order.signal(1, 'somebody', {});
    expect(order.wait(0, 'somebody', {})).toBe(true);
    // What belongs to no queue signals, and orders nothing.
    order.signal(-1, 'main', {});
    expect(order.wait(0, 'main', {})).toBe(true);
  });

  it('goes on through an event of no line, which passes on what it waited for', () => {
    const trace = [
      '{"op":"domain","id":"d0"}',
      '{"op":"map","queue":"a","iova":"0x1000","paddr":"0x1000","size":4096}',
      '{"op":"unmap","queue":"a","iova":"0x1000","size":4096,"signals":["f1"]}',
      '{"op":"iova_to_phys","iova":"0x9000000","waits":["f1"],"signals":["f2"]}',
      '{"op":"map","queue":"b","iova":"0x1000","paddr":"0x1000","size":4096,"waits":["f2"]}',
    ];
    const check = async (lines: readonly string[]): Promise<number> =>
      (await runCli(['check', '-', '--rule', 'lock-conflict'], { stdin: lines.join('\n') })).code;
    return Promise.all([check(trace), check(trace.map((line) => line.replace('"waits":["f1"],', '')))]).then((codes) =>
      expect(codes).toEqual([0, 1]),
    );
  });

  it('takes long ping-pong over one range in little time', () => {
    const store = new S.OpStore();
    const sink = new KeepAll(false);
    const order = new QueueOrder(store, new Pairs(store, sink, 'rw', false));
    // A third queue never waits, so that nothing of the other two is ever behind everybody.
    const bystander = put(store, { kind: S.KIND_MAP, page: 900, pages: 1 }, 0);
    order.add(2, bystander);
    const began = performance.now();
    for (let at = 1; at <= 100_000; at++) {
      const line = at % 2;
      order.wait(line, 'turn', {});
      order.add(line, put(store, { kind: at % 4 < 2 ? S.KIND_MAP : S.KIND_UNMAP, page: 0, pages: 16 }, at));
      order.signal(line, 'turn', {});
    }
    expect(sink.counted.size).toBe(0);
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
