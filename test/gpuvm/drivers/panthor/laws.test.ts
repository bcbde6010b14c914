/** Random binds of panthor, both kernels, against an address space without tables, and what was foreseen against what was taken. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../../../src/base/vocabulary.ts';
import * as G from '../../../../src/gpuvm/gpu-counters.ts';
import * as C from '../../../../src/lpae/counters.ts';
import { NaiveVm } from '../../naive-vm.ts';
import { expectBalanced, expectSamePages, expectSameVmas } from '../against-naive.ts';
import { HUGE, LpaeVm, PAGE } from '../lpae-vm.ts';
import { ABSTRACT_OP, BASES, declareObjects, gpuOpOf, placed, SLOTS } from '../random-binds.ts';

const KERNELS: readonly Kernel[] = ['7.1', '6.12'];
const RUN = fc.record({
  base: fc.constantFrom(...BASES),
  ops: fc.array(ABSTRACT_OP, { minLength: 1, maxLength: 24 }),
});

describe.each(KERNELS)('panthor of %s, by random binds', (kernel) => {
  it('translates and keeps VMAs as the naive address space does', () => {
    fc.assert(
      fc.property(RUN, ({ base, ops }) => {
        const vm = new LpaeVm('panthor', kernel);
        const naive = new NaiveVm();
        const objects = declareObjects(vm);
        for (const op of ops.map((abstract) => placed(abstract, base))) {
          const job = vm.run(gpuOpOf(op, objects));
          expect([job.ret, vm.gpu.unusable]).toEqual([0, null]);
          expect(job.used).toBeLessThanOrEqual(job.reserved);
          if (op.map) naive.map(op.start, op.size, objects[op.object], op.offset, op.flags);
          else naive.unmap(op.start, op.size);
          expectSameVmas(vm, naive);
          for (const at of [op.start - PAGE, op.start, op.start + op.size - PAGE, op.start + op.size]) {
            expect(vm.gpu.translate(at % 2 ** 48)).toBe(naive.translate(at % 2 ** 48));
          }
        }
        expectSamePages(vm, naive, base, SLOTS * HUGE);
        expectBalanced(vm);
        expect(vm.table.counters[C.WARNS]).toBe(0);
        vm.gpu.destroy();
        expect([vm.gpu.vmas.size, vm.table.counters[C.MAPPED_BYTES]]).toEqual([0, 0]);
      }),
      { seed: 71, numRuns: 40 },
    );
  });

  it('foresees the tables that an operation takes when nothing comes between', () => {
    fc.assert(
      fc.property(RUN, ({ base, ops }) => {
        const vm = new LpaeVm('panthor', kernel);
        const objects = declareObjects(vm);
        const { counters } = vm.table;
        for (const abstract of ops) {
          const op = placed(abstract, base);
          const job = vm.submit(gpuOpOf(op, objects));
          const before = counters[C.TABLE_ALLOCS];
          vm.gpu.run(job);
          const taken = counters[C.TABLE_ALLOCS] - before;
          expect({ op, tables: job.estimates }).toEqual({ op, tables: [taken] });
          expect(job.used).toBe(taken);
          vm.gpu.cleanup(job);
        }
        expect(vm.gpu.counters[G.ESTIMATES]).toBe(ops.length);
        expect(vm.gpu.counters[G.ESTIMATES_SHORT] + vm.gpu.counters[G.ESTIMATES_OVER]).toBe(0);
        expectBalanced(vm);
      }),
      { seed: 72, numRuns: 80 },
    );
  });
});
