import { describe, expect, it } from 'vitest';
import type { ModelChoice } from '../../src/base/model.ts';
import { type Replayed, replayEvents } from './run.ts';

const model = (name: string, parameters: Record<string, string> = {}): ModelChoice => ({ name, parameters });

const PREAMBLE = [
  { op: 'domain', id: 'vm0' },
  { op: 'bo', id: 'b0', size: 4 << 20, segments: [{ paddr: '0x80000000', size: 4 << 20 }] },
  {
    op: 'bo',
    id: 'scattered',
    size: 16384,
    segments: [
      { paddr: '0x90000000', size: 4096 },
      { paddr: '0xa0000000', size: 8192 },
      { paddr: '0xb0000000', size: 4096 },
    ],
  },
];

interface Op {
  readonly kind: string;
  readonly iova?: string;
  readonly size?: number;
  readonly bo?: string;
  readonly offset?: number;
}

const bind = (job: string | number, mode: 'sync' | 'async', ...ops: Op[]): object => ({ op: 'bind', job, mode, ops });
const mapOp = (iova: string, size: number, bo = 'b0', offset = 0): Op => ({ kind: 'map', iova, size, bo, offset });
const exec = (job: string | number): object => ({ op: 'exec', job });
const cleanup = (job: string | number): object => ({ op: 'cleanup', job });
const line = ({ lines }: Replayed, op: string, at = 0): Record<string, unknown> =>
  lines.filter((candidate) => candidate['op'] === op)[at];

describe('jobs', () => {
  it('map the pieces of a buffer object through the core', async () => {
    const replayed = await replayEvents([
      ...PREAMBLE,
      bind(1, 'sync', mapOp('0x1000', 12288, 'scattered', 2048 * 2)),
      { op: 'iova_to_phys', iova: '0x1000' },
      { op: 'iova_to_phys', iova: '0x2fff' },
      { op: 'iova_to_phys', iova: '0x3000' },
      bind(2, 'sync', { kind: 'unmap', iova: '0x1000', size: 12288 }),
      { op: 'iova_to_phys', iova: '0x1000' },
    ]);
    expect(replayed.lines.filter(({ op }) => op === 'iova_to_phys').map(({ paddr }) => paddr)).toEqual([
      '0xa0000000',
      '0xa0001fff',
      '0xb0000000',
      '0x0',
    ]);
    expect(line(replayed, 'bind')).toMatchObject({ ret: 0, mapCalls: 2, unmapCalls: 0, live: [1, 1, 1], allocs: 3 });
    expect(line(replayed, 'bind', 1)).toMatchObject({ ret: 0, mapCalls: 0, unmapCalls: 1 });
  });

  it('reserve at the bind, use at the exec, return at the cleanup', async () => {
    const replayed = await replayEvents(
      [
        ...PREAMBLE,
        bind(1, 'async', mapOp('0x0', 4096)),
        bind(2, 'async', mapOp('0x1000', 4096)),
        exec(1),
        exec(2),
        cleanup(1),
        cleanup(2),
      ],
      { allocator: model('reserve') },
    );
    expect(line(replayed, 'bind')).toMatchObject({ ret: 0, reserved: 3 });
    expect(line(replayed, 'exec')).toMatchObject({ ret: 0, reserved: 3, used: 3, returned: 0 });
    expect(line(replayed, 'exec', 1)).toMatchObject({ ret: 0, reserved: 3, used: 0, returned: 3 });
    expect(line(replayed, 'cleanup', 1)).toMatchObject({ returned: 3 });
    expect(replayed.replayer.spaces[0].allocator.stats).toMatchObject({ unusedPeak: 6, unusedNow: 0, returned: 3 });
  });

  it('run at their bind in a trace that never says when', async () => {
    const replayed = await replayEvents([...PREAMBLE, bind(1, 'async', mapOp('0x0', 4096))], {
      allocator: model('reserve'),
    });
    expect(line(replayed, 'bind')).toMatchObject({ ret: 0, reserved: 3, used: 3, returned: 0, live: [1, 1, 1] });
  });

  it('wait in the queue of the options otherwise', async () => {
    const events = [0, 1, 2, 3].map((i) => bind(i, 'async', mapOp(`0x${(i * 4096).toString(16)}`, 4096)));
    const replayed = await replayEvents([...PREAMBLE, ...events], {
      allocator: model('reserve'),
      queue: { depth: 4, exec: null, cleanup: { value: 0, unit: 'ops' } },
    });
    expect(replayed.replayer.spaces[0].allocator.stats).toMatchObject({ unusedPeak: 12, used: 3, returned: 9 });
    expect(replayed.lines.filter(({ op }) => op === 'bind').map(({ used }) => used)).toEqual([3, 0, 0, 0]);
  });

  it('map the objects that were there at their submission', async () => {
    const again = { op: 'bo', id: 'b0', size: 4096, segments: [{ paddr: '0xc0000000', size: 4096 }] };
    const events = [...PREAMBLE, bind(1, 'async', mapOp('0x0', 4096)), again, { op: 'iova_to_phys', iova: '0x0' }];
    for (const queue of [null, { depth: 4, exec: null, cleanup: { value: 0, unit: 'ops' } } as const]) {
      expect(line(await replayEvents(events, { queue }), 'iova_to_phys')).toMatchObject({ paddr: '0x80000000' });
    }
  });

  const apart = [mapOp('0x0', 4096), mapOp('0x8000000000', 4096)];

  it('fail as a whole when one of their operations cannot be reserved for', async () => {
    const replayed = await replayEvents(
      [
        ...PREAMBLE,
        // Three pages for the first operation, the second of the three for the other.
        { op: 'fail_alloc', nth: 5 },
        bind(1, 'async', ...apart),
        exec(1),
        { op: 'iova_to_phys', iova: '0x0' },
        cleanup(1),
        bind(1, 'async', ...apart),
        exec(1),
        cleanup(1),
      ],
      { allocator: model('reserve') },
    );
    expect(line(replayed, 'bind')).toMatchObject({ ret: -12 });
    // The trace has seen the job run and go: neither is an error, and neither does anything.
    expect(line(replayed, 'exec')).toMatchObject({ ret: -12, used: 0, mapCalls: 0, live: [0, 0, 0] });
    expect(line(replayed, 'iova_to_phys')).toMatchObject({ found: false });
    expect(line(replayed, 'cleanup')).toMatchObject({ ret: 0, returned: 0 });
    // Its name is free again, and its pages are back: three of the first try, six of the second.
    expect(line(replayed, 'exec', 1)).toMatchObject({ ret: 0, used: 6, mapCalls: 2, live: [2, 2, 2] });
    const [space] = replayed.replayer.spaces;
    expect(space.allocator.stats).toMatchObject({ reserved: 9, used: 6, returned: 3, unusedNow: 0, unusedPeak: 6 });
    expect([...space.tally.errors]).toEqual([[-12, 1]]);
  });

  it('reserve, run and are cleaned up operation by operation when they do not wait', async () => {
    const allocator = model('reserve');
    const whole = await replayEvents([...PREAMBLE, bind(1, 'sync', ...apart)], { allocator });
    expect(line(whole, 'bind')).toMatchObject({ ret: 0, reserved: 6, used: 6, returned: 0, live: [2, 2, 2] });
    expect(whole.replayer.spaces[0].allocator.stats.unusedPeak).toBe(3);
    const waits = await replayEvents([...PREAMBLE, bind(1, 'async', ...apart), exec(1), cleanup(1)], { allocator });
    expect(waits.replayer.spaces[0].allocator.stats.unusedPeak).toBe(6);
  });

  it('keep what came before an operation that cannot be reserved for when they do not wait', async () => {
    const replayed = await replayEvents(
      [
        ...PREAMBLE,
        { op: 'fail_alloc', nth: 5 },
        bind(1, 'sync', ...apart, mapOp('0x1000', 4096)),
        { op: 'iova_to_phys', iova: '0x0' },
        { op: 'iova_to_phys', iova: '0x1000' },
      ],
      { allocator: model('reserve') },
    );
    expect(line(replayed, 'bind')).toMatchObject({ ret: -12, reserved: 3, used: 3, mapCalls: 1, live: [1, 1, 1] });
    expect([0, 1].map((at) => line(replayed, 'iova_to_phys', at)['found'])).toEqual([true, false]);
    expect(replayed.replayer.spaces[0].allocator.stats).toMatchObject({ reserved: 3, used: 3, unusedNow: 0 });
  });

  it('show what they reserve when they begin', async () => {
    const exact = await replayEvents([...PREAMBLE, bind(1, 'async', mapOp('0x0', 4096)), exec(1), cleanup(1)], {
      allocator: model('bulk-exact'),
    });
    expect(line(exact, 'bind')).toMatchObject({ reserved: 0 });
    expect(line(exact, 'exec')).toMatchObject({ reserved: 3, used: 3, returned: 0 });
  });

  it('wait for an exec however late it comes', async () => {
    const lookUps = (count: number): object[] => Array(count).fill({ op: 'iova_to_phys', iova: '0x0' });
    const first = [...PREAMBLE, bind(1, 'async', mapOp('0x0', 4096))];
    const allocator = model('reserve');
    const late = await replayEvents([...first, ...lookUps(20_000), exec(1), ...lookUps(1), cleanup(1)], { allocator });
    expect(late.lines.map(({ seq }) => seq)).toEqual(late.lines.map((_, seq) => seq));
    expect(line(late, 'bind')).not.toHaveProperty('used');
    expect(line(late, 'exec')).toMatchObject({ ret: 0, reserved: 3, used: 3 });
    const found = late.lines.filter(({ op, found: leaf }) => op === 'iova_to_phys' && leaf === true);
    expect(found.map(({ seq }) => seq)).toEqual([20_005]);
    // Without any, a job runs at its bind, and all that was held back is still replayed.
    const never = await replayEvents([...first, ...lookUps(20_000)], { allocator });
    expect(line(never, 'bind')).toMatchObject({ ret: 0, reserved: 3, used: 3 });
    expect(never.lines.map(({ seq }) => seq)).toEqual(never.lines.map((_, seq) => seq));
    expect(never.lines.filter(({ found: leaf }) => leaf === true).length).toBe(20_000);
    const until = await replayEvents([...first, ...lookUps(20_000)], { allocator, until: 4 });
    expect(until.lines.length).toBe(5);
  });

  it('reserve once for a job of msm, operation by operation for others', async () => {
    const ops = [mapOp('0x100000000', 4096), mapOp('0x100001000', 4096), mapOp('0x100002000', 4096)];
    const reserved = async (formula: string): Promise<unknown> =>
      line(
        await replayEvents([...PREAMBLE, bind(1, 'sync', ...ops)], { allocator: model('reserve', { formula }) }),
        'bind',
      )['reserved'];
    expect(await reserved('msm')).toBe(3);
    expect(await reserved('panthor')).toBe(9);
  });

  it('show the steal, and that a reservation of their own protects them', async () => {
    const events = [
      ...PREAMBLE,
      bind('A', 'async', mapOp('0x0', 4096)),
      bind('B', 'sync', mapOp('0x8000000000', 4096)),
      exec('A'),
      cleanup('A'),
    ];
    const shared = await replayEvents(events, { allocator: model('shared-pool') });
    expect(line(shared, 'exec')).toMatchObject({ ret: -12 });
    expect(shared.replayer.findings.list).toMatchObject([
      { kind: 'steal', domain: 'vm0', range: { iova: '0x0', size: 4096 } },
    ]);
    for (const name of ['reserve', 'reserve-counted', 'kernel', 'bulk-exact']) {
      const own = await replayEvents(events, { allocator: model(name) });
      expect(line(own, 'exec')).toMatchObject({ ret: 0 });
      expect(own.replayer.findings.list).toEqual([]);
    }
  });

  it('are told what is wrong with them', async () => {
    const fails = async (...events: object[]): Promise<void> => void (await replayEvents([...PREAMBLE, ...events]));
    await expect(fails(exec(7))).rejects.toThrow('no job "7" waits');
    await expect(fails(bind(1, 'sync', mapOp('0x0', 4096, 'b9')))).rejects.toThrow('no buffer object "b9"');
    await expect(fails(bind(1, 'sync', mapOp('0x0', 8 << 20)))).rejects.toThrow('4194304 bytes');
    await expect(
      fails(bind(1, 'async', mapOp('0x0', 4096)), bind(1, 'async', mapOp('0x0', 4096)), exec(1)),
    ).rejects.toThrow('still there');
    await expect(fails(bind(1, 'async', mapOp('0x0', 4096)), exec(1), exec(1))).rejects.toThrow('has run already');
  });
});
