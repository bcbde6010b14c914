import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPARED_POLICIES } from '../../../src/flush/registry.ts';
import * as C from '../../../src/lpae/counters.ts';
import { type FlushPolicyStats, flushPolicyStats } from '../../../src/stats/metrics/flush-metrics.ts';
import { choice, replay } from './replayed.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;
const MS = 1e6;
const HEADER = { op: 'trace', version: 1, kernel: '7.1' };

type Event = Readonly<Record<string, unknown>>;
type GatherKind = 'synced' | 'queued' | 'none';

const hex = (value: number): string => `0x${value.toString(16)}`;

/** The physical range is a page off, so that no block fits and each 2 MiB have a table of their own. */
const map = (iova: number, size: number, more: Event = {}): Event => ({
  op: 'map',
  iova: hex(iova),
  paddr: hex(0x80001000 + iova),
  size,
  prot: 'rw',
  ...more,
});

/** An unmap of whole 2 MiB: without a gather it can only be a raw call. */
function unmap(iova: number, size: number, gather: GatherKind, more: Event = {}): Event {
  if (gather === 'none') {
    return { op: 'unmap_pages', iova: hex(iova), pgsize: M2, pgcount: size / M2, gather, ...more };
  }
  return { op: 'unmap', iova: hex(iova), size, ...(gather === 'queued' ? { gather } : {}), ...more };
}

interface Studied {
  readonly of: Record<string, FlushPolicyStats>;
  /** Tables that the engine freed. */
  readonly freed: number;
  readonly replayer: Awaited<ReturnType<typeof replay>>;
}

async function study(events: readonly Event[], engine = 'generic', flush?: string): Promise<Studied> {
  const replayer = await replay([HEADER, ...events], {
    engine: { name: engine, parameters: flush === undefined ? {} : { flush } },
    flushes: COMPARED_POLICIES,
  });
  const stats = flushPolicyStats(replayer) ?? [];
  return {
    of: Object.fromEntries(stats.map((policy) => [policy.policy, policy])),
    freed: replayer.spaces[0].counters[C.TABLE_FREES],
    replayer,
  };
}

const tables = ({ counters }: FlushPolicyStats): number => counters['flush.unsafe.tables'];

describe('tables that the generic engine unlinks', () => {
  it.each(['synced', 'queued', 'none'] as const)('are all unsafe under noop, with a gather: %s', async (gather) => {
    const { of, freed } = await study([map(M2, 3 * M2), unmap(M2, 3 * M2, gather)]);
    // Each 2 MiB have a table; the one that these hang in stays.
    expect(freed).toBe(3);
    expect([of['noop'].verdict, tables(of['noop'])]).toEqual(['unsafe', freed]);
    expect([of['none-until-teardown'].verdict, tables(of['none-until-teardown'])]).toEqual(['unsafe', freed]);
    expect(of['panthor'].verdict).toBe('safe');
    expect(of['msm'].verdict).toBe('safe');
    // Strict invalidates what the core syncs, and its queue takes what the trace says is queued: without a gather there is nobody.
    expect(tables(of['smmuv3'])).toBe(gather === 'none' ? freed : 0);
    expect(tables(of['smmuv3,mode=lazy'])).toBe(0);
  });

  it('are as unsafe under noop as those of io-pgtable-arm', async () => {
    for (const gather of ['synced', 'queued', 'none'] as const) {
      const events = [map(M2, 2 * M2), unmap(M2, 2 * M2, gather)];
      const found = await Promise.all(['arm', 'generic'].map((engine) => study(events, engine)));
      expect(found.map(({ of, freed }) => [tables(of['noop']), freed])).toEqual([
        [2, 2],
        [2, 2],
      ]);
    }
  });

  it('of any history are unsafe under noop, each once', async () => {
    const step = fc.record({
      isMap: fc.boolean(),
      at: fc.nat(7),
      blocks: fc.integer({ min: 1, max: 3 }),
      gather: fc.constantFrom<GatherKind>('synced', 'queued', 'none'),
    });
    let most = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 24 }),
        fc.constantFrom('range', 'no-gaps'),
        async (steps, flush) => {
          const events = steps.map(({ isMap, at, blocks, gather }) =>
            isMap ? map(at * M2, blocks * M2) : unmap(at * M2, blocks * M2, gather),
          );
          const { of, freed } = await study(events, 'generic', flush);
          expect(tables(of['noop'])).toBe(freed);
          expect(tables(of['smmuv3,mode=lazy'])).toBe(0);
          if (!steps.some(({ isMap, gather }) => !isMap && gather === 'none')) expect(tables(of['smmuv3'])).toBe(0);
          most = Math.max(most, freed);
        },
      ),
      { seed: 11, numRuns: 60 },
    );
    expect(most).toBeGreaterThan(3);
  });
});

describe('the freelist of a lazy unmap', () => {
  const events = (gather: GatherKind): Event[] => [
    map(0, 4 * M2, { ts: 0 }),
    unmap(0, 3 * M2, gather, { ts: MS }),
    unmap(3 * M2, M2, gather, { ts: 2 * MS }),
  ];

  it.each(['synced', 'queued'] as const)('waits in the ring, without a walk flush: %s', async (gather) => {
    const lazy = 'smmuv3,mode=lazy';
    const waiting = await study(events(gather));
    expect(waiting.of[lazy].counters).toMatchObject({ 'flush.commands': 0, 'flush.queuePeak': 2 });
    const queues = ({ replayer }: Studied): (readonly number[] | null)[] =>
      (replayer.spaces[0].study?.columns ?? []).map(
        ({ policy: { queue } }) => queue && [queue.waitingTables, queue.peakTables],
      );
    const strict = gather === 'queued' ? [4, 4] : [0, 0];
    expect(queues(waiting).slice(0, 2)).toEqual([strict, [4, 4]]);
    // The timer of 10 ms goes off before this map.
    const flushed = await study([...events(gather), map(0, K4, { ts: 20 * MS })]);
    expect(flushed.of[lazy].counters).toMatchObject({ 'flush.commands': 1, 'flush.timerFlushes': 1 });
    expect(queues(flushed).slice(0, 2)).toEqual([
      [0, strict[1]],
      [0, 4],
    ]);
    // io-pgtable-arm flushes walk caches at once and keeps its tables out of the queue.
    const arm = await study(events(gather), 'arm');
    expect(arm.of[lazy].counters['flush.commands']).toBeGreaterThan(0);
    expect(queues(arm)[1]).toEqual([0, 0]);
  });

  it('makes no callback where lazy comes first', async () => {
    const replayer = await replay([HEADER, ...events('synced')], {
      engine: { name: 'generic', parameters: {} },
      flush: choice('smmuv3,mode=lazy'),
    });
    const { counters } = replayer.spaces[0];
    expect([C.FLUSH_WALKS, C.ADD_PAGES, C.IOTLB_SYNCS].map((counter) => counters[counter])).toEqual([0, 0, 0]);
  });
});
