/** The region that a Mali MMU locks, against 64-bit integers, and how often panthor locks for one operation. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockRegion } from '../../src/flush/lock-region.ts';
import * as C from '../../src/gpuvm/gpu-counters.ts';
import { G, HUGE, K, LpaeVm, M, mapOp, PAGE, unmapOp } from './drivers/lpae-vm.ts';
import { ABSTRACT_OP, BASES, declareObjects, gpuOpOf, placed } from './drivers/random-binds.ts';

const U64 = 2n ** 64n;

interface Region {
  readonly start: bigint;
  readonly size: bigint;
  readonly lockaddr: bigint;
}

function packed(start: number, size: number): Region {
  const region = new LockRegion();
  region.pack(start, size);
  const lockaddr = BigInt(region.addressHi) * 2n ** 32n + BigInt(region.addressLo);
  return { start: BigInt(region.start), size: BigInt(region.size), lockaddr };
}

/** As pack_region_range says it, in integers of 64 bits. */
function expected(start: bigint, size: bigint): Region {
  const last = (start + size - 1n) % U64;
  let bits = 0n;
  for (let differ = start ^ last; differ > 0n; differ >>= 1n) bits++;
  const width = (bits > 15n ? bits : 15n) - 1n;
  const first = (start >> width) << width;
  return { start: first, size: 2n ** (width + 1n), lockaddr: first | width };
}

const pages = (most: number): fc.Arbitrary<number> =>
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((share) => Math.floor(share * most) * PAGE);
/** Small and huge numbers alike: so many bits. */
const SIZE = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }))
  .map(([bits, share]) => (1 + Math.floor(share * 2 ** bits)) * PAGE);
const START = fc.oneof(
  pages(2 ** 36),
  pages(2 ** 52),
  fc.integer({ min: 1, max: 4096 }).map((below) => (2 ** 52 - below) * PAGE),
  fc
    .tuple(fc.integer({ min: 15, max: 63 }), fc.integer({ min: -8, max: 8 }))
    .map(([bit, off]) => 2 ** bit + off * PAGE),
);

describe('the region that is locked', () => {
  it.each([
    [0, PAGE, 0, 0x8000, 0xe],
    [0x5000, PAGE, 0x4000, 0x8000, 0x400e],
    [0x7000, 8 * K, 0, 0x10000, 0xf],
    [0x8000, 32 * K, 0x8000, 0x8000, 0x800e],
    [0x8000, 64 * K, 0, 0x20000, 0x10],
    [2 * M, 2 * M, 0x200000, 0x200000, 0x200014],
    [M, 3 * M, 0, 0x400000, 0x15],
    [4 * G - PAGE, 8 * K, 0, 0x200000000, 0x20],
    [512 * G - PAGE, 8 * K, 0, 2 ** 40, 0x27],
    [0, 2 ** 48, 0, 2 ** 48, 0x2f],
  ])('of %d + %d', (start, size, regionStart, regionSize, lockaddr) => {
    const want = { start: BigInt(regionStart), size: BigInt(regionSize), lockaddr: BigInt(lockaddr) };
    expect(packed(start, size)).toEqual(want);
  });

  it('is what 64-bit integers make of any range, also one that wraps', () => {
    fc.assert(
      fc.property(START, SIZE, (start, size) => {
        expect(packed(start, size)).toEqual(expected(BigInt(start), BigInt(size)));
      }),
      { seed: 61, numRuns: 3000 },
    );
  });

  it('holds every byte of a range, and no smaller power of two does', () => {
    fc.assert(
      fc.property(pages(2 ** 36), SIZE, (start, bytes) => {
        const size = Math.min(bytes, 2 ** 48);
        const region = packed(start, size);
        // What hardware locks: at the smallest size software leaves a bit more in the start.
        const first = (region.start / region.size) * region.size;
        const end = BigInt(start) + BigInt(size);
        expect(first <= BigInt(start) && end <= first + region.size).toBe(true);
        const half = region.size / 2n;
        const fits = (BigInt(start) / half) * half + half >= end;
        expect(region.size === 0x8000n || !fits).toBe(true);
      }),
      { seed: 62, numRuns: 1000 },
    );
  });
});

/** LOCK, cache flush and UNLOCK so far. */
function events({ gpu: { counters } }: LpaeVm): number[] {
  return [C.AS_LOCKS, C.CACHE_FLUSHES, C.AS_UNLOCKS].map((counter) => counters[counter]);
}

describe('panthor 7.1 locks', () => {
  it('once for an operation, and flushes and unlocks once, also for an unmap of nothing', () => {
    const vm = new LpaeVm('panthor');
    const object = vm.declare([{ paddr: 2 ** 40, size: 64 * M }], HUGE);
    for (let i = 0; i < 10; i++) vm.run(mapOp(i * M, M, object));
    expect(events(vm)).toEqual([10, 10, 10]);
    vm.run(mapOp(0, 10 * M, object));
    expect(events(vm)).toEqual([11, 11, 11]);
    vm.run(unmapOp(G, G));
    expect(events(vm)).toEqual([12, 12, 12]);
  });

  it('up to three times where two huge mappings meet in a slot', () => {
    const vm = new LpaeVm('panthor');
    const object = vm.declare([{ paddr: 2 ** 40, size: 4 * M }], HUGE);
    vm.run(mapOp(0, 192 * K, object));
    vm.run(mapOp(192 * K, 2 * M - 192 * K, object, 192 * K));
    const [before] = events(vm);
    vm.run(unmapOp(188 * K, 8 * K));
    expect(events(vm)[0] - before).toBe(3);
    expect(vm.gpu.counters[C.AS_EXTRA_LOCKS]).toBe(2);
  });

  it('one to three times, more than once only within one slot of 2M', () => {
    let widest = 0;
    fc.assert(
      fc.property(fc.constantFrom(...BASES), fc.array(ABSTRACT_OP, { minLength: 4, maxLength: 20 }), (base, ops) => {
        const vm = new LpaeVm('panthor');
        const objects = declareObjects(vm);
        for (const op of ops.map((abstract) => placed(abstract, base))) {
          const before = events(vm);
          vm.run(gpuOpOf(op, objects));
          const [locks, flushes, unlocks] = events(vm).map((count, i) => count - before[i]);
          const slots = Math.ceil((op.start + op.size) / HUGE) - Math.floor(op.start / HUGE);
          expect(locks).toBeGreaterThanOrEqual(1);
          expect(locks).toBeLessThanOrEqual(slots === 1 ? 3 : 1);
          expect([flushes, unlocks]).toEqual([1, 1]);
          widest = Math.max(widest, locks);
        }
      }),
      { seed: 63, numRuns: 60 },
    );
    expect(widest).toBeGreaterThan(1);
  });

  it('never, without a hardware slot', () => {
    const vm = new LpaeVm('panthor', '7.1', null, false);
    const object = vm.declare([{ paddr: 2 ** 40, size: 4 * M }], HUGE);
    vm.run(mapOp(0, 4 * M, object));
    vm.run(unmapOp(PAGE, PAGE));
    expect(events(vm)).toEqual([0, 0, 0]);
  });
});
