import { describe, expect, it } from 'vitest';
import type { GpuVm, OwnTable } from '../../../src/gpuvm/gpu-vm.ts';
import { type Line, replayEvents } from '../../replay/run.ts';

const K = 1024;
const M = 2 ** 20;

const hex = (value: number): string => `0x${value.toString(16)}`;
const traceOf = (driver: string, domain: object, ...events: object[]): object[] => [
  { op: 'trace', format: 'pgtrace', version: 1, kernel: '7.1' },
  { op: 'domain', id: 'vm', driver, ...domain },
  { op: 'bo', id: 'a', size: 4 * M, segments: [{ paddr: '0x80000000', size: 4 * M }] },
  ...events,
];
const map = (iova: number, size: number, offset = 0): object => ({
  kind: 'map',
  iova: hex(iova),
  size,
  bo: 'a',
  offset,
});
const unmap = (iova: number, size: number): object => ({ kind: 'unmap', iova: hex(iova), size });
const bind = (job: string, mode: string, ...ops: object[]): object => ({ op: 'bind', job, mode, ops });

/** Every asynchronous step on its own, and a synchronous bind that meets jobs which wait. */
const EVENTS = [
  bind('j1', 'async', map(0x1000000, 4 * M)),
  bind('j2', 'async', unmap(0x1000000, M)),
  { op: 'exec', job: 'j1' },
  { op: 'exec', job: 'j2' },
  { op: 'cleanup', job: 'j1' },
  { op: 'cleanup', job: 'j2' },
  bind('j3', 'async', map(0x1000000, 64 * K)),
  bind('s1', 'sync', map(0x1010000, 64 * K, 64 * K)),
  { op: 'exec', job: 'j3' },
  bind('bad', 'sync', map(0x1000000, 4 * M, 64 * K)),
];

const pick = (line: Line, ...names: string[]): unknown[] => names.map((name) => line[name]);

describe('drivers with page tables of their own, in a replay', () => {
  it('nouveau: VMAs and tables at submission, entries at the run, references at the cleanup', async () => {
    const { lines, replayer } = await replayEvents(traceOf('nouveau', {}, ...EVENTS, { op: 'destroy', domain: 'vm' }));
    const [j1, j2] = lines.filter(({ op }) => op === 'bind');
    expect(pick(j1, 'ret', 'reserved', 'vmas')).toEqual([0, 5, 1]);
    expect(pick(j2, 'ret', 'reserved', 'vmas')).toEqual([0, 0, 1]);
    const [e1, e2, e3] = lines.filter(({ op }) => op === 'exec');
    expect(e1).toMatchObject({ reserved: 5, used: 5, returned: 0, mapCalls: 1, unmapCalls: 0, vmmFlushes: 1 });
    expect(pick(e1, 'live', 'ptes', 'blocks', 'vmas')).toEqual([[1, 1, 2], 64, 0, 1]);
    expect(pick(e2, 'live', 'ptes', 'mapCalls', 'unmapCalls')).toEqual([[1, 1, 2], 48, 0, 1]);
    const s1 = lines.find(({ job }) => job === 's1') as Line;
    expect(pick(s1, 'ret', 'reserved', 'vmas', 'ptes')).toEqual([0, 0, 3, 50]);
    // It has run before the synchronous bind, which waits for it.
    expect(e3['early']).toBe(true);
    expect(lines.find(({ job }) => job === 'bad')).toMatchObject({ ret: -22, reserved: 0, used: 0, vmas: 3 });
    const [space] = replayer.spaces;
    expect(space.gpu?.vmas.size).toBe(0);
    expect(space.gpu?.own?.census()).toEqual({ tables: [0, 0, 0, 0], leaves: [0, 0, 0, 0], emptyTables: 0 });
  });

  it('xe: tables in the ioctl, entries at the run, one invalidation for a call with an unbind', async () => {
    const { lines, replayer } = await replayEvents(traceOf('xe', {}, ...EVENTS, { op: 'destroy', domain: 'vm' }));
    const [j1, j2] = lines.filter(({ op }) => op === 'bind');
    expect(pick(j1, 'ret', 'reserved', 'vmas')).toEqual([0, 2, 1]);
    // What is left of the cut block of 2M is bound anew, in pages.
    expect(pick(j2, 'ret', 'reserved', 'vmas')).toEqual([0, 3, 1]);
    const [e1, e2, e3] = lines.filter(({ op }) => op === 'exec');
    expect(e1).toMatchObject({ reserved: 2, used: 2, ptOps: 1, entryRuns: 1, invalidations: 0 });
    expect(pick(e1, 'live', 'blocks', 'ptes')).toEqual([[2, 2, 1], 2, 0]);
    expect(e2).toMatchObject({ reserved: 3, used: 3, tableFrees: 2, invalidations: 1 });
    expect(pick(e2, 'live', 'blocks', 'ptes')).toEqual([[1, 1, 1], 1, 256]);
    expect(e3['early']).toBe(true);
    expect(lines.find(({ job }) => job === 'bad')).toMatchObject({ ret: -22, vmas: 3, unusable: 0 });
    const [space] = replayer.spaces;
    expect(space.gpu?.own?.census()).toEqual({ tables: [0, 0, 0, 0], leaves: [0, 0, 0, 0], emptyTables: 0 });
  });

  it.each(['nouveau', 'xe'])(
    '%s: a job that the trace never executes writes nothing, and keeps its tables',
    async (driver) => {
      const { replayer } = await replayEvents(
        traceOf(
          driver,
          {},
          bind('ran', 'async', map(0x1000000, 64 * K)),
          { op: 'exec', job: 'ran' },
          bind('never', 'async', map(0x40000000, 64 * K)),
        ),
      );
      expect(replayer.jobsNeverRan).toBe(1);
      const gpu = replayer.spaces[0].gpu as GpuVm;
      expect([gpu.translate(0x1000000), gpu.translate(0x40000000), gpu.vmas.size]).toEqual([0x80000000, -1, 2]);
      const { tables, leaves, emptyTables } = (gpu.own as OwnTable).census();
      expect(leaves.reduce((sum, count) => sum + count)).toBe(driver === 'xe' ? 16 : 1);
      // A last-level table and the one above it are those of the job that never ran: they translate nothing.
      expect([tables[3], emptyTables]).toEqual([2, 2]);
    },
  );

  it('xe refuses addresses of 57 bits', async () => {
    const { lines } = await replayEvents(traceOf('xe', { ias: 57 }));
    const line = lines.find(({ op }) => op === 'domain');
    expect(line?.['ret']).toBe(-22);
    expect(JSON.stringify(line)).toMatch(/fifth level/);
  });
});
