import { describe, expect, it } from 'vitest';
import * as GPU from '../../../../src/gpuvm/gpu-counters.ts';
import * as C from '../../../../src/lpae/counters.ts';
import { type Line, type Replayed, replayEach, replayEvents } from '../../../replay/run.ts';
import { M, PAGE } from './vm.ts';

type Op = readonly [kind: 'map' | 'unmap' | 'map_null', at: number, size: number, offset?: number];

const hex = (value: number): string => `0x${value.toString(16)}`;
const DOMAIN = { op: 'domain', id: 'vm0', driver: 'pvr' };
/** Four segments of half a table each. */
const OBJECT = {
  op: 'bo',
  id: 'b',
  size: 4 * M,
  segments: [0, 1, 2, 3].map((i) => ({ paddr: hex(2 ** 32 + i * 2 * M), size: M })),
};

function bind(job: number, ops: readonly Op[], mode = 'sync'): object {
  const told = ops.map(([kind, at, size, offset = 0]) => ({
    kind,
    iova: hex(at),
    size,
    ...(kind === 'map' ? { bo: 'b', offset } : {}),
  }));
  return { op: 'bind', job, mode, ops: told };
}

async function replay(...events: readonly object[]): Promise<Replayed & { readonly kinds: readonly string[] }> {
  const replayed = await replayEvents([DOMAIN, OBJECT, ...events]);
  return { ...replayed, kinds: replayed.replayer.findings.list.map(({ kind }) => kind) };
}

const binds = (lines: readonly Line[]): readonly Line[] => lines.filter(({ op }) => op === 'bind');

describe('binds of a pvr domain', () => {
  it('tell what was reserved, used and needed, and which tables live', async () => {
    const { lines, kinds } = await replay(bind(0, [['map', 2 * M, 2 * M]]), bind(1, [['unmap', 2 * M, 2 * M]]));
    expect(binds(lines)).toMatchObject([
      {
        job: 0,
        ret: 0,
        reserved: 3,
        used: 2,
        returned: 1,
        tableFrees: 0,
        mapCalls: 1,
        unmapCalls: 0,
        mmuCacheCommands: 0,
        reservedL1: 1,
        reservedL0: 2,
        usedL1: 1,
        usedL0: 1,
        mappedPages: 512,
        neededL1: 1,
        neededL0: 1,
        liveL1: 1,
        liveL0: 1,
        live: [0, 1, 1],
        ptes: 512,
        vmas: 1,
        unusable: 0,
        flushPending: true,
      },
      {
        job: 1,
        ret: 0,
        reserved: 0,
        used: 0,
        tableFrees: 2,
        mapCalls: 0,
        unmapCalls: 1,
        mmuCacheCommands: 1,
        neededL0: 0,
        live: [0, 0, 0],
        ptes: 0,
        vmas: 0,
        flushPending: false,
      },
    ]);
    expect(kinds).toEqual([]);
  });

  it('sum up over the operations of a job, which ends with the first that fails', async () => {
    const { lines } = await replay(
      bind(0, [
        ['map', 0, PAGE],
        ['map', 2 * M, PAGE],
        ['unmap', 0, 2 * PAGE],
        ['map', 4 * M, PAGE],
      ]),
      bind(1, [['map_null', 0, PAGE]]),
      bind(2, [['map', 0, PAGE, 4 * M]]),
    );
    expect(binds(lines)).toMatchObject([
      { ret: -2, failedOp: 2, reserved: 4, used: 3, mappedPages: 2, usedL1: 1, usedL0: 2, vmas: 2 },
      { ret: -22, reserved: 0, vmas: 2 },
      { ret: -22, reserved: 0, mappedPages: 0, vmas: 2 },
    ]);
  });

  it('report a false success and the oops that follows from it', async () => {
    const start = 2 * M - PAGE;
    const { lines, kinds, replayer } = await replay(bind(0, [['map', start, M]]), bind(1, [['unmap', start, M]]));
    expect(binds(lines)).toMatchObject([
      { ret: 0, mappedPages: 0, vmas: 1, neededL0: 2, reservedL0: 1 },
      { ret: 'oops', vmas: 1 },
    ]);
    expect(kinds).toEqual(['false-success', 'null-dereference']);
    const [first, second] = replayer.findings.list;
    expect([first.seq, second.seq]).toEqual([2, 3]);
    expect(first.message).toContain('0 of its 256 pages are mapped');
    const gpu = replayer.spaces[0].gpu;
    expect(gpu?.counters[GPU.FALSE_SUCCESSES]).toBe(1);
    expect(gpu?.counters[GPU.UNDER_RESERVED]).toBe(1);
  });

  it('oops where an earlier segment is taken back', async () => {
    const { lines, kinds } = await replay(bind(0, [['map', 2 * M - PAGE, 1.5 * M]]));
    expect(binds(lines)).toMatchObject([{ ret: 'oops', vmas: 0 }]);
    expect(kinds).toEqual(['null-dereference']);
  });

  it('run in their ioctl, also when they are asynchronous', async () => {
    const { lines } = await replay(
      bind(0, [['map', 0, M]], 'async'),
      bind(1, [['map', 4 * M, 2 * M]], 'async'),
      { op: 'exec', job: 0 },
      { op: 'cleanup', job: 0 },
      { op: 'exec', job: 1 },
      { op: 'cleanup', job: 1 },
      bind(2, [['unmap', 0, M]]),
    );
    const [first, second, third] = binds(lines);
    expect(first).toMatchObject({ job: 0, ret: 0, reserved: 2, used: 2, reservedL0: 1, mappedPages: 256, mapCalls: 1 });
    expect(second).toMatchObject({
      job: 1,
      ret: 0,
      reserved: 3,
      used: 1,
      reservedL0: 2,
      mappedPages: 512,
      mapCalls: 1,
    });
    expect(third).toMatchObject({ ret: 0, ptes: 512, vmas: 1 });
    const execs = lines.filter(({ op }) => op === 'exec');
    expect(execs).toMatchObject([
      { job: 0, ret: 0, early: true },
      { job: 1, ret: 0, early: true },
    ]);
  });

  it('fail before anything changes when a table cannot be had', async () => {
    const { lines } = await replay(
      { op: 'fail_alloc', nth: 3 },
      bind(0, [['map', 0, M]]),
      bind(1, [['map', 4 * M, 2 * M]]),
      bind(2, [['map', 4 * M, 2 * M]]),
    );
    expect(binds(lines).map(({ ret }) => ret)).toEqual([0, -12, 0]);
    expect(binds(lines)[1]).toMatchObject({ reserved: 0, used: 0, vmas: 1, mapCalls: 0 });
  });

  it('print the commands to the firmware as events', async () => {
    const events = [DOMAIN, OBJECT, bind(0, [['map', 0, M]]), bind(1, [['unmap', 0, M]])];
    const [{ lines }] = await replayEach(events, [{}], { events: true });
    expect(binds(lines).map(({ events: told }) => told)).toEqual([undefined, [['MMUCACHE']]]);
  });

  it('leave nothing behind when the domain is destroyed', async () => {
    const { replayer } = await replay(bind(0, [['map', 0, 4 * M]]), bind(1, [['map', M, M, 2 * M]]), {
      op: 'destroy',
      domain: 'vm0',
    });
    const [space] = replayer.spaces;
    expect(space.counters[C.TABLES_LIVE]).toBe(0);
    expect(space.counters[C.TABLE_ALLOCS]).toBe(4);
    expect(space.counters[C.TABLE_FREES]).toBe(4);
    expect(space.counters[C.MAPPED_BYTES]).toBe(0);
    expect(space.counters[C.MAPPED_BYTES_PEAK]).toBe(4 * M);
    expect(space.gpu?.vmas.size).toBe(0);
  });
});
