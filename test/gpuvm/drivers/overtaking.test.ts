/** Synchronous jobs beside waiting ones: panthor's run before them, msm's behind them; and what a trace is told of it. */
import { describe, expect, it } from 'vitest';
import type { QueueOptions } from '../../../src/replay/queue/queue-options.ts';
import { type Line, type Replayed, replayEvents } from '../../replay/run.ts';
import { G, hex, M, PAGE } from './lpae-vm.ts';

const START = 4 * G;
const QUEUE: QueueOptions = { depth: 8, exec: null, cleanup: { value: 0, unit: 'ops' } };

const object = (id: string, paddr: number): object => ({
  op: 'bo',
  id,
  size: 8 * M,
  segments: [{ paddr: hex(paddr), size: 8 * M }],
});
const head = (driver: string): object[] => [
  { op: 'domain', id: 'vm0', driver },
  object('a', 2 ** 40),
  object('b', 2 ** 41),
];
const map = (bo: string, page: number, pages = 16): object => ({
  kind: 'map',
  iova: hex(START + page * PAGE),
  size: pages * PAGE,
  bo,
});
const unmap = (page: number, pages = 16): object => ({
  kind: 'unmap',
  iova: hex(START + page * PAGE),
  size: pages * PAGE,
});
const bind = (job: string, mode: 'sync' | 'async', ...ops: object[]): object => ({ op: 'bind', job, mode, ops });
const exec = (job: string): object => ({ op: 'exec', job });
const cleanup = (job: string): object => ({ op: 'cleanup', job });
const look = (page: number): object => ({ op: 'iova_to_phys', iova: hex(START + page * PAGE) });

const findings = ({ replayer }: Replayed): readonly (readonly [string, number, string])[] =>
  replayer.findings.list.map(({ kind, line, message }) => [kind, line, message]);
const linesOf = ({ lines }: Replayed, op: string): readonly Line[] => lines.filter((line) => line['op'] === op);
/** What stands behind an address when all has run. */
const behind = ({ replayer }: Replayed, page: number): number =>
  replayer.spaces[0].gpu?.translate(START + page * PAGE) ?? -2;

describe('a synchronous job of panthor', () => {
  it('runs before one that waits for its exec, and a finding says so where their ranges meet', async () => {
    const run = await replayEvents([
      ...head('panthor'),
      bind('late', 'async', map('a', 0)),
      bind('now', 'sync', map('b', 8)),
      look(0),
      look(8),
      exec('late'),
      cleanup('late'),
    ]);
    // Before the exec only the second is there; then the first comes over it.
    expect(linesOf(run, 'iova_to_phys').map(({ paddr }) => paddr)).toEqual(['0x0', hex(2 ** 41)]);
    expect([behind(run, 8), behind(run, 16)]).toEqual([2 ** 40 + 8 * PAGE, 2 ** 41 + 8 * PAGE]);
    const [[kind, line, message], ...others] = findings(run);
    expect([kind, line, others]).toEqual(['overtaken', 5, []]);
    expect(message).toContain('"now" runs before job "late" of line 4');
    expect(linesOf(run, 'exec')[0]).not.toHaveProperty('early');
  });

  it('runs before one that waits in a queue too', async () => {
    const run = await replayEvents(
      [...head('panthor'), bind('late', 'async', map('a', 0)), bind('now', 'sync', map('b', 8))],
      { queue: QUEUE },
    );
    expect(linesOf(run, 'bind').map(({ job }) => job)).toEqual(['now', 'late']);
    expect(behind(run, 8)).toBe(2 ** 40 + 8 * PAGE);
    expect(findings(run).map(([kind]) => kind)).toEqual(['overtaken']);
  });

  it.each([
    ['their ranges only touch', [map('b', 16)]],
    ['it does nothing', [{ kind: 'unmap', iova: hex(START), size: 0 }]],
  ])('is no finding where %s', async (_, ops) => {
    for (const queue of [null, QUEUE]) {
      const ending = queue === null ? [exec('late'), cleanup('late')] : [];
      const run = await replayEvents(
        [...head('panthor'), bind('late', 'async', map('a', 0)), bind('now', 'sync', ...ops), ...ending],
        { queue },
      );
      expect(findings(run)).toEqual([]);
    }
  });

  it('is no finding where the other has run, or lies in another address space', async () => {
    const ran = await replayEvents([
      ...head('panthor'),
      bind('early', 'async', map('a', 0)),
      exec('early'),
      bind('now', 'sync', unmap(0)),
      cleanup('early'),
    ]);
    expect(findings(ran)).toEqual([]);
    const other = await replayEvents([
      ...head('panthor'),
      { op: 'domain', id: 'vm1', driver: 'panthor' },
      { ...bind('late', 'async', map('a', 0)), domain: 'vm1' },
      { ...bind('now', 'sync', map('b', 0)), domain: 'vm0' },
      { ...exec('late'), domain: 'vm1' },
      { ...cleanup('late'), domain: 'vm1' },
    ]);
    expect(findings(other)).toEqual([]);
  });
});

describe('a synchronous job of msm', () => {
  it('waits for the jobs before it, whose exec then finds them done', async () => {
    const run = await replayEvents([
      ...head('msm'),
      bind('first', 'async', map('a', 0)),
      bind('second', 'async', map('a', 32)),
      bind('now', 'sync', map('b', 8)),
      look(0),
      look(8),
      exec('first'),
      exec('second'),
      cleanup('first'),
      cleanup('second'),
    ]);
    expect(linesOf(run, 'iova_to_phys').map(({ paddr }) => paddr)).toEqual([hex(2 ** 40), hex(2 ** 41)]);
    expect(linesOf(run, 'exec').map(({ ret, early }) => [ret, early])).toEqual([
      [0, true],
      [0, true],
    ]);
    expect(behind(run, 8)).toBe(2 ** 41);
    expect(findings(run)).toEqual([]);
    expect(run.replayer.spaces[0].stats.unusedNow).toBe(0);
  });

  it('comes behind those in a queue', async () => {
    const run = await replayEvents(
      [...head('msm'), bind('first', 'async', map('a', 0)), bind('now', 'sync', map('b', 8))],
      { queue: QUEUE },
    );
    expect(linesOf(run, 'bind').map(({ job }) => job)).toEqual(['first', 'now']);
    expect([behind(run, 0), behind(run, 8)]).toEqual([2 ** 40, 2 ** 41]);
    expect(findings(run)).toEqual([]);
  });
});

describe('the finding about an address space that was given up', () => {
  it('names the job, the operation and its range, once', async () => {
    const run = await replayEvents([
      ...head('panthor'),
      bind('bad', 'async', map('a', 0), { kind: 'map', iova: hex(2 ** 48 - PAGE), size: 2 * PAGE, bo: 'a' }),
      exec('bad'),
      bind('later', 'async', map('a', 0)),
      bind('mapping', 'sync', map('a', 0)),
      bind('unmapping', 'sync', unmap(0)),
      cleanup('bad'),
      cleanup('later'),
    ]);
    const [[kind, line, message], ...others] = findings(run);
    expect([kind, line, others]).toEqual(['vm-unusable', 5, []]);
    expect(message).toContain('job "bad" ops[1], map of 8192 bytes at 0xfffffffff000, made the address space unusable');
    expect(linesOf(run, 'exec')[0]).toMatchObject({ ret: -22, failedOp: 1, unusable: 1 });
    const binds = linesOf(run, 'bind').map(({ job, ret, reserved, asLocks }) => [job, ret, reserved, asLocks]);
    expect(binds).toEqual([
      ['bad', 0, 9, 0],
      ['later', -22, 0, 0],
      ['mapping', -22, 3, 1],
      ['unmapping', 0, 1, 1],
    ]);
    // The refused one did not wait for anything.
    expect(run.replayer.jobsNeverRan).toBe(0);
  });

  it('tells of msm when the job ran, though its ioctl had answered 0', async () => {
    const far = { op: 'bo', id: 'far', size: PAGE, segments: [{ paddr: hex(2 ** 48), size: PAGE }] };
    const run = await replayEvents([
      ...head('msm'),
      far,
      bind('bad', 'async', map('far', 0, 1)),
      exec('bad'),
      bind('later', 'async', map('a', 0)),
      cleanup('bad'),
      cleanup('later'),
    ]);
    expect(findings(run).map(([kind, line]) => [kind, line])).toEqual([['vm-unusable', 6]]);
    expect(linesOf(run, 'exec')[0]).toMatchObject({ ret: 0, flushAlls: 1, unusable: 1 });
    expect(linesOf(run, 'bind').map(({ ret }) => ret)).toEqual([0, -32]);
  });
});
