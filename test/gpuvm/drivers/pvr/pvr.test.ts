import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as GPU from '../../../../src/gpuvm/gpu-counters.ts';
import * as C from '../../../../src/lpae/counters.ts';
import { G, K, M, PAGE, PvrBench } from './vm.ts';

type Golden = Readonly<Record<string, number | string | null>>;

const GOLDEN = gunzipSync(readFileSync(new URL('../../../golden/pvr/maps.ndjson.gz', import.meta.url)))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Golden);

function bench(object: number, segment = object): PvrBench {
  const made = new PvrBench();
  made.declare('b', object, segment);
  return made;
}

describe('single maps on an empty context', () => {
  it('reserve, take and answer as the kernel does', () => {
    const answers = new Set<unknown>();
    for (const golden of GOLDEN) {
      const { offset, size, iova, ret, boSize, segSize, ...figures } = golden;
      const made = bench(Number(boSize), Number(segSize));
      const job = made.map('b', Number(iova), Number(size), Number(offset));
      const known = Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== null));
      const got = { ...made.line(), ret: job.oops ? 'oops' : job.ret };
      expect(got, JSON.stringify(golden)).toMatchObject({ ...known, ret });
      const short = ret === 0 && Number(figures['mappedPages']) * PAGE < Number(size);
      expect(made.vm.defects.map(([kind]) => kind)).toEqual(
        ret === 'oops' ? ['null-dereference'] : short ? ['false-success'] : [],
      );
      expect(made.vm.counters[GPU.FALSE_SUCCESSES]).toBe(short ? 1 : 0);
      answers.add(short ? 'false success' : ret);
    }
    expect(GOLDEN.length).toBe(314);
    expect([...answers].map(String).sort()).toEqual(['-12', '-22', '0', 'false success', 'oops']);
  });

  // size, offset, address; reserved L1 and L0; needed L1 and L0
  it.each([
    [4 * K, 0, 0, 1, 1, 1, 1],
    [2 * M, 0, 2 * M, 1, 2, 1, 1],
    [2 * M + 4 * K, 0, 0, 1, 2, 1, 2],
    [M, 0, 1.5 * M, 1, 1, 1, 2],
    [64 * M, 0, 0, 1, 33, 1, 32],
    [512 * M, 0, 0, 1, 257, 1, 256],
    [G - 4 * K, 0, 0, 1, 512, 1, 512],
    [G, 0, 0, 2, 1, 1, 512],
    [8 * K, 0, G - 4 * K, 1, 1, 2, 2],
    [8 * K, 2 * M - 4 * K, 0, 1, 2, 1, 1],
    [512 * M, 768 * M, 0, 2, 4294967041, 1, 256],
  ])('of %d bytes from %d at %d reserve %d + %d where %d + %d are needed', (size, offset, start, ...want) => {
    const made = bench(size + offset);
    made.map('b', start, size, offset);
    const { reservedL1, reservedL0, neededL1, neededL0 } = made.line();
    expect([reservedL1, reservedL0, neededL1, neededL0]).toEqual(want);
    const [l1, l0, need1, need0] = want;
    expect(made.vm.counters[GPU.UNDER_RESERVED]).toBe(l1 < need1 || l0 < need0 ? 1 : 0);
  });
});

describe('where the reservation runs short', () => {
  it('the first page answers EINVAL and leaves no directory behind', () => {
    const made = bench(2 * G);
    const job = made.map('b', 0, G - 2 * M, 2 * M);
    expect(job).toMatchObject({ ret: -22, oops: false, reserved: 2, used: 1 });
    expect(made.line()).toMatchObject({ live: [0, 0, 0], ptes: 0, vmas: 0, neededL0: 511 });
    expect(made.vm.counters[GPU.TAKEN_AND_FREED]).toBe(1);
  });

  it('a segment border answers ENOMEM and everything goes', () => {
    const made = bench(2 * M, M / 2);
    expect(made.map('b', 2 * M - M / 2, M)).toMatchObject({ ret: -12, oops: false });
    expect(made.line()).toMatchObject({ live: [0, 0, 0], ptes: 0, vmas: 0, mappedPages: 0 });
  });

  it('the last segment answers 0 without being mapped, and its unmap dereferences NULL', () => {
    const made = bench(2 * M, M / 2);
    const start = 2 * M - M / 2 - 4 * PAGE;
    expect(made.map('b', start, M)).toMatchObject({ ret: 0, oops: false });
    expect(made.line()).toMatchObject({ live: [0, 1, 1], ptes: M / 2 / PAGE, vmas: 1 });
    expect(made.vm.translate(start)).toBe(0);
    expect(made.vm.translate(start + M / 2)).toBe(-1);
    expect(made.unmap(start, M)).toMatchObject({ ret: 0, oops: true });
    expect(made.vm.defects.map(([kind]) => kind)).toEqual(['false-success', 'null-dereference']);
    expect(made.vm.defects[0][1]).toContain('128 of its 256 pages');
  });

  it('a map over what was answered with 0 dereferences NULL while it unmaps that, and says so', () => {
    const made = bench(2 * M, M / 2);
    const start = 2 * M - M / 2 - 4 * PAGE;
    made.map('b', start, M);
    made.vm.defects.length = 0;
    expect(made.map('b', start, M)).toMatchObject({ ret: 0, oops: true, failedOp: 0 });
    const [[kind, message]] = made.vm.defects;
    expect(kind).toBe('null-dereference');
    expect(message).toMatch(
      /^map of 1048576 bytes at 0x17c000: while it unmaps what it replaces, NULL is dereferenced/,
    );
    expect(message).not.toContain('ran out');
  });

  it('a map that is taken back says that the tables ran out', () => {
    const made = bench(4 * M, M / 2);
    expect(made.map('b', 2 * M - PAGE, M).oops).toBe(true);
    expect(made.vm.defects[0][1]).toMatch(/^map of .*the reserved tables ran out/);
  });

  it('an unmap survives when somebody else has brought the missing tables', () => {
    const made = bench(2 * M);
    const start = 2 * M - PAGE;
    expect(made.map('b', start, 2 * PAGE).ret).toBe(0);
    expect(made.line()).toMatchObject({ ptes: 0, vmas: 1 });
    made.map('b', 2 * M + 8 * PAGE, PAGE);
    expect(made.unmap(start, 2 * PAGE)).toMatchObject({ ret: 0, oops: false });
    expect(made.line()).toMatchObject({ ptes: 1, vmas: 1 });
  });

  it('an earlier segment dereferences NULL when it is taken back', () => {
    const made = bench(4 * M, M / 2);
    expect(made.map('b', 2 * M - PAGE, M)).toMatchObject({ ret: 0, oops: true, failedOp: 0 });
    expect(made.line()).toMatchObject({ vmas: 0 });
  });

  it('a wrapped count is no memory at all', () => {
    const made = bench(2 * G);
    const job = made.map('b', 0, 512 * M, 768 * M);
    expect(job).toMatchObject({ ret: -12, reserved: 0, used: 0 });
    expect(made.vm.counters[GPU.OWN_RESERVED]).toBe(0);
  });
});

describe('VMAs', () => {
  it('are unmapped from end to end or not at all', () => {
    const made = bench(2 * M);
    made.map('b', 0, 4 * PAGE);
    for (const [start, size] of [
      [0, PAGE],
      [PAGE, PAGE],
      [0, 8 * PAGE],
      [8 * PAGE, PAGE],
      [0, 0],
    ]) {
      expect(made.unmap(start, size).ret).toBe(-2);
    }
    expect(made.vm.counters[GPU.OPS_UNMAP]).toBe(0);
    expect(made.unmap(0, 4 * PAGE).ret).toBe(0);
    expect(made.line()).toMatchObject({ vmas: 0, ptes: 0, live: [0, 0, 0] });
  });

  it('keep both ends around a map into their middle, whose entries stay', () => {
    const made = bench(2 * M);
    made.declare('c', PAGE, PAGE, 2 ** 36);
    made.map('b', 0, 8 * PAGE);
    const written = made.vm.own.counters[C.LEAVES_WRITTEN];
    expect(made.map('c', 3 * PAGE, PAGE).ret).toBe(0);
    expect(made.vm.own.counters[C.LEAVES_WRITTEN] - written).toBe(1);
    expect([0, 2, 3, 4, 7].map((page) => made.vm.translate(page * PAGE) / PAGE)).toEqual([0, 2, 2 ** 24, 4, 7]);
    expect(made.vm.vmas.size).toBe(3);
    expect(made.unmap(4 * PAGE, 4 * PAGE).ret).toBe(0);
    expect(made.unmap(0, 3 * PAGE).ret).toBe(0);
    expect(made.vm.counters[GPU.VMAS_PREALLOCATED]).toBe(3 + 3 + 2 + 2);
    expect(made.vm.counters[GPU.VMAS_USED]).toBe(1 + 3);
  });

  it.each([
    ['a size of 0', 0, 0, 0],
    ['what reaches over 40 bits', 2 ** 40 - PAGE, 2 * PAGE, 0],
    ['what reaches over the object', 0, 2 * PAGE, 2 * M - PAGE],
  ])('refuse %s', (_, start, size, offset) => {
    const made = bench(2 * M);
    expect(made.map('b', start, size, offset)).toMatchObject({ ret: -22, reserved: 0 });
    expect(made.vm.vmas.size).toBe(0);
  });

  it('reach to the last page of 40 bits', () => {
    const made = bench(2 * M);
    expect(made.map('b', 2 ** 40 - PAGE, PAGE).ret).toBe(0);
    expect(made.vm.translate(2 ** 40 - 1)).toBe(PAGE - 1);
    expect(made.unmap(2 ** 40 - PAGE, PAGE).ret).toBe(0);
  });
});

describe('the MMU cache', () => {
  it('hears of unmaps at once and of maps later', () => {
    const made = bench(2 * M);
    made.map('b', 0, PAGE);
    made.map('b', PAGE, PAGE);
    expect(made.commands).toEqual([]);
    expect(made.line()['flushPending']).toBe(true);
    made.unmap(0, PAGE);
    expect(made.commands).toEqual(['MMUCACHE']);
    expect(made.line()['flushPending']).toBe(false);
    made.unmap(0, PAGE);
    expect(made.vm.counters[GPU.MMU_CACHE_COMMANDS]).toBe(1);
    expect(made.vm.counters[GPU.FLUSHES_PENDING]).toBe(0);
    made.map('b', 0, PAGE);
    expect([made.line()['flushPending'], made.vm.counters[GPU.FLUSHES_PENDING]]).toEqual([true, 1]);
  });

  it('hears nothing of tables that a map over them has freed', () => {
    const made = bench(4 * M);
    made.map('b', 0, 2 * M);
    made.unmap(0, 2 * M);
    made.map('b', 0, 2 * M);
    made.unmap(0, 2 * M);
    made.map('b', 0, 2 * M);
    const frees = made.vm.own.counters[C.TABLE_FREES];
    const commands = made.commands.length;
    made.map('b', 0, 2 * M, 2 * M);
    expect(made.vm.own.counters[C.TABLE_FREES] - frees).toBe(2);
    expect(made.commands.length).toBe(commands);
    expect(made.vm.counters[GPU.TABLES_RECREATED]).toBe(3);
  });
});

describe('figures', () => {
  it('count a call and a page for every reserved table, and hold all of them until the operation ends', () => {
    const made = bench(G);
    const { counters, own } = made.vm;
    const held = (): number => counters[GPU.OWN_PAGES] - counters[GPU.OWN_PAGES_FREED];
    // The catalogue.
    expect([held(), counters[GPU.OWN_HELD_PEAK]]).toEqual([1, PAGE]);
    made.map('b', 0, 64 * M);
    // 1 + 33 reserved, one of them too many.
    expect([counters[GPU.OWN_PAGES], held(), counters[GPU.OWN_HELD_PEAK] / PAGE]).toEqual([35, 34, 35]);
    made.map('b', 64 * M, 64 * M);
    expect([counters[GPU.OWN_PAGES], held(), counters[GPU.OWN_HELD_PEAK] / PAGE]).toEqual([69, 66, 68]);
    // What the map over them frees is held beside what it reserves.
    made.map('b', 0, 128 * M);
    expect([counters[GPU.OWN_PAGES], held(), counters[GPU.OWN_HELD_PEAK] / PAGE]).toEqual([135, 66, 132]);
    expect(counters[GPU.OWN_PAGES] - 1).toBe(counters[GPU.OWN_RESERVED]);
    made.unmap(0, 128 * M);
    expect([held() * PAGE, counters[GPU.OWN_HELD_PEAK] / PAGE]).toEqual([own.counters[C.BYTES_OCCUPIED], 132]);
    made.vm.destroy();
    expect(held()).toBe(0);
  });

  it('count bytes that steps ask to change, whatever comes of them', () => {
    const made = bench(G, M);
    const changed = (run: () => unknown): number => {
      const before = made.vm.counters[GPU.BYTES_CHANGED];
      run();
      return made.vm.counters[GPU.BYTES_CHANGED] - before;
    };
    expect(changed(() => made.map('b', 0, 8 * M))).toBe(8 * M);
    // A hole and the new map, the same mapping or not; then two VMAs, a part of the third, and the new map.
    expect(changed(() => made.map('b', 2 * M, 4 * M, 2 * M))).toBe(8 * M);
    expect(changed(() => made.map('b', 0, 7 * M))).toBe(14 * M);
    expect(changed(() => made.unmap(0, 7 * M))).toBe(7 * M);
    expect(changed(() => made.unmap(0, 7 * M))).toBe(0);
    expect(changed(() => made.vm.destroy())).toBe(0);
    // Of a false success too.
    const other = bench(2 * M, M / 2);
    other.map('b', 2 * M - PAGE, M);
    expect(other.vm.counters[GPU.BYTES_CHANGED]).toBe(M);
  });

  it('add up: what was reserved is used or returned', () => {
    const made = bench(G);
    made.map('b', 0, 64 * M);
    expect(made.map('b', 64 * M, 64 * M)).toMatchObject({ reserved: 34, used: 32 });
    const { counters, own } = made.vm;
    expect(counters[GPU.OWN_RESERVED]).toBe(68);
    expect(counters[GPU.OWN_USED]).toBe(65);
    expect(counters[GPU.OWN_RETURNED]).toBe(3);
    expect(counters[GPU.OWN_RESERVED_PEAK]).toBe(34);
    expect(own.counters[C.TABLES_LIVE]).toBe(66);
    expect(own.counters[C.BYTES_OCCUPIED]).toBe(66 * PAGE);
    expect(own.census()).toEqual({ tables: [0, 1, 1, 64], leaves: [0, 0, 0, 32768], emptyTables: 0 });
  });

  it.each([0, 1])('come to nothing when the address space ends (%d)', (falsely) => {
    const made = bench(G, M);
    for (let at = 0; at < 40; at++) made.map('b', at * 3 * M, 2 * M, 2 * M);
    if (falsely) expect(made.map('b', G - PAGE, 2 * PAGE).ret).toBe(0);
    made.vm.defects.length = 0;
    made.vm.destroy();
    const { counters } = made.vm.own;
    expect(counters[C.TABLES_LIVE]).toBe(0);
    expect(counters[C.TABLE_FREES]).toBe(counters[C.TABLE_ALLOCS]);
    expect(counters[C.LEAVES_CLEARED]).toBe(counters[C.LEAVES_WRITTEN]);
    for (const zero of [C.BYTES_LOGICAL, C.BYTES_REQUESTED, C.BYTES_OCCUPIED, C.MAPPED_BYTES]) {
      expect(counters[zero]).toBe(0);
    }
    expect(made.vm.vmas.size).toBe(0);
    expect(made.vm.own.census()).toEqual({ tables: [0, 0, 0, 0], leaves: [0, 0, 0, 0], emptyTables: 0 });
    expect(made.vm.defects.length).toBe(falsely);
  });
});
