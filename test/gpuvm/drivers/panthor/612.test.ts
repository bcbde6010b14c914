/** Panthor of 6.12: a pair of commands behind every step, and blocks that the engine splits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as G from '../../../../src/gpuvm/gpu-counters.ts';
import * as C from '../../../../src/lpae/counters.ts';
import { NaiveVm } from '../../naive-vm.ts';
import { HUGE, LpaeVm, M, mapOp, PAGE, unmapOp } from '../lpae-vm.ts';
import { ABSTRACT_OP, BASES, declareObjects, gpuOpOf, placed } from '../random-binds.ts';

const make = (resident = true): LpaeVm => new LpaeVm('panthor', '6.12', null, resident);

/** LOCK, FLUSH_PT, cache flushes, UNLOCK, UPDATE. */
function events({ gpu: { counters } }: LpaeVm): readonly number[] {
  return [G.AS_LOCKS, G.AS_FLUSH_PTS, G.CACHE_FLUSHES, G.AS_UNLOCKS, G.AS_UPDATES].map((at) => counters[at]);
}

describe('6.12 flushes', () => {
  it('once for each VMA that an operation meets, and once for what it maps', () => {
    fc.assert(
      fc.property(fc.constantFrom(...BASES), fc.array(ABSTRACT_OP, { minLength: 2, maxLength: 20 }), (base, ops) => {
        const vm = make();
        const naive = new NaiveVm();
        const objects = declareObjects(vm);
        for (const op of ops.map((abstract) => placed(abstract, base))) {
          const met = naive.vmas.filter(({ start, end }) => start < op.start + op.size && op.start < end).length;
          const before = events(vm);
          vm.run(gpuOpOf(op, objects));
          const pairs = met + (op.map ? 1 : 0);
          expect(events(vm).map((count, i) => count - before[i])).toEqual([pairs, pairs, 0, 0, 0]);
          if (op.map) naive.map(op.start, op.size, objects[op.object], op.offset, op.flags);
          else naive.unmap(op.start, op.size);
        }
      }),
      { seed: 91, numRuns: 30 },
    );
  });

  it('eleven times for a map over ten VMAs, ten for an unmap, not at all for an unmap of nothing', () => {
    const vm = make();
    const object = vm.declare([{ paddr: 2 ** 40, size: 64 * M }]);
    const maps = (): void => {
      for (let i = 0; i < 10; i++) vm.run(mapOp(i * M, M, object));
    };
    maps();
    const pairs = (run: () => void): number => {
      const [before] = events(vm);
      run();
      const [locks, flushes] = events(vm);
      expect(flushes).toBe(locks);
      return locks - before;
    };
    expect(pairs(() => vm.run(mapOp(0, 10 * M, object)))).toBe(11);
    expect(pairs(() => vm.run(unmapOp(0, 10 * M)))).toBe(1);
    maps();
    expect(pairs(() => vm.run(unmapOp(0, 10 * M)))).toBe(10);
    expect(pairs(() => vm.run(unmapOp(0, 10 * M)))).toBe(0);
  });

  it('each step over the region of that step', () => {
    const vm = make();
    const object = vm.declare([{ paddr: 2 ** 40, size: 8 * M }]);
    vm.run(mapOp(0, 2 * M, object));
    vm.run(mapOp(4 * M, 2 * M, object));
    vm.run(mapOp(M, 4 * M, object));
    // Of two holes of 1M and of what is mapped.
    expect(vm.gpu.lineOfTables()).toContain('"lockaddr":["0x100013","0x400013","0x16"]');
  });

  it('nothing without a hardware slot', () => {
    const vm = make(false);
    vm.run(mapOp(0, 2 * M, vm.declare([{ paddr: 2 ** 40, size: 2 * M }])));
    vm.run(unmapOp(0, M));
    vm.gpu.destroy();
    expect(events(vm)).toEqual([0, 0, 0, 0, 0]);
  });

  it('all memory of a destroyed address space, then takes it from the hardware', () => {
    const vm = make();
    vm.gpu.destroy();
    expect(events(vm)).toEqual([1, 0, 0, 0, 1]);
    expect(vm.gpu.counters[G.AS_FLUSH_MEMS]).toBe(1);
  });
});

describe('6.12 splits a block in the engine', () => {
  it.each([
    ['huge', HUGE],
    ['small', PAGE],
  ])('with the page that an unmap reserved, whatever the folios are: %s', (_, folio) => {
    const vm = make();
    const object = vm.declare([{ paddr: 2 ** 40, size: 4 * M }], folio);
    vm.run(mapOp(0, 4 * M, object));
    expect(vm.gpu.lineOfTables()).toContain('"live":[1,1,0],"blocks":2,"ptes":0');
    const calls = vm.space.counters[C.MAP_CALLS];
    const job = vm.run(unmapOp(PAGE, PAGE));
    expect([job.ret, job.reserved, job.used]).toEqual([0, 1, 1]);
    expect(vm.gpu.lineOfTables()).toContain('"live":[1,1,1],"blocks":1,"ptes":511,"vmas":2');
    // Nothing is mapped anew by the driver.
    expect([vm.space.counters[C.MAP_CALLS] - calls, vm.space.counters[C.BLOCKS_SPLIT]]).toEqual([0, 1]);
    expect(vm.gpu.counters[G.WIDENED]).toBe(0);
    const both = vm.run(unmapOp(M, 2 * M));
    expect([both.ret, both.reserved, both.used]).toEqual([0, 2, 1]);
    expect(vm.space.counters[C.WARNS]).toBe(0);
  });

  it('with a page of the map that takes its place', () => {
    const vm = make();
    const object = vm.declare([{ paddr: 2 ** 40, size: 2 * M }], HUGE);
    vm.run(mapOp(0, 2 * M, object));
    const job = vm.run(mapOp(M, PAGE, object));
    expect([job.ret, job.reserved, job.used]).toEqual([0, 3, 1]);
    expect(vm.gpu.lineOfTables()).toContain('"live":[1,1,1],"blocks":0,"ptes":512,"vmas":3');
  });
});
