/** What the drivers answer when things go wrong, and what is left of the address space. */
import { describe, expect, it } from 'vitest';
import { EEXIST, EINVAL, ENOMEM, EPIPE, type Kernel } from '../../../src/base/vocabulary.ts';
import type { BufferObject } from '../../../src/gpuvm/buffer-object.ts';
import * as C from '../../../src/gpuvm/gpu-counters.ts';
import { GPU_SYNC_ONLY, type GpuOp } from '../../../src/gpuvm/gpu-job.ts';
import { WARNS } from '../../../src/lpae/counters.ts';
import { treeNumbers } from '../../replay/run.ts';
import { expectBalanced } from './against-naive.ts';
import { G, HUGE, K, LpaeVm, M, mapOp, nullOp, PAGE, unmapOp } from './lpae-vm.ts';

const END = 2 ** 48;

/** LOCK, cache flush, UNLOCK, UPDATE. */
function events({ gpu: { counters } }: LpaeVm): number[] {
  return [C.AS_LOCKS, C.CACHE_FLUSHES, C.AS_UNLOCKS, C.AS_UPDATES].map((at) => counters[at]);
}

function panthor(kernel: Kernel = '7.1'): { vm: LpaeVm; object: BufferObject } {
  const vm = new LpaeVm('panthor', kernel);
  return { vm, object: vm.declare([{ paddr: 2 ** 40, size: 8 * M }], HUGE) };
}

/** One segment at a border of 2M which says that its folios are small: blocks stand where the driver expects pages. */
const badFolio = (vm: LpaeVm): BufferObject => vm.declare([{ paddr: 2 ** 41, size: 4 * M }], PAGE);

describe('panthor 7.1 gives up an address space', () => {
  it('when an asynchronous operation leaves it, which is noticed only when it runs', () => {
    const { vm, object } = panthor();
    const job = vm.submit(mapOp(G, PAGE, object), mapOp(END - PAGE, 8 * K, object), mapOp(2 * G, PAGE, object));
    expect([job.ret, job.reserved, vm.gpu.unusable]).toEqual([0, 12, null]);
    vm.gpu.run(job);
    expect([job.ret, job.failedOp]).toEqual([-EINVAL, 1]);
    expect(vm.gpu.unusable).toMatchObject({ job, op: 1, ret: -EINVAL });
    // One set for each of the three, of which the last finds the address space unusable; the hardware loses it once.
    expect(events(vm)).toEqual([3, 4, 3, 1]);
    expect([vm.gpu.translate(G), vm.gpu.translate(2 * G)]).toEqual([object.paddrs[0], -1]);
    vm.gpu.cleanup(job);
    expectBalanced(vm);

    const reserved = vm.space.stats.reserved;
    const later = vm.submit(mapOp(3 * G, PAGE, object));
    expect([later.ret, later.reserved, vm.submit(unmapOp(G, PAGE)).ret]).toEqual([-EINVAL, 0, -EINVAL]);
    expect(vm.space.stats.reserved).toBe(reserved);
    expect(vm.run(mapOp(3 * G, PAGE, object)).ret).toBe(-EINVAL);
    expect(events(vm)).toEqual([4, 5, 4, 1]);
    expect(vm.run(unmapOp(G, PAGE)).ret).toBe(0);
    expect(events(vm)).toEqual([5, 6, 5, 1]);
    expect(vm.gpu.translate(G)).toBe(-1);
  });

  it('not when a synchronous one does', () => {
    const { vm, object } = panthor();
    const job = vm.run(mapOp(G, PAGE, object), mapOp(END, PAGE, object), mapOp(2 * G, PAGE, object));
    // The first failure ends it, and what came before stays.
    expect([job.ret, job.failedOp, vm.gpu.unusable]).toEqual([-EINVAL, 1, null]);
    expect([job.reserved, job.used]).toEqual([6, 3]);
    expect(events(vm)).toEqual([2, 2, 2, 0]);
    expect([vm.gpu.translate(G), vm.gpu.translate(2 * G)]).toEqual([object.paddrs[0], -1]);
    expect(vm.run(unmapOp(END, PAGE)).ret).toBe(-EINVAL);
    expectBalanced(vm);
  });

  it('when a map meets a block that the folios did not tell of', () => {
    const { vm } = panthor();
    const object = badFolio(vm);
    expect(vm.run(mapOp(0, 4 * M, object)).ret).toBe(0);
    const job = vm.run(mapOp(M, PAGE, object));
    expect([job.ret, vm.gpu.unusable?.ret]).toEqual([-EEXIST, -EINVAL]);
    // The VMA is cut, nothing is mapped in the hole but the block that stood there.
    expect(vm.gpu.lineOfTables()).toContain('"live":[1,1,0],"blocks":2,"ptes":0,"vmas":2,"unusable":1');
    expect(vm.gpu.translate(M)).toBe(2 ** 41 + M);
    expectBalanced(vm);
  });

  it('when an unmap removes less than it should, and answers 0 all the same', () => {
    const { vm } = panthor();
    vm.run(mapOp(0, 4 * M, badFolio(vm)));
    const before = events(vm);
    const warns = vm.space.counters[WARNS];
    const job = vm.run(unmapOp(PAGE, PAGE));
    expect([job.ret, vm.gpu.unusable?.ret, vm.gpu.unusable?.job]).toEqual([0, -EINVAL, job]);
    expect(events(vm).map((count, i) => count - before[i])).toEqual([1, 2, 2, 1]);
    expect(vm.space.counters[WARNS]).toBeGreaterThan(warns);
    expect(vm.gpu.lineOfTables()).toContain('"live":[1,1,0],"blocks":2,"ptes":0,"vmas":2,"unusable":1');
    // An unmap of all of it takes the VMAs, and gives up at the block that it meets first, before it comes to the other.
    expect(vm.run(unmapOp(0, 4 * M)).ret).toBe(0);
    expect(vm.gpu.lineOfTables()).toContain('"blocks":2,"ptes":0,"vmas":0');
    expectBalanced(vm);
  });
});

describe('panthor 6.12 gives up an address space', () => {
  it('only for an asynchronous operation, and leaves it with the hardware', () => {
    const { vm, object } = panthor('6.12');
    vm.run(mapOp(END, PAGE, object));
    expect(vm.gpu.unusable).toBe(null);
    const job = vm.submit(mapOp(END, PAGE, object));
    vm.gpu.run(job);
    expect([job.ret, vm.gpu.unusable?.job]).toEqual([-EINVAL, job]);
    expect(events(vm)).toEqual([0, 0, 0, 0]);
    expect(vm.submit(unmapOp(0, PAGE)).ret).toBe(-EINVAL);
    expect(vm.run(mapOp(0, PAGE, object)).ret).toBe(-EINVAL);
    expect(vm.run(unmapOp(0, PAGE)).ret).toBe(0);
  });

  it('not for a block that the folios did not tell of: the engine splits it', () => {
    const { vm } = panthor('6.12');
    const object = badFolio(vm);
    vm.run(mapOp(0, 4 * M, object));
    expect(vm.run(mapOp(M, PAGE, object), unmapOp(3 * M, PAGE)).ret).toBe(0);
    expect([vm.gpu.unusable, vm.space.counters[WARNS]]).toEqual([null, 0]);
  });
});

describe.each<Kernel>(['7.1', '6.12'])('panthor %s', (kernel) => {
  it('does nothing for a synchronous operation of no size', () => {
    const { vm, object } = panthor(kernel);
    expect(vm.run(mapOp(PAGE, 0, object), unmapOp(PAGE, 0)).ret).toBe(0);
    expect([...events(vm), vm.space.stats.reserved, vm.gpu.vmas.size]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('has no such way out for an asynchronous one', () => {
    const { vm, object } = panthor(kernel);
    const job = vm.submit(mapOp(PAGE, 0, object), unmapOp(PAGE, 0));
    // The windows of an empty range that is not aligned, and its one edge.
    expect([job.ret, job.reserved]).toEqual([0, 4]);
    vm.gpu.run(job);
    expect([job.ret, job.used, vm.gpu.vmas.size, vm.gpu.unusable]).toEqual([0, 0, 0, null]);
    expect(events(vm)).toEqual(kernel === '7.1' ? [0, 2, 2, 0] : [0, 0, 0, 0]);
    vm.gpu.cleanup(job);
    expectBalanced(vm);
  });

  const object = (vm: LpaeVm): BufferObject => vm.objects.all[0];
  const BAD: readonly (readonly [what: string, op: (vm: LpaeVm) => GpuOp])[] = [
    ['an address askew', (vm) => mapOp(100, PAGE, object(vm))],
    ['a size askew', (vm) => mapOp(0, PAGE + 1, object(vm))],
    ['an offset askew', (vm) => mapOp(0, PAGE, object(vm), 8)],
    ['more than the object has', (vm) => mapOp(0, 16 * M, object(vm))],
    ['an offset behind the object', (vm) => mapOp(0, PAGE, object(vm), 8 * M)],
    ['an end behind the object', (vm) => mapOp(0, 2 * PAGE, object(vm), 8 * M - PAGE)],
    ['an unknown flag', (vm) => mapOp(0, PAGE, object(vm), 0, 8)],
    ['an unmap with a flag', () => ({ ...unmapOp(0, PAGE), flags: 1 })],
    ['an unmap of an object', (vm) => ({ ...unmapOp(0, PAGE), object: object(vm) })],
    ['an unmap with an offset', () => ({ ...unmapOp(0, PAGE), offset: PAGE })],
    ['a null mapping', () => nullOp(0, PAGE)],
    ['a synchronisation with a size', () => ({ ...unmapOp(0, PAGE), kind: GPU_SYNC_ONLY })],
  ];

  it.each(BAD)('refuses %s before anything is reserved', (_, make) => {
    const { vm, object: good } = panthor(kernel);
    const op = make(vm);
    const sync = vm.run(op);
    expect([sync.ret, sync.reserved]).toEqual([-EINVAL, 0]);
    expect(vm.space.stats.reserved).toBe(0);
    // Of an asynchronous ioctl nothing runs, what came before it goes back.
    const async = vm.submit(mapOp(G, PAGE, good), op);
    expect([async.ret, async.failedOp, async.reserved]).toEqual([-EINVAL, 1, 0]);
    expect([vm.gpu.vmas.size, vm.gpu.unusable, ...events(vm)]).toEqual([0, null, 0, 0, 0, 0]);
    expectBalanced(vm);
  });

  it.each([1, 2, 3])('changes nothing when page %i of a reservation cannot be had', (nth) => {
    const { vm, object: good } = panthor(kernel);
    vm.run(mapOp(0, PAGE, good));
    const tree = treeNumbers(vm.table);
    const before = events(vm);
    vm.space.failAlloc(nth);
    const sync = vm.run(mapOp(512 * G, PAGE, good));
    // The second of an ioctl: what was reserved for the first goes back.
    vm.space.failAlloc(3 + nth);
    const async = vm.submit(mapOp(512 * G, 8 * K, good), mapOp(1024 * G, PAGE, good));
    expect([sync.ret, sync.reserved, sync.failedOp]).toEqual([-ENOMEM, 0, 0]);
    expect([async.ret, async.reserved, async.failedOp]).toEqual([-ENOMEM, 0, 1]);
    expect([treeNumbers(vm.table), events(vm), vm.gpu.vmas.size]).toEqual([tree, before, 1]);
    expect([vm.space.stats.failedAtSubmit, vm.gpu.unusable]).toEqual([2, null]);
    expectBalanced(vm);
    expect(vm.run(mapOp(512 * G, PAGE, good)).ret).toBe(0);
  });
});

describe('msm', () => {
  const START = 4 * G;

  function msm(): { vm: LpaeVm; object: BufferObject; far: BufferObject } {
    const vm = new LpaeVm('msm');
    // The far one lies beyond the 48 bits of physical addresses: mapping it fails when the job runs.
    return {
      vm,
      object: vm.declare([{ paddr: 2 ** 40, size: 8 * M }]),
      far: vm.declare([{ paddr: END, size: 8 * M }]),
    };
  }

  it.each([
    ['below its addresses', START - PAGE],
    ['above them', END],
  ])('leaves an address space as it is when the first operation is %s', (_, start) => {
    const { vm, object } = msm();
    const job = vm.run(mapOp(start, PAGE, object), mapOp(START, PAGE, object));
    expect([job.ret, job.failedOp, vm.gpu.unusable, vm.gpu.vmas.size]).toEqual([-EINVAL, 0, null, 0]);
    expect(vm.run(mapOp(START, PAGE, object)).ret).toBe(0);
    expectBalanced(vm);
  });

  it('gives it up when a later one is: the VMAs have changed, the page table has not', () => {
    const { vm, object } = msm();
    vm.run(mapOp(START + M, PAGE, object));
    const job = vm.run(mapOp(START, PAGE, object), unmapOp(START + M, PAGE), mapOp(END, PAGE, object));
    expect([job.ret, job.failedOp]).toEqual([-EINVAL, 2]);
    expect(vm.gpu.unusable).toMatchObject({ job, op: 2, ret: -EINVAL });
    expect([vm.gpu.vmas.size, vm.gpu.translate(START), vm.gpu.translate(START + M)]).toEqual([1, -1, 2 ** 40]);
    expectBalanced(vm);
    const reserved = vm.space.stats.reserved;
    for (const op of [mapOp(START, PAGE, object), unmapOp(START, PAGE)]) expect(vm.run(op).ret).toBe(-EPIPE);
    expect(vm.space.stats.reserved).toBe(reserved);
  });

  it('skips maps and still does unmaps behind a map that failed', () => {
    const { vm, object, far } = msm();
    vm.run(mapOp(START, PAGE, object), mapOp(START + M, PAGE, object));
    const failing = vm.submit(
      mapOp(START + 2 * M, PAGE, far),
      mapOp(START + 3 * M, PAGE, object),
      unmapOp(START, PAGE),
    );
    // Submitted before the other has failed.
    const later = vm.submit(mapOp(START + 4 * M, PAGE, object), unmapOp(START + M, PAGE));
    for (const job of [failing, later]) {
      vm.gpu.run(job);
      expect(job.ret).toBe(0);
    }
    expect(vm.gpu.unusable).toMatchObject({ job: failing, ret: -EINVAL });
    expect([0, 1, 2, 3, 4].map((i) => vm.gpu.translate(START + i * M))).toEqual([-1, -1, -1, -1, -1]);
    // The VMAs changed at submission and know nothing of it.
    expect(vm.gpu.vmas.size).toBe(3);
    for (const job of [failing, later]) vm.gpu.cleanup(job);
    expectBalanced(vm);
  });

  it('reserves too little where an operation of no length ends a run', () => {
    const { vm, object } = msm();
    const job = vm.run(mapOp(START, 4 * M + PAGE, object), mapOp(START + 4 * M, 0, object));
    expect([job.ret, job.reserved, job.used]).toEqual([0, 4, 4]);
    expect(vm.gpu.unusable?.ret).toBe(-EINVAL);
    expect(vm.gpu.lineOfTables()).toContain('"ptes":0,');
    expect(vm.space.counters[WARNS]).toBe(1);
    expect(vm.space.violations.map(({ rule }) => rule)).toEqual(['under-reservation']);
  });

  const BAD: readonly (readonly [what: string, op: (object: BufferObject) => GpuOp])[] = [
    ['an address askew', (object) => mapOp(START + 1, PAGE, object)],
    ['a size askew', (object) => mapOp(START, 100, object)],
    ['an offset askew', (object) => mapOp(START, PAGE, object, 1)],
    ['more than the object has', (object) => mapOp(START, 16 * M, object)],
    ['an unmap of an object', (object) => ({ ...unmapOp(START, PAGE), object })],
    ['an unmap with an offset', () => ({ ...unmapOp(START, PAGE), offset: PAGE })],
  ];

  it.each(BAD)('refuses %s before anything is reserved, wherever it stands', (_, make) => {
    const { vm, object } = msm();
    for (const ops of [[make(object)], [mapOp(START, PAGE, object), make(object)]]) {
      const job = vm.run(...ops);
      expect([job.ret, job.reserved, vm.gpu.vmas.size, vm.gpu.unusable]).toEqual([-EINVAL, 0, 0, null]);
    }
    expect(vm.space.stats.reserved).toBe(0);
  });

  it.each([1, 2, 4])('changes nothing when page %i of a reservation cannot be had', (nth) => {
    const { vm, object } = msm();
    vm.space.failAlloc(nth);
    const job = vm.run(mapOp(START, PAGE, object), mapOp(START + 2 * M, PAGE, object));
    expect([job.ret, job.reserved, vm.gpu.vmas.size, vm.gpu.unusable]).toEqual([-ENOMEM, 0, 0, null]);
    expect(treeNumbers(vm.table)).toEqual([]);
    expect(vm.run(mapOp(START, PAGE, object)).ret).toBe(0);
  });
});
