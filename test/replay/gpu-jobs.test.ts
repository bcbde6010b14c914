/** How jobs of GPU drivers wait, run, fail and end in a replay. */
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { chooseModel, type ModelChoice } from '../../src/base/model.ts';
import type { QueueOptions } from '../../src/replay/queue/queue-options.ts';
import { statsOf } from '../cli/events.ts';
import { type Line, replayEach, replayEvents } from './run.ts';

const K = 1024;
const M = 2 ** 20;
const G = 2 ** 30;
const hex = (value: number): string => `0x${value.toString(16)}`;

const OBJECT = { op: 'bo', id: 'a', size: 2 * G, segments: [{ paddr: '0x8000000000', size: 2 * G }], folio: 4096 };
const domain = (driver: string, id = 'vm', more: object = {}): object => ({ op: 'domain', id, driver, ...more });
const map = (at: number, size: number, more: object = {}): object => ({
  kind: 'map',
  iova: hex(at),
  size,
  bo: 'a',
  ...more,
});
const unmap = (at: number, size: number): object => ({ kind: 'unmap', iova: hex(at), size });

function bind(job: string, mode: 'sync' | 'async', ops: object[], more: object = {}): object {
  return { op: 'bind', job, mode, ops, ...more };
}

const exec = (job: string): object => ({ op: 'exec', job });
const cleanup = (job: string): object => ({ op: 'cleanup', job });

function queue(exec: number, cleanup = 0, unit: 'ops' | 'ns' = 'ops'): { readonly queue: QueueOptions } {
  return { queue: { depth: null, exec: { value: exec, unit }, cleanup: { value: cleanup, unit: 'ops' } } };
}

function allocator(text: string): ModelChoice {
  const choice = chooseModel(text, ALLOCATORS);
  if (typeof choice === 'string') throw new Error(choice);
  return choice;
}

const of = (lines: readonly Line[], op: string): Line[] => lines.filter((line) => line['op'] === op);
const jobs = (lines: readonly Line[]): unknown[] => of(lines, 'bind').map(({ job }) => job);

describe('the queue of GPU jobs', () => {
  it('sees synchronous binds go by', async () => {
    const events = [
      domain('panthor'),
      OBJECT,
      bind('A', 'async', [map(0, 4 * K)]),
      ...['S1', 'S2', 'S3'].map((job, i) => bind(job, 'sync', [map((i + 1) * M, 4 * K)])),
    ];
    const { lines } = await replayEvents(events, queue(2));
    // Two operations have gone by when S2 comes: A has had its turn before it.
    expect(jobs(lines)).toEqual(['S1', 'A', 'S2', 'S3']);
  });

  it('reads the time of synchronous binds too', async () => {
    const events = [
      domain('panthor'),
      OBJECT,
      bind('A', 'async', [map(0, 4 * K)], { ts: 0 }),
      bind('S', 'sync', [map(0, 4 * K, { offset: 4 * K })], { ts: 1_000_000 }),
    ];
    const { lines, replayer } = await replayEvents(events, queue(1000, 0, 'ns'));
    expect(jobs(lines)).toEqual(['A', 'S']);
    expect(replayer.findings.list).toEqual([]);
  });

  it('lets a synchronous bind of msm wait for its own address space only, and leaves cleanups their time', async () => {
    const at = (vm: string, job: string, mode: 'sync' | 'async', iova: number): object =>
      bind(job, mode, [map(iova, 4 * K)], { domain: vm });
    const events = [
      domain('panthor', 'p'),
      domain('msm', 'm'),
      OBJECT,
      at('p', 'A', 'async', 4 * G),
      at('m', 'B', 'async', 4 * G),
      at('m', 'C', 'sync', 5 * G),
      at('p', 'D', 'sync', 4 * G),
    ];
    const { lines, replayer } = await replayEvents(events, queue(100, 100));
    expect(jobs(lines)).toEqual(['B', 'C', 'D', 'A']);
    expect(of(lines, 'bind').map(({ line }) => line)).toEqual([5, 6, 7, 4]);
    // Panthor's own synchronous bind overtakes what waits in its address space.
    expect(replayer.findings.list).toMatchObject([{ kind: 'overtaken', line: 7 }]);
    // B's surplus is still held when C has reserved its own.
    expect(replayer.spaces[1].stats.unusedPeak).toBe(3);
  });

  it('gives way for a throttle in its own address space only', async () => {
    const events = [
      domain('msm', 'm1'),
      domain('msm', 'm2'),
      OBJECT,
      bind('X', 'async', [map(4 * G, 4 * K)], { domain: 'm2' }),
      ...['A', 'B', 'C'].map((job, i) => bind(job, 'async', [map((4 + i) * G, G)], { domain: 'm1' })),
    ];
    const { lines, replayer } = await replayEvents(events, { ...queue(1000) });
    expect(jobs(lines)).toEqual(['A', 'X', 'B', 'C']);
    expect(of(lines, 'bind').map(({ job, blocked }) => [job, blocked])).toContainEqual(['C', true]);
    expect(replayer.spaces[0].gpu?.unusable).toBe(null);
  });
});

describe('jobs whose run is on record', () => {
  it('that were refused have nothing to run', async () => {
    const events = [
      domain('panthor'),
      OBJECT,
      bind('A', 'async', [map(M, 4 * K, { flags: 8 })]),
      bind('S', 'sync', [map(M, 4 * K)]),
      exec('A'),
    ];
    const { lines } = await replayEvents(events);
    const [line] = of(lines, 'exec');
    expect(line).toMatchObject({ job: 'A', ret: -22, allocs: 0 });
    expect(line).not.toHaveProperty('asLocks');
    await expect(replayEvents([...events, exec('A')])).rejects.toThrow('job "A" has run already');
  });

  it('are out of order where the driver keeps their order', async () => {
    const order = (driver: string): object[] => [
      domain(driver),
      OBJECT,
      bind('A', 'async', [map(4 * G, 4 * K)]),
      bind('B', 'async', [map(5 * G, 4 * K)]),
      exec('B'),
      exec('A'),
    ];
    for (const driver of ['panthor', 'msm']) {
      const { replayer } = await replayEvents(order(driver));
      expect(replayer.findings.list).toMatchObject([{ kind: 'out-of-order', line: 5 }]);
    }
    expect((await replayEvents(order('xe'))).replayer.findings.list).toEqual([]);
  });

  it('of msm run when they are cleaned up at last, but not at the end of the trace', async () => {
    const start = [domain('msm'), OBJECT, bind('A', 'async', [map(4 * G, 4 * K)])];
    const cleaned = await replayEvents([...start, cleanup('A'), bind('S', 'sync', [unmap(4 * G, 4 * K)])]);
    expect(cleaned.replayer.findings.list).toEqual([]);
    expect(of(cleaned.lines, 'bind')[1]).toMatchObject({ ret: 0, unmapCalls: 1, ptes: 0, unusable: 0 });
    const left = await replayEvents([...start, bind('B', 'async', [map(5 * G, 4 * K)]), exec('A')]);
    expect(left.replayer.spaces[0].gpu?.translate(5 * G)).toBe(-1);
    expect(left.replayer.jobsNeverRan).toBe(1);
  });

  it('that wait for the throttle are let in in order, before one behind them runs', async () => {
    const big = (job: string, at: number): object => bind(job, 'async', [map(at * G, G)]);
    const { lines } = await replayEvents([
      domain('msm'),
      OBJECT,
      big('A', 4),
      big('B', 5),
      big('C', 6),
      big('D', 7),
      exec('D'),
      exec('C'),
    ]);
    expect(of(lines, 'bind').map(({ blocked, inFlight }) => [blocked, inFlight])).toEqual([
      [false, 514],
      [false, 1028],
      [true, 1028],
      [true, 1028],
    ]);
    expect(of(lines, 'exec')[0]).toMatchObject({ job: 'D', ret: 0, vmas: 4, blocked: true, inFlight: 2056 });
  });

  it('go with their address space, and are told', async () => {
    const { replayer } = await replayEvents([
      domain('panthor'),
      OBJECT,
      bind('A', 'async', [map(0, 4 * K)]),
      bind('B', 'async', [map(M, 4 * K)]),
      exec('A'),
      { op: 'destroy', domain: 'vm' },
    ]);
    expect(replayer.jobsNeverRan).toBe(1);
    const [space] = replayer.spaces;
    // The end of an address space is no bind of anybody.
    expect(space.stats.operations).toBe(2);
    expect(space.stats.unusedNow).toBe(0);
  });
});

describe('pages that cannot be had', () => {
  it('are counted in flight by msm for ever', async () => {
    const { lines } = await replayEvents([
      domain('msm'),
      OBJECT,
      { op: 'fail_alloc', nth: 1 },
      bind('A', 'async', [map(4 * G, 4 * K)]),
      bind('B', 'async', [map(4 * G, 4 * K)]),
      exec('B'),
    ]);
    expect(of(lines, 'bind').map(({ ret, inFlight }) => [ret, inFlight])).toEqual([
      [-12, 3],
      [0, 6],
    ]);
  });

  it('when a job runs make the address space of msm unusable', async () => {
    const { lines, replayer } = await replayEvents(
      [
        domain('msm'),
        OBJECT,
        bind('A', 'async', [map(4 * G, 8 * K)]),
        { op: 'fail_alloc', nth: 1 },
        exec('A'),
        bind('S', 'sync', [map(5 * G, 4 * K)]),
      ],
      { allocator: allocator('kernel') },
    );
    expect(of(lines, 'exec')[0]).toMatchObject({ unusable: 1, ptes: 0 });
    expect(of(lines, 'bind')[1]).toMatchObject({ ret: -32 });
    expect(replayer.findings.counts.get('vm-unusable')).toBe(1);
  });
});

describe('what drivers choose for themselves', () => {
  it('page sizes', async () => {
    const shape = async (driver: string, more: object): Promise<unknown> => {
      const { lines, replayer } = await replayEvents([domain(driver, 'vm', more)]);
      return lines[0]['ret'] === 0 ? replayer.spaces[0].table?.config.pgsizes : lines[0]['reason'];
    };
    expect(await shape('panthor', {})).toBe(0x201000);
    expect(await shape('panthor', { pgsizes: '0x40201000' })).toBe(0x201000);
    expect(await shape('msm', { pgsizes: '0x40201000' })).toBe(0x1000);
    expect(await shape('panthor', { pgsizes: '0x1000' })).toBe(
      'panthor maps pages of 4K and 2M: "pgsizes" must have them',
    );
  });

  it('quirks, whatever an option says', async () => {
    const events = [domain('msm'), { op: 'bo', id: 'x', size: 4096, segments: [] }];
    const quirks = async (kernel: '7.1' | '6.12'): Promise<unknown> =>
      (await replayEvents(events, { kernel, overrides: { quirks: ['TTBR1'] } })).replayer.spaces[0].table?.config
        .quirks;
    expect(await quirks('7.1')).toEqual(['NO_WARN']);
    expect(await quirks('6.12')).toEqual([]);
  });

  it('what to flush', async () => {
    const over = (driver: string): object[] => [
      domain(driver),
      { ...OBJECT, folio: 2 * M },
      bind('A', 'sync', [map(4 * G, 4 * K)]),
      bind('B', 'sync', [map(4 * G, 2 * M)]),
    ];
    const events = async (driver: string): Promise<unknown> => {
      const flush = { name: 'smmuv3', parameters: {} };
      const [{ lines }] = await replayEach(over(driver), [{ flush }], { events: true });
      return of(lines, 'bind')[1]['events'];
    };
    expect(await events('msm')).toEqual([['FLUSH_ALL'], ['TLBI_ASID'], ['CMD_SYNC']]);
    expect(await events('panthor')).toEqual([
      ['AS_LOCK', '0x100000014'],
      ['FLUSH_WALK', '0x100000000', 2 * M, 4096],
      ['CACHE_FLUSH'],
      ['AS_UNLOCK'],
    ]);
  });

  it('when a synchronisation is sound', async () => {
    const sync = async (more: object): Promise<unknown> => {
      const events = [domain('panthor'), bind('A', 'async', [{ kind: 'sync_only', ...more }])];
      return (await replayEvents(events)).lines[1]['ret'];
    };
    expect(await sync({})).toBe(0);
    for (const more of [{ size: 4096 }, { iova: '0x1000' }, { flags: 1 }, { offset: 4096 }]) {
      expect(await sync(more)).toBe(-22);
    }
  });

  it('what would have been needed is told of what was accepted only', async () => {
    const { counters } = await statsOf([
      domain('panthor'),
      OBJECT,
      bind('A', 'sync', [map(0, 4 * G)]),
      bind('B', 'sync', [map(0, 4 * K)]),
    ]);
    expect(counters).toMatchObject({ 'bind.need.each': 3, 'errors.EINVAL': 1 });
  });
});
