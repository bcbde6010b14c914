import { describe, expect, it } from 'vitest';
import { bitmapSizes } from '../../src/base/sizes.ts';
import { chooserOf, PageSizeChooser, type PgsizePolicy } from '../../src/iommu/page-size.ts';
import { halves } from '../lpae/fixture.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;
const G1 = 2 ** 30;
const SIZES_4K = K4 + M2 + G1;
const SIZES_16K = 2 ** 14 + 2 ** 25;
const SIZES_64K = 2 ** 16 + 2 ** 29 + 2 ** 42;

/** Size and count that the chooser gives. */
function choose(bitmap: number, iova: bigint, paddr: bigint, size: number): [number, number] {
  const chooser = new PageSizeChooser(bitmap);
  chooser.choose(...halves(iova), ...halves(paddr), size);
  return [chooser.size, chooser.count];
}

/** All calls that a request leads to when each maps what it is asked to. */
function calls(bitmap: number, iova: bigint, paddr: bigint, size: number): [number, number][] {
  const list: [number, number][] = [];
  for (let done = 0; done < size; ) {
    const [page, count] = choose(bitmap, iova + BigInt(done), paddr + BigInt(done), size - done);
    list.push([page, count]);
    done += page * count;
  }
  return list;
}

/** The choice in exact arithmetic, step by step as the specification words it (A.1). */
function specified(bitmap: number, iova: bigint, paddr: bigint, size: number): [number, number] {
  const sizes = bitmapSizes(bitmap);
  const either = iova | paddr;
  const fitting = sizes.filter((page) => page <= size && either % BigInt(page) === 0n);
  const page = Math.max(...fitting);
  const next = sizes.find((candidate) => candidate > page);
  let span = BigInt(size);
  if (next !== undefined && (iova ^ paddr) % BigInt(next) === 0n) {
    const offset = BigInt(next) - (either % BigInt(next));
    if (offset + BigInt(next) <= span) span = offset;
  }
  return [page, Number(span / BigInt(page))];
}

describe('page size and count of a raw call (iommu_pgsize)', () => {
  it.each([
    {
      iova: 0x1ff000n,
      paddr: 0x1ff000n,
      size: 0x402000,
      want: [
        [K4, 1],
        [M2, 2],
        [K4, 1],
      ],
    },
    {
      iova: 0x3fe400000n,
      paddr: 0x3fe400000n,
      size: 0xc2200000,
      want: [
        [M2, 14],
        [G1, 3],
        [M2, 3],
      ],
    },
    { iova: 0x200000n, paddr: 0x80001000n, size: M2, want: [[K4, 512]] },
    { iova: 0xfef80000n, paddr: 0x208b95d000n, size: 0x20000, want: [[K4, 32]] },
  ])('cuts $size bytes at $iova as the worked table says', ({ iova, paddr, size, want }) => {
    expect(calls(SIZES_4K, iova, paddr, size)).toEqual(want);
  });

  it('keeps small pages to the end of the request when the next larger one would not fit behind them', () => {
    // 2M - 4K lie before the boundary and 1M behind it: no 2M page can follow, so 767 pages are asked for at once.
    expect(choose(SIZES_4K, 0x1000n, 0x1000n, M2 - K4 + 2 ** 20)).toEqual([K4, 767]);
    expect(choose(SIZES_4K, 0x1000n, 0x1000n, M2 - K4 + M2)).toEqual([K4, 511]);
  });

  it('leaves a remainder to the next call', () => {
    expect(calls(SIZES_4K, BigInt(M2), BigInt(M2), M2 + K4)).toEqual([
      [M2, 1],
      [K4, 1],
    ]);
  });

  it('takes an aligned 2M unmap as one block, whatever is mapped there', () => {
    expect(choose(SIZES_4K, BigInt(M2), BigInt(M2), M2)).toEqual([M2, 1]);
  });

  it('measures the distance to the boundary from the bitwise or of both addresses', () => {
    // Both lie 4K into a 2M page: the or keeps the common offset although the addresses differ above it.
    expect(choose(SIZES_4K, 0x601000n, 0x80001000n, 2 * M2)).toEqual([K4, 511]);
  });

  it('works at the upper end of the address space', () => {
    expect(calls(SIZES_4K, 0xffffffffffdff000n, 0x5ff000n, M2 + K4)).toEqual([
      [K4, 1],
      [M2, 1],
    ]);
  });

  it.each([
    ['4K, 2M, 1G', SIZES_4K],
    ['16K, 32M', SIZES_16K],
    ['64K, 512M, 4T', SIZES_64K],
  ])('agrees with exact arithmetic on random requests, %s', (_name, bitmap) => {
    const sizes = bitmapSizes(bitmap);
    let state = 1;
    const random = (limit: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    for (let i = 0; i < 20_000; i++) {
      // Mixed multiples of each size: all alignments and all relations of the two addresses come up.
      const address = (): number => sizes.reduce((sum, size) => sum + random(3) * random(4) * size, 0);
      const iova = BigInt(address());
      const paddr = random(2) === 0 ? BigInt(address()) : iova + BigInt(random(4) * (sizes.at(-1) as number));
      const size = Math.max(sizes[0], address() % 2 ** 46);
      expect(choose(bitmap, iova, paddr, size), `iova ${iova} paddr ${paddr} size ${size}`).toEqual(
        specified(bitmap, iova, paddr, size),
      );
    }
  });
});

describe('alignment that a request needs', () => {
  it('is that of the smallest page, for both addresses and the size', () => {
    const chooser = new PageSizeChooser(SIZES_64K);
    const aligned = (iova: number, paddr: number, size: number): boolean =>
      chooser.isAligned(...halves(iova), ...halves(paddr), size);
    expect(aligned(0x10000, 0x20000, 0x30000)).toBe(true);
    expect(aligned(0x1000, 0x20000, 0x30000)).toBe(false);
    expect(aligned(0x10000, 0x2000, 0x30000)).toBe(false);
    expect(aligned(0x10000, 0x20000, 0x3000)).toBe(false);
    expect(aligned(0x10000, 0x20000, 0)).toBe(true);
  });
});

describe('other ways to cut a request', () => {
  /** Calls as `count x bytes`. */
  function cut(policy: PgsizePolicy, iova: bigint, paddr: bigint, size: number, bitmap = K4 + M2): string[] {
    const chooser = chooserOf(policy, bitmap);
    const list: string[] = [];
    for (let done = 0; done < size; done += chooser.size * chooser.count) {
      chooser.choose(...halves(iova + BigInt(done)), ...halves(paddr + BigInt(done)), size - done);
      list.push(`${chooser.count} x ${chooser.size}`);
    }
    return list;
  }

  it.each([
    // A short way to the border of 2M first, then blocks, then the rest.
    [0x1ff000n, 0x1ff000n, 0x402000, [`1 x ${K4}`, `2 x ${M2}`, `1 x ${K4}`]],
    // The physical address is not aligned: 4K all the way, with a stop at every border that either has.
    [0x200000n, 0x80001000n, M2, [`511 x ${K4}`, `1 x ${K4}`]],
    [0x200000n, 0x80000000n, M2, [`1 x ${M2}`]],
    [0x200000n, 0x80000000n, M2 - K4, [`511 x ${K4}`]],
    // No more blocks than the table of blocks holds.
    [BigInt(G1 - M2), 0n, 2 * M2, [`1 x ${M2}`, `1 x ${M2}`]],
  ] as const)('as panthor: %i onto %i, %i bytes', (iova, paddr, size, want) => {
    expect(cut('panthor', iova, paddr, size)).toEqual(want);
  });

  it('the smallest only', () => {
    expect(cut('4k', 0x200000n, 0x80000000n, M2)).toEqual([`512 x ${K4}`]);
    expect(cut('4k', 0n, 0n, 3 * 2 ** 25, 2 ** 14 + 2 ** 25)).toEqual([`6144 x ${2 ** 14}`]);
  });

  it('panthor without blocks maps the smallest', () => {
    expect(cut('panthor', 0n, 0n, M2, K4)).toEqual([`512 x ${K4}`]);
  });
});
