import { describe, expect, it } from 'vitest';
import { COMPARED_POLICIES } from '../../../src/flush/registry.ts';
import type { FlushPolicyStats } from '../../../src/stats/metrics/flush-metrics.ts';
import { choice, replay, studied } from './replayed.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;
const MS = 1e6;

type Event = Readonly<Record<string, unknown>>;

const hex = (value: number): string => `0x${value.toString(16)}`;
const map = (iova: number, paddr: number, size: number, more: Event = {}): Event => ({
  op: 'map',
  iova: hex(iova),
  paddr: hex(paddr),
  size,
  prot: 'rw',
  ...more,
});
const unmap = (iova: number, size: number, more: Event = {}): Event => ({
  op: 'unmap',
  iova: hex(iova),
  size,
  ...more,
});

/** The counters of one policy, without `flush.`. */
async function one(events: readonly Event[], policy: string): Promise<Record<string, number>> {
  const [stats] = await studied([{ op: 'trace', version: 1, kernel: '7.1' }, ...events], [choice(policy)]);
  return short(stats);
}

function short({ counters }: FlushPolicyStats): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([key, value]) => [key.replace('flush.', ''), value]));
}

/** Every policy of `all` by its name. */
async function every(events: readonly Event[]): Promise<Record<string, Record<string, number>>> {
  const stats = await studied([{ op: 'trace', version: 1, kernel: '7.1' }, ...events], COMPARED_POLICIES);
  return Object.fromEntries(
    stats.map((policy) => [policy.policy, { ...short(policy), safe: +(policy.verdict === 'safe') }]),
  );
}

describe('the regions of a Mali MMU', () => {
  it.each([
    [0x1000, 0x2000, 32 * 1024],
    [0x1ff000, 0x201000, 4 * 2 ** 20],
    [M2, 2 * M2, M2],
    [0x7000, 0x9000, 64 * 1024],
    [0x8000, 0x9000, 32 * 1024],
  ])('[%i, %i) costs %i bytes', async (start, end, region) => {
    const events = [map(start, 0x80000000 + start, end - start), unmap(start, end - start)];
    const counters = await one(events, 'panthor');
    // LOCK, flush and UNLOCK for the map as well.
    expect(counters).toMatchObject({ commands: 6, syncs: 2, bytesInvalidated: 2 * region, bytesChanged: end - start });
    expect(await one(events, 'gpuvm-op')).toMatchObject({ commands: 2, bytesInvalidated: 2 * (end - start) });
  });

  it('over-invalidates 512 times around a border of 2 MiB', async () => {
    const whole = [map(0, 0x80001000, 4 * 2 ** 20)];
    const before = await one(whole, 'panthor');
    const after = await one([...whole, unmap(0x1ff000, 2 * K4)], 'panthor');
    expect((after['bytesInvalidated'] - before['bytesInvalidated']) / after['bytesChanged']).toBe(512);
  });
});

describe('lazy unmaps', () => {
  const churn = (count: number, more: (i: number) => Event = () => ({})): Event[] => {
    const events: Event[] = [];
    for (let i = 0; i < count; i++) {
      // Each IOVA and each page once: nothing is used again.
      events.push(map(i * K4, (i + count) * K4, K4, more(i)), unmap(i * K4, K4, more(i)));
    }
    return events;
  };

  it.each([
    [255, 0],
    [256, 1],
    [1000, 3],
    [10_000, 39],
  ])('%i of them without times flush %i times', async (count, flushes) => {
    const counters = await one(churn(count), 'smmuv3,mode=lazy');
    expect(counters).toMatchObject({
      commands: flushes,
      syncs: flushes,
      fullFlushes: flushes,
      queueFlushes: flushes,
      timerFlushes: 0,
      queuePeak: Math.min(count, 255),
      'unsafe.iova': 0,
      'unsafe.pages': 0,
    });
    // What waits has been removed after the last flush; the one that found the ring full was removed before it.
    const left = flushes === 0 ? count : count - 1 - flushes * 255;
    expect(counters['stale.bytes']).toBe(left * K4);
  });

  it('wait in the ring of their thread, and for the timer', async () => {
    const ofThreads = await one(
      churn(1000, (i) => ({ thread: `t${i % 4}` })),
      'smmuv3,mode=lazy',
    );
    expect(ofThreads).toMatchObject({ queueFlushes: 0, queuePeak: 1000, queuePagesPeak: 1000 });
    // Each millisecond one: the timer goes off with every eleventh event after the first entry.
    const timed = await one(
      churn(100, (i) => ({ ts: i * MS })),
      'smmuv3,mode=lazy',
    );
    expect(timed).toMatchObject({ queueFlushes: 0, timerFlushes: 9, queuePeak: 10 });
    const single = await one(
      churn(100, (i) => ({ ts: i * MS })),
      'smmuv3,mode=lazy,fq=single',
    );
    expect(single).toMatchObject({ timerFlushes: 0, queuePeak: 100 });
  });

  it('make no callback for a leaf when they come first, and walk flushes as ever', async () => {
    const events = [map(M2, 0x80001000, M2), unmap(M2, M2)];
    const replayer = await replay([{ op: 'trace', version: 1, kernel: '7.1' }, ...events], {
      flush: choice('smmuv3,mode=lazy'),
    });
    const [space] = replayer.spaces;
    const { countersOf } = await import('../../../src/stats/metrics/metrics.ts');
    expect(countersOf(space)).toMatchObject({
      'tlb.flushWalks': 1,
      'tlb.addPages': 0,
      'tlb.iotlbSyncs': 0,
      'tlb.commands': 1,
      'flush.commands': 1,
    });
    const strict = await replay([{ op: 'trace', version: 1, kernel: '7.1' }, ...events], {
      flushes: [choice('smmuv3'), choice('smmuv3,mode=lazy')],
    });
    expect(countersOf(strict.spaces[0])).toMatchObject({ 'tlb.addPages': 1, 'tlb.iotlbSyncs': 1, 'tlb.commands': 2 });
  });

  it('of the trace wait under strict, too', async () => {
    const queued = { gather: 'queued' };
    const events = [map(0, M2, K4), unmap(0, K4, queued), map(0, M2 + K4, K4)];
    expect(await one(events, 'smmuv3')).toMatchObject({ commands: 0, queuePeak: 1, 'unsafe.iova': 1 });
    // The other IOVA leads to the page that the stale translation leads to.
    const elsewhere = [map(0, M2, K4), unmap(0, K4, queued), map(K4, M2, K4)];
    expect(await one(elsewhere, 'smmuv3')).toMatchObject({ 'unsafe.iova': 0, 'unsafe.pages': 1, 'stale.bytes': K4 });
    const strict = [map(0, M2, K4), unmap(0, K4), map(0, M2 + K4, K4)];
    expect(await one(strict, 'smmuv3')).toMatchObject({ commands: 1, 'unsafe.iova': 0, 'stale.bytes': 0 });
  });
});

describe('tables', () => {
  const freed = [map(M2, 0x80001000, M2), unmap(M2, M2)];

  it('are freed safely by who flushes walks, or locks, and in a window by who flushes later', async () => {
    expect(await every(freed)).toMatchObject({
      smmuv3: { safe: 1, 'window.tables': 0 },
      'smmuv3,mode=lazy': { safe: 1, 'window.tables': 0 },
      noop: { safe: 0, 'unsafe.tables': 1 },
      'gpuvm-op': { safe: 1, 'unsafe.tables': 0, 'window.tables': 1 },
      panthor: { safe: 1, 'window.tables': 0 },
      msm: { safe: 1, 'window.tables': 0, fullFlushes: 1, commands: 2 },
      'none-until-teardown': { safe: 0, 'unsafe.tables': 1, commands: 0 },
    });
  });

  it('are used again in the window where the operation makes one after it has freed one', async () => {
    const again = [map(2 * M2, 0x80001000, M2), map(2 * M2, 0x90000000, M2 + K4)];
    expect(await every(again)).toMatchObject({
      smmuv3: { safe: 1 },
      'gpuvm-op': { safe: 0, 'window.tables': 1, 'unsafe.tables': 1 },
      panthor: { safe: 1, 'unsafe.tables': 0 },
      noop: { safe: 0, 'unsafe.tables': 1, 'unsafe.iova': 1 },
    });
    // From pages that were reserved before there is nothing to take again.
    const stats = await studied([{ op: 'trace', version: 1 }, ...again], [choice('gpuvm-op')], {
      allocator: { name: 'reserve', parameters: {} },
    });
    expect(stats[0].counters).toMatchObject({ 'flush.window.tables': 1, 'flush.unsafe.tables': 0 });
    // A pool keeps what is freed, and gives it out again.
    const pooled = await studied([{ op: 'trace', version: 1 }, ...again], [choice('gpuvm-op')], {
      allocator: { name: 'pool', parameters: {} },
    });
    expect(pooled[0].counters['flush.unsafe.tables']).toBe(1);
  });

  it('go with the address space: one flush before, which noop drops', async () => {
    const events = [{ op: 'domain', id: 'd0' }, map(0, M2, K4), { op: 'destroy', domain: 'd0' }];
    const all = await every(events);
    expect(all).toMatchObject({
      smmuv3: { safe: 1, commands: 1 },
      noop: { safe: 0, 'unsafe.tables': 4, commands: 0 },
      'gpuvm-op': { safe: 1, commands: 2, 'window.tables': 0 },
      msm: { safe: 1, commands: 1 },
      panthor: { safe: 1, commands: 4 },
      'none-until-teardown': { safe: 1, commands: 1, syncs: 1, fullFlushes: 1, bytesInvalidated: K4 },
    });
  });
});

describe('GPU drivers', () => {
  const domain = (driver: string): Event => ({ op: 'domain', id: 'vm', driver });
  const bo = (id: string, paddr: number, size: number): Event => ({
    op: 'bo',
    id,
    size,
    segments: [{ paddr: hex(paddr), size }],
  });
  const bind = (job: number, ops: readonly Event[]): Event => ({ op: 'bind', job, mode: 'sync', ops });
  const VA = 2 ** 33;
  const mapOp = (iova: number, size: number, of: string): Event => ({
    kind: 'map',
    iova: hex(iova),
    size,
    bo: of,
    offset: 0,
  });

  it('of panthor: what goes is told as gathers, for the driver gives none', async () => {
    const events = [
      domain('panthor'),
      bo('a', 0x80001000, M2),
      bo('b', 0xa0001000, M2),
      bind(1, [mapOp(VA, M2, 'a')]),
      bind(2, [{ kind: 'unmap', iova: hex(VA), size: M2 }]),
      bind(3, [mapOp(VA, M2, 'b')]),
      // One operation that replaces what is there.
      bind(4, [mapOp(VA, M2, 'a')]),
    ];
    expect(await every(events)).toMatchObject({
      // Two walk flushes for two tables, two gathers of what they mapped.
      smmuv3: { safe: 1, commands: 4, syncs: 4, bytesChanged: 2 * M2 },
      'smmuv3,mode=lazy': { safe: 1, commands: 2, queuePeak: 2 },
      'gpuvm-op': { commands: 4 },
      panthor: { safe: 1, commands: 12, bytesInvalidated: 4 * M2 },
      noop: { safe: 0, 'unsafe.tables': 2, 'unsafe.iova': 2 },
    });
  });

  it('of msm: its own flush of everything reaches the SMMU', async () => {
    const events = [
      domain('msm'),
      bo('a', 0x80001000, M2),
      bind(1, [mapOp(VA, M2, 'a')]),
      bind(2, [{ kind: 'unmap', iova: hex(VA), size: M2 }]),
      bind(3, [mapOp(VA, M2, 'a')]),
    ];
    expect(await every(events)).toMatchObject({
      smmuv3: { safe: 1, commands: 1, fullFlushes: 1, bytesInvalidated: M2 },
      'smmuv3,mode=lazy': { safe: 1, commands: 1, queuePeak: 0 },
      msm: { safe: 1, commands: 1 },
      // Msm unmaps page by page, and keeps its tables.
      noop: { safe: 0, 'unsafe.tables': 0, 'unsafe.iova': 1 },
      'none-until-teardown': { safe: 0, 'unsafe.tables': 0, 'unsafe.iova': 1, commands: 0 },
    });
  });
});
