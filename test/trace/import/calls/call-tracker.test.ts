import { describe, expect, it } from 'vitest';
import { CallTracker } from '../../../../src/trace/import/calls/call-tracker.ts';
import type { PgtableCall } from '../../../../src/trace/import/payload.ts';

function tracked(): { tracker: CallTracker; seen: string[] } {
  const seen: string[] = [];
  const tracker = new CallTracker(({ call, ret }) => seen.push(`${call.key}=${ret ?? '?'}`));
  return { tracker, seen };
}

const call = (key: string, isMap = true): PgtableCall => ({
  kind: 'call',
  isMap,
  key,
  iova: { hi: 0, lo: 4096 },
  paddr: { hi: 0, lo: 0 },
  pgsize: 4096,
  pgcount: 1,
  prot: 7,
  withoutGather: null,
});
const ret = (value: number, isMap = true) => ({ kind: 'return', isMap, ret: value }) as const;

describe('pairing calls with returns', () => {
  it('goes by thread', () => {
    const { tracker, seen } = tracked();
    tracker.enter(call('a'), '1', 1);
    tracker.enter(call('b'), '2', 2);
    tracker.leave(ret(0), '1');
    tracker.leave(ret(-17), '2');
    expect(seen).toEqual(['a=0', 'b=-17']);
  });

  it('lets an interrupt nest a call, of the same kind too', () => {
    const { tracker, seen } = tracked();
    tracker.enter(call('task'), '1', 1, 0);
    tracker.enter(call('softirq'), '1', 2, 1);
    tracker.enter(call('hardirq', false), '1', 3, 2);
    tracker.leave(ret(4096, false), '1', 2);
    tracker.enter(call('again'), '1', 4, 2);
    tracker.leave(ret(-12), '1', 2);
    tracker.leave(ret(0), '1', 1);
    tracker.leave(ret(0), '1', 0);
    tracker.finish();
    expect(seen).toEqual(['hardirq=4096', 'again=-12', 'softirq=0', 'task=0']);
    expect(tracker).toMatchObject({ orphanReturns: 0, unreturned: 0 });
  });

  it('hands over a call whose return was lost before the next one of its thread', () => {
    const { tracker, seen } = tracked();
    tracker.enter(call('a'), '1', 1);
    tracker.leave(ret(0), '1');
    tracker.enter(call('lost'), '1', 2);
    tracker.enter(call('b', false), '1', 3);
    tracker.leave(ret(4096, false), '1');
    tracker.finish();
    expect(seen).toEqual(['a=0', 'lost=?', 'b=4096']);
    expect(tracker).toMatchObject({ orphanReturns: 0, unreturned: 1 });
  });

  it('does not give a lost call the return of an outer one', () => {
    const { tracker, seen } = tracked();
    tracker.enter(call('task'), '1', 1, 0);
    tracker.enter(call('lost'), '1', 2, 2);
    tracker.leave(ret(-22), '1', 0);
    expect(seen).toEqual(['lost=?', 'task=-22']);
  });

  it('counts returns that belong to no call', () => {
    const { tracker, seen } = tracked();
    tracker.leave(ret(0), '1');
    tracker.enter(call('a'), '1', 1);
    tracker.leave(ret(4096, false), '1');
    tracker.leave(ret(0), '1');
    expect(seen).toEqual(['a=0']);
    expect(tracker.orphanReturns).toBe(2);
  });

  it('waits for no returns in a recording without return probes', () => {
    const { tracker, seen } = tracked();
    for (let i = 0; i < 100; i++) tracker.enter(call(`c${i}`), String(i % 3), i);
    expect(seen.length).toBeGreaterThan(80);
    tracker.finish();
    expect(seen).toHaveLength(100);
    expect(tracker).toMatchObject({ orphanReturns: 0, unreturned: 0 });
  });

  it('takes up returns that start late', () => {
    const { tracker, seen } = tracked();
    for (let i = 0; i < 40; i++) tracker.enter(call('early'), '1', i);
    tracker.leave(ret(0), '1');
    tracker.enter(call('late'), '1', 50);
    tracker.leave(ret(-12), '1');
    expect(seen.at(-1)).toBe('late=-12');
  });
});
