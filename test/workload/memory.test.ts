import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous, scattered } from '../../src/workload/memory/backing.ts';
import { pageAddress } from '../../src/workload/memory/page-address.ts';
import { PhysicalMemory } from '../../src/workload/memory/physical-memory.ts';
import { VA_START, VaHeap } from '../../src/workload/memory/va-heap.ts';
import { Random } from '../../src/workload/random.ts';
import { expectSame } from '../same.ts';

describe('the random numbers', () => {
  it('are those of sfc32 after twelve rounds', () => {
    // An independent sfc32 on big integers, seeded alike.
    const mask = (1n << 32n) - 1n;
    let state = 5n;
    const word = (): bigint => {
      state = (state + 0x9e3779b9n) & mask;
      let z = state ^ (state >> 16n);
      z = (z * 0x21f0aaadn) & mask;
      z ^= z >> 15n;
      z = (z * 0x735a2d97n) & mask;
      return z ^ (z >> 15n);
    };
    let [a, b, c, d] = [word(), word(), word(), 1n];
    const next = (): bigint => {
      const t = (a + b + d) & mask;
      d = (d + 1n) & mask;
      a = b ^ (b >> 9n);
      b = (c + (c << 3n)) & mask;
      c = (((c << 21n) | (c >> 11n)) + t) & mask;
      return t;
    };
    for (let i = 0; i < 12; i++) next();
    const random = new Random(5);
    for (let i = 0; i < 1000; i++) expectSame(random.next(), Number(next()));
  });

  it('stay within their ends and reach them', () => {
    const random = new Random(1);
    const seen = new Set<number>();
    const spread = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      seen.add(random.between(3, 7));
      spread.add(random.spread(3, 21));
    }
    expect([...seen].sort()).toEqual([3, 4, 5, 6, 7]);
    expect([...spread].sort((a, b) => a - b)).toEqual(Array.from({ length: 19 }, (_, i) => i + 3));
  });
});

describe('physical memory', () => {
  it('never gives out what it has given, and takes everything back', () => {
    const order = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), order, fc.nat()), { maxLength: 200 }), (steps) => {
        const memory = new PhysicalMemory();
        const given: { pfn: number; order: number }[] = [];
        const pages = new Set<number>();
        for (const [takes, order, which] of steps) {
          if (takes || given.length === 0) {
            const pfn = memory.allocate(order);
            expectSame(pfn % 2 ** order, 0);
            for (let page = pfn; page < pfn + 2 ** order; page++) {
              expectSame(pages.has(page), false);
              pages.add(page);
            }
            given.push({ pfn, order });
          } else {
            const [block] = given.splice(which % given.length, 1);
            for (let page = block.pfn; page < block.pfn + 2 ** block.order; page++) pages.delete(page);
            memory.free(block.pfn, block.order);
          }
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('backs exactly the pages that were asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 100 }),
        (pages, maxOrder, huge) => {
          const memory = new PhysicalMemory();
          for (const backing of [
            contiguous(memory, pages),
            scattered(memory, new Random(pages), pages, maxOrder, huge),
          ]) {
            expectSame(backing.pages, pages);
            expectSame(
              backing.segments.reduce((sum, { size }) => sum + size, 0),
              pages * 4096,
            );
          }
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe('a VA heap', () => {
  it('is first fit over the ranges that are free', () => {
    const size = fc.integer({ min: 1, max: 40 });
    const align = fc.constantFrom(1, 2, 8);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), size, align, fc.nat()), { maxLength: 150 }), (steps) => {
        const heap = new VaHeap();
        const used = new Set<number>();
        const given: { start: number; size: number }[] = [];
        for (const [takes, size, align, which] of steps) {
          if (takes || given.length === 0) {
            let wanted = 0;
            const free = (start: number): boolean =>
              Array.from({ length: size }, (_, i) => start + i).every((page) => !used.has(page));
            while (wanted % align !== 0 || !free(wanted)) wanted++;
            const start = (heap.allocate(size * 4096, align * 4096) - VA_START) / 4096;
            expectSame(start, wanted);
            for (let page = start; page < start + size; page++) used.add(page);
            given.push({ start, size });
          } else {
            const [range] = given.splice(which % given.length, 1);
            for (let page = range.start; page < range.start + range.size; page++) used.delete(page);
            heap.free(VA_START + range.start * 4096, range.size * 4096);
          }
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('says so when it is full', () => {
    const heap = new VaHeap();
    heap.allocate(2 ** 39 - 2 ** 32, 4096);
    expect(() => heap.allocate(4096, 4096)).toThrow('508 GiB of VA');
  });
});

describe('page addresses', () => {
  it('are those of the numbers in hex', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 20, max: 2 ** 28 - 1 }), (pfn) => {
        expectSame(pageAddress(pfn), `0x${(pfn * 4096).toString(16)}`);
      }),
      { seed: 3, examples: [[2 ** 20], [2 ** 24 - 1], [2 ** 24], [2 ** 28 - 1]] },
    );
  });
});
