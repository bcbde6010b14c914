import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelChoice } from '../../src/base/model.ts';
import type { QueueOptions } from '../../src/replay/queue/queue-options.ts';
import { treeLines } from '../lpae/fixture.ts';
import { type Replayed, replayEvents } from './run.ts';

const RESERVE: ModelChoice = { name: 'reserve', parameters: {} };
const AT_ONCE = { value: 0, unit: 'ops' } as const;

function queue(depth: number | null, exec: number | null = null, cleanup = 0): QueueOptions {
  return {
    depth,
    exec: exec === null ? null : { value: exec, unit: 'ops' },
    cleanup: { value: cleanup, unit: 'ops' },
  };
}

const domain = { op: 'domain', id: 'd0' };
const map = (iova: number, size: number): object => ({
  op: 'map',
  iova: `0x${iova.toString(16)}`,
  paddr: `0x${(0x8000_0000 + iova).toString(16)}`,
  size,
  prot: 'rw',
});
const unmap = (iova: number, size: number): object => ({ op: 'unmap', iova: `0x${iova.toString(16)}`, size });
const lookUp = (iova: number): object => ({ op: 'iova_to_phys', iova: `0x${iova.toString(16)}` });

/** Four operations as four GPU jobs would queue them. */
const FOUR = [domain, map(0, 4096), map(0x1000, 4096), map(0x20_0000, 0x20_0000), unmap(0, 4096)];

const stats = ({ replayer }: Replayed) => replayer.spaces[0].allocator.stats;

describe('a queue laid over a trace', () => {
  it('reserves for all that wait, as if the tree were empty', async () => {
    const replayed = await replayEvents(FOUR, { allocator: RESERVE, queue: queue(4) });
    expect(stats(replayed)).toMatchObject({ reserved: 10, used: 3, returned: 7, unusedPeak: 10, unusedNow: 0 });
    expect(replayed.lines.slice(1).map(({ reserved, used }) => [reserved, used])).toEqual([
      [3, 3],
      [3, 0],
      [3, 0],
      [1, 0],
    ]);
  });

  it('holds less where it is shorter', async () => {
    const peak = async (depth: number): Promise<number> =>
      stats(await replayEvents(FOUR, { allocator: RESERVE, queue: queue(depth) })).unusedPeak;
    // At depth 1 the first has run, and used its pages, before the second is submitted.
    expect([await peak(0), await peak(1), await peak(2), await peak(3)]).toEqual([3, 3, 6, 9]);
  });

  it('runs after a latency of operations, which is a depth by another name', async () => {
    const byDepth = await replayEvents(FOUR, { allocator: RESERVE, queue: queue(2) });
    const byLatency = await replayEvents(FOUR, { allocator: RESERVE, queue: queue(null, 2) });
    expect(stats(byLatency)).toEqual(stats(byDepth));
    expect(byLatency.lines).toEqual(byDepth.lines);
  });

  it('keeps the surplus until the cleanup', async () => {
    const at = async (cleanup: number): Promise<number> =>
      stats(await replayEvents(FOUR, { allocator: RESERVE, queue: queue(1, null, cleanup) })).unusedPeak;
    // The second leaves 3, which are still there when the third has reserved its own, and with 2 ops also the fourth.
    expect([await at(0), await at(1), await at(2)]).toEqual([3, 6, 7]);
  });

  it('measures latencies in the time of the trace', async () => {
    const timed = FOUR.map((event, i) => ({ ...event, ts: 1000 * i }));
    const run = async (exec: number): Promise<number> =>
      stats(
        await replayEvents(timed, {
          allocator: RESERVE,
          queue: { depth: null, exec: { value: exec, unit: 'ns' }, cleanup: AT_ONCE },
        }),
      ).unusedPeak;
    expect([await run(1000), await run(2000), await run(1e9)]).toEqual([3, 6, 10]);
    await expect(
      replayEvents(FOUR, { queue: { depth: null, exec: { value: 5, unit: 'ns' }, cleanup: AT_ONCE } }),
    ).rejects.toThrow('"ts"');
  });

  it('lets look-ups see what they saw without it', async () => {
    const events = [
      domain,
      lookUp(0),
      map(0, 4096),
      lookUp(0),
      unmap(0, 4096),
      lookUp(0),
      map(0, 8192),
      lookUp(0x1000),
    ];
    const direct = await replayEvents(events);
    const queued = await replayEvents(events, { queue: queue(3) });
    expect(queued.lines).toEqual(direct.lines);
    expect(direct.lines.filter(({ op }) => op === 'iova_to_phys').map(({ found }) => found)).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it('is passed by reservations in their turn, and is no matter to readers', async () => {
    const M2 = 2 ** 21;
    const events = [
      domain,
      map(0, 4096),
      { op: 'reserve', id: 'r0', iova: '0x40000000', size: M2 },
      map(0x4000_0000, 4096),
      { op: 'rcu_read', id: 'reader', phase: 'begin' },
      unmap(0x4000_0000, 4096),
      { op: 'unreserve', id: 'r0' },
      { op: 'rcu_read', id: 'reader', phase: 'end' },
      { op: 'reserve', id: 'r1', iova: '0x40000000', size: M2 },
      map(0x4000_1000, 4096),
      { op: 'release', id: 'r1' },
    ];
    const direct = await replayEvents(events, { allocator: RESERVE });
    const queued = await replayEvents(events, { allocator: RESERVE, queue: queue(8) });
    const order = ({ lines }: Replayed): unknown[] => lines.map(({ seq }) => seq);
    expect(order(direct)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // Nothing drains the queue: the readers are there and gone before the first map runs.
    expect(order(queued)).toEqual([0, 4, 7, 1, 2, 3, 5, 6, 8, 9, 10]);
    const said = ({ lines }: Replayed): unknown[] =>
      lines
        .toSorted((a, b) => (a['seq'] as number) - (b['seq'] as number))
        .map(({ op, ret, mapped, unmapped, missing, freed }) => [op, ret, mapped, unmapped, missing, freed]);
    expect(said(queued)).toEqual(said(direct));
    // All four were submitted before the first ran: 3 + 3 + 1 + 3.
    expect([stats(direct).unusedPeak, stats(queued).unusedPeak]).toEqual([3, 10]);
    // Another domain is not declared in a queue's turn.
    const other = { op: 'domain', id: 'd1' };
    const named = (event: object): object => ({ domain: 'd0', ...event });
    const drained = await replayEvents([domain, named(map(0, 4096)), other, named(map(4096, 4096))], {
      queue: queue(8),
    });
    expect(order(drained)).toEqual([0, 1, 2, 3]);
  });

  it('never changes a result line or the tables: only how long pages are held', async () => {
    const event = fc.oneof(
      fc.record({ op: fc.constant('map'), slot: fc.nat(40), pages: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ op: fc.constant('unmap'), slot: fc.nat(40), pages: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ op: fc.constant('look'), slot: fc.nat(40), pages: fc.constant(0) }),
      fc.record({ op: fc.constant('fail'), slot: fc.nat(3), pages: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 60 }),
        fc.nat(20),
        fc.option(fc.nat(20)),
        fc.nat(5),
        async (ops, depth, exec, cleanup) => {
          const events = [
            domain,
            ...ops.map(({ op, slot, pages }) => {
              const iova = slot * 0x10_0000;
              if (op === 'map') return map(iova, pages * 4096);
              if (op === 'unmap') return unmap(iova, pages * 4096);
              return op === 'look' ? lookUp(iova) : { op: 'fail_alloc', nth: slot + 1 };
            }),
          ];
          const direct = await replayEvents(events);
          const queued = await replayEvents(events, { queue: queue(depth, exec, cleanup) });
          expect(queued.lines).toEqual(direct.lines);
          const tree = ({ replayer }: Replayed): string[] => {
            const { table } = replayer.spaces[0];
            return table === null ? [] : treeLines(table);
          };
          expect(tree(queued)).toEqual(tree(direct));
        },
      ),
      { numRuns: 60 },
    );
  });
});
