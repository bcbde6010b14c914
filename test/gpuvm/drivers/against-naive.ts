/** Holds an address space of panthor or msm against the naive one, address by address and entry by entry. */
import { expect } from 'vitest';
import { TWO_32 } from '../../../src/base/u64.ts';
import { liveTables } from '../../../src/gpuvm/drivers/lpae-tables.ts';
import * as C from '../../../src/lpae/counters.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import type { NaiveVm, NaiveVma } from '../naive-vm.ts';
import { HUGE, type LpaeVm, PAGE } from './lpae-vm.ts';

const LEAF_SIZES = [0, 0, HUGE, PAGE];

/** Bits of a stage-1 descriptor: address, and what the flags of a bind decide. */
const ADDRESS_LO = 0xfffff000;
const ADDRESS_HI = 0xffff;
const READ_ONLY_LO = 0x80;
const ATTRIBUTE_INDEX_LO = 0x1c;
const CACHED_LO = 0x4;
const NO_EXEC_HI = 0x600000;

/** VMAs of both as lists. */
export function expectSameVmas(vm: LpaeVm, naive: NaiveVm): void {
  const { vmas } = vm.gpu;
  const got: NaiveVma[] = [...vmas].map((vma) => ({
    start: vmas.start[vma],
    end: vmas.end[vma],
    object: vmas.object[vma],
    offset: vmas.offset[vma],
    flags: vmas.flags[vma],
  }));
  expect(got).toEqual(naive.vmas);
  expect(vmas.size).toBe(naive.vmas.length);
}

/** Every page of a window through `translate`, then every entry of the tables, whatever it translates. */
export function expectSamePages(vm: LpaeVm, naive: NaiveVm, base: number, size: number): void {
  for (let at = base; at < base + size; at += PAGE) {
    if (vm.gpu.translate(at) !== naive.translate(at))
      expect([at, vm.gpu.translate(at)]).toEqual([at, naive.translate(at)]);
  }
  const tables = [0, 0, 0, 0];
  let bytes = 0;
  let leaves = 0;
  visitEntries(vm.table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (kid !== 0) {
      tables[level + 1]++;
      return true;
    }
    const leaf = level === 3 || vm.driver === 'panthor' ? LEAF_SIZES[level] : 0;
    const first = iovaHi * TWO_32 + iovaLo;
    if (leaf === 0) throw new Error(`a leaf of level ${level} at ${first}`);
    checkLeaf(vm, naive, first, leaf, pteHi, pteLo);
    bytes += leaf;
    leaves++;
    return true;
  });
  const { counters } = vm.table;
  expect(bytes).toBe(naive.pages.size * PAGE);
  expect([counters[C.MAPPED_BYTES], counters[C.LEAVES_WRITTEN] - counters[C.LEAVES_CLEARED]]).toEqual([bytes, leaves]);
  expect([1, 2, 3].map((level) => liveTables(vm.table, level))).toEqual(tables.slice(1));
  expect(counters[C.TABLES_LIVE]).toBe(tables[1] + tables[2] + tables[3] + 1);
}

/** One leaf stands for as many pages of the naive address space, contiguous and alike. */
function checkLeaf(vm: LpaeVm, naive: NaiveVm, first: number, size: number, pteHi: number, pteLo: number): void {
  const paddr = (pteHi & ADDRESS_HI) * TWO_32 + ((pteLo & ADDRESS_LO) >>> 0);
  const flags = naive.pages.get(first / PAGE)?.flags ?? -1;
  for (let done = 0; done < size; done += PAGE) {
    const page = naive.pages.get((first + done) / PAGE);
    if (page?.paddr !== paddr + done || page.flags !== flags) {
      expect({ at: first + done, paddr: paddr + done, flags }).toEqual({ at: first + done, ...page });
    }
  }
  // Msm takes its protection from the object, which says nothing here: neither cached nor read only.
  const panthor = vm.driver === 'panthor';
  const want = {
    readOnly: panthor && (flags & 1) !== 0,
    noExec: panthor && (flags & 2) !== 0,
    cached: panthor && (flags & 4) === 0,
  };
  const got = {
    readOnly: (pteLo & READ_ONLY_LO) !== 0,
    noExec: (pteHi & NO_EXEC_HI) === NO_EXEC_HI,
    cached: (pteLo & ATTRIBUTE_INDEX_LO) === CACHED_LO,
  };
  if (got.readOnly !== want.readOnly || got.noExec !== want.noExec || got.cached !== want.cached) {
    expect({ first, ...got }).toEqual({ first, ...want });
  }
}

/** Nothing is reserved any more, nothing was refused, and no promise was broken. */
export function expectBalanced({ space }: LpaeVm): void {
  const { stats, violations } = space;
  expect(stats.reserved).toBe(stats.used + stats.returned);
  expect([stats.unusedNow, stats.stolen, stats.callsInRun, stats.failedInRun, violations.length]).toEqual([
    0, 0, 0, 0, 0,
  ]);
}
