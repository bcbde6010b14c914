/** Random jobs of msm against an address space without tables, and the costs of its merged reservation, flushes and throttle. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BufferObject } from '../../../../src/gpuvm/buffer-object.ts';
import * as C from '../../../../src/gpuvm/gpu-counters.ts';
import type { GpuOp } from '../../../../src/gpuvm/gpu-job.ts';
import { MAP_CALLS, TABLE_ALLOCS, WARNS } from '../../../../src/lpae/counters.ts';
import { NaiveVm } from '../../naive-vm.ts';
import { expectBalanced, expectSamePages, expectSameVmas } from '../against-naive.ts';
import { G, HUGE, K, LpaeVm, M, mapOp, nullOp, PAGE, unmapOp } from '../lpae-vm.ts';
import { ABSTRACT_OP, BASES, declareObjects, gpuOpOf, placed, SLOTS } from '../random-binds.ts';

const JOBS = fc.record({
  base: fc.constantFrom(...BASES),
  jobs: fc.array(fc.array(ABSTRACT_OP, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 10 }),
});

describe('msm, by random jobs', () => {
  it('translates and keeps VMAs as the naive address space does', () => {
    fc.assert(
      fc.property(JOBS, ({ base, jobs }) => {
        const vm = new LpaeVm('msm');
        const naive = new NaiveVm();
        const objects = declareObjects(vm);
        for (const abstract of jobs) {
          // Flags are the driver's own: msm gives them to nothing.
          const ops = abstract.map((op) => ({ ...placed(op, base), flags: 0 }));
          const job = vm.run(...ops.map((op) => gpuOpOf(op, objects)));
          expect([job.ret, vm.gpu.unusable]).toEqual([0, null]);
          expect(job.used).toBeLessThanOrEqual(job.reserved);
          for (const op of ops) {
            if (op.map) naive.map(op.start, op.size, objects[op.object], op.offset, 0);
            else naive.unmap(op.start, op.size);
          }
          expectSameVmas(vm, naive);
        }
        expectSamePages(vm, naive, base, SLOTS * HUGE);
        expectBalanced(vm);
        expect(vm.table.counters[WARNS]).toBe(0);
        vm.gpu.destroy();
        expect(vm.gpu.vmas.size).toBe(0);
      }),
      { seed: 73, numRuns: 40 },
    );
  });

  it('foresees the tables that a job takes when nothing comes between', () => {
    fc.assert(
      fc.property(JOBS, ({ base, jobs }) => {
        const vm = new LpaeVm('msm');
        const objects = declareObjects(vm);
        const { counters } = vm.table;
        for (const abstract of jobs) {
          const job = vm.submit(...abstract.map((op) => gpuOpOf({ ...placed(op, base), flags: 0 }, objects)));
          const before = counters[TABLE_ALLOCS];
          vm.gpu.run(job);
          expect([job.estimates, job.used]).toEqual([
            [counters[TABLE_ALLOCS] - before],
            counters[TABLE_ALLOCS] - before,
          ]);
          vm.gpu.cleanup(job);
        }
        expect(vm.gpu.counters[C.ESTIMATES_SHORT] + vm.gpu.counters[C.ESTIMATES_OVER]).toBe(0);
        expectBalanced(vm);
      }),
      { seed: 74, numRuns: 60 },
    );
  });
});

/** Where a user-managed address space begins. */
const START = 4 * G;

interface Row {
  readonly job: string;
  readonly ops: (object: BufferObject) => readonly GpuOp[];
  readonly reserved: number;
  readonly used: number;
}

const many = (count: number, op: (i: number) => GpuOp): GpuOp[] => Array.from({ length: count }, (_, i) => op(i));
const row = (job: string, reserved: number, used: number, ops: Row['ops']): Row => ({ job, ops, reserved, used });

const WORKED: readonly Row[] = [
  row('MAP 4K @ 4G', 3, 3, (b) => [mapOp(START, PAGE, b)]),
  row('MAP 2M @ 4G', 3, 3, (b) => [mapOp(START, 2 * M, b)]),
  row('MAP 2M @ 4G+4K', 4, 4, (b) => [mapOp(START + PAGE, 2 * M, b)]),
  row('MAP 2M+4K @ 4G', 4, 4, (b) => [mapOp(START, 2 * M + PAGE, b)]),
  row('MAP 64M @ 4G+4K', 35, 35, (b) => [mapOp(START + PAGE, 64 * M, b)]),
  row('MAP 1G @ 4G', 514, 514, (b) => [mapOp(START, G, b)]),
  row('MAP 8K @ 512G-4K', 6, 6, (b) => [mapOp(512 * G - PAGE, 8 * K, b)]),
  row('512 x MAP 4K, ascending in a slot', 3, 3, (b) => many(512, (i) => mapOp(START + i * PAGE, PAGE, b))),
  row('1024 x MAP 4K, ascending over 4M', 4, 4, (b) => many(1024, (i) => mapOp(START + i * PAGE, PAGE, b))),
  row('512 x MAP 4K, descending in a slot', 6, 3, (b) => many(512, (i) => mapOp(START + (511 - i) * PAGE, PAGE, b))),
  row('512 x MAP 4K, alternating between two slots', 1536, 4, (b) =>
    many(512, (i) => mapOp(START + (i % 2) * 2 * M + Math.floor(i / 2) * PAGE, PAGE, b)),
  ),
  row('32 x MAP 64K, stride 2M', 96, 34, (b) => many(32, (i) => mapOp(START + i * 2 * M, 64 * K, b))),
  row('MAP 4K, UNMAP 4K elsewhere, MAP the next 4K', 3, 3, (b) => [
    mapOp(START, PAGE, b),
    unmapOp(START + G, PAGE),
    mapOp(START + PAGE, PAGE, b),
  ]),
  row('UNMAP', 0, 0, () => [unmapOp(START, G)]),
  // Backward from the middle of a slot the run has a negative length, which comes out right.
  row('MAP 4K, then the 4K before it, in the middle of a slot', 3, 3, (b) => [
    mapOp(START + M, PAGE, b),
    mapOp(START + M - PAGE, PAGE, b),
  ]),
  row('MAP 4K @ 8K into a slot, then at its start', 3, 3, (b) => [
    mapOp(START + 2 * PAGE, PAGE, b),
    mapOp(START, PAGE, b),
  ]),
  row('MAP 4K to the end of a slot, then at its start', 6, 3, (b) => [
    mapOp(START + 2 * M - PAGE, PAGE, b),
    mapOp(START, PAGE, b),
  ]),
  row('MAP_NULL amid MAPs', 4, 4, (b) => [mapOp(START, M, b), nullOp(START + M, M), mapOp(START + 2 * M, PAGE, b)]),
  row('MAP_NULL 2M', 3, 3, () => [nullOp(START, 2 * M)]),
];

function fresh(): { vm: LpaeVm; object: BufferObject } {
  const vm = new LpaeVm('msm');
  return { vm, object: vm.declare([{ paddr: 2 ** 40, size: G }]) };
}

describe('the reservation of an msm job', () => {
  it.each(WORKED)('$job', ({ ops, reserved, used }) => {
    const { vm, object } = fresh();
    const job = vm.run(...ops(object));
    expect([job.ret, job.reserved, job.used]).toEqual([0, reserved, used]);
    expectBalanced(vm);
  });
});

describe('the flushes of msm', () => {
  const flushes = (vm: LpaeVm): number => vm.gpu.counters[C.FLUSH_ALLS];

  it('are one for each range that is unmapped, and none for a map of free addresses', () => {
    const { vm, object } = fresh();
    vm.run(mapOp(START, M, object), mapOp(START + M, M, object), mapOp(START + 2 * M, M, object));
    expect(flushes(vm)).toBe(0);
    // The ends of the outer ones and all of the middle one.
    vm.run(unmapOp(START + M / 2, 2 * M));
    expect(flushes(vm)).toBe(3);
    vm.run(unmapOp(START + M / 2, 2 * M));
    expect(flushes(vm)).toBe(3);
    vm.run(mapOp(START, 3 * M, object, M));
    expect(flushes(vm)).toBe(5);
  });

  it('are none where the same mapping is there already, and its VMA stays', () => {
    const { vm, object } = fresh();
    vm.run(mapOp(START, M, object, PAGE));
    const calls = vm.space.counters.slice();
    const again = vm.run(mapOp(START, M, object, PAGE));
    expect([again.ret, again.reserved, again.used, flushes(vm)]).toEqual([0, 3, 0, 0]);
    expect(vm.space.counters).toEqual(calls);
    expect([vm.gpu.vmas.size, vm.gpu.counters[C.STEPS_KEPT]]).toEqual([1, 1]);
    // A part of it, or another place in the object, is another mapping.
    vm.run(mapOp(START, M / 2, object, PAGE));
    expect([flushes(vm), vm.gpu.vmas.size]).toEqual([1, 2]);
    vm.run(mapOp(START, M / 2, object, 2 * PAGE));
    expect([flushes(vm), vm.gpu.vmas.size]).toEqual([2, 2]);
    expect(vm.gpu.counters[C.STEPS_KEPT]).toBe(1);
  });

  it('are one for a map that fails', () => {
    const { vm } = fresh();
    // Beyond the 48 bits of physical addresses.
    const far = vm.declare([{ paddr: 2 ** 48, size: PAGE }]);
    expect(vm.run(mapOp(START, PAGE, far)).ret).toBe(0);
    expect([flushes(vm), vm.gpu.unusable?.ret]).toEqual([1, -22]);
  });

  it('never free a table', () => {
    const { vm, object } = fresh();
    vm.run(mapOp(START, 64 * M, object));
    const live = vm.space.counters[TABLE_ALLOCS];
    vm.run(unmapOp(START, 64 * M));
    expect(vm.gpu.lineOfTables()).toContain('"live":[1,1,32],"ptes":0');
    vm.run(mapOp(START, 64 * M, object));
    expect(vm.space.counters[TABLE_ALLOCS]).toBe(live);
  });
});

describe('a null mapping of msm', () => {
  it('is a call for each page, all onto one page', () => {
    const { vm } = fresh();
    const job = vm.run(nullOp(START, 2 * M));
    expect([job.reserved, job.used]).toEqual([3, 3]);
    expect(vm.space.counters[MAP_CALLS]).toBe(512);
    const [first, ...others] = Array.from({ length: 512 }, (_, i) => vm.gpu.translate(START + i * PAGE));
    expect(first).toBeGreaterThan(0);
    expect(new Set(others)).toEqual(new Set([first]));
    expect(vm.gpu.lineOfTables()).toContain('"ptes":512,"vmas":1');
  });
});

describe('the throttle of msm', () => {
  it('lets the 342nd job of three pages in and holds the 343rd back', () => {
    const { vm, object } = fresh();
    const { allocator } = vm.space;
    const jobs = [];
    for (let i = 0; i < 342; i++) {
      expect(allocator.mustWait()).toBe(false);
      jobs.push(vm.submit(mapOp(START + i * 2 * M, PAGE, object)));
    }
    expect([allocator.inFlight, allocator.mustWait()]).toEqual([1026, true]);
    // Run or not: only a cleanup makes room.
    vm.gpu.run(jobs[0]);
    expect([allocator.inFlight, allocator.mustWait()]).toEqual([1026, true]);
    vm.gpu.cleanup(jobs[0]);
    expect([allocator.inFlight, allocator.mustWait()]).toEqual([1023, false]);
  });
});
