import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as C from '../../src/lpae/counters.ts';
import { DEFAULT_CONFIG, restrictConfig } from '../../src/lpae/format/config.ts';
import { TableShape } from '../../src/lpae/table/table-shape.ts';
import { countForEntry, fullCount } from '../../src/reservation/page-counts.ts';
import { G, K, M, PAGE, Space } from './fixture.ts';

const T = 2 ** 40;
const GRANULES: Readonly<Record<string, number>> = { '4K': 4 * K, '16K': 16 * K, '64K': 64 * K };

function shapeOf(granule: string, ias: number): TableShape {
  return new TableShape(restrictConfig({ ...DEFAULT_CONFIG, pgsizes: GRANULES[granule], ias, oas: 48 }));
}

/** Granule, ias, start, size, depth, tables by level from 1, their sum, bytes. */
const TABLE: readonly (readonly [string, number, number, number, number, number[], number])[] = [
  ['4K', 48, 0, PAGE, 3, [1, 1, 1], 12288],
  ['4K', 48, 2 * M - PAGE, 2 * PAGE, 3, [1, 1, 2], 16384],
  ['4K', 48, 2 * M, 2 * M, 3, [1, 1, 1], 12288],
  ['4K', 48, 2 * M + PAGE, 2 * M, 3, [1, 1, 2], 16384],
  ['4K', 48, G, G, 3, [1, 1, 512], 2105344],
  ['4K', 48, G + PAGE, G, 3, [1, 2, 513], 2113536],
  ['4K', 48, 0, 64 * G, 3, [1, 64, 32768], 134483968],
  ['4K', 48, 0, 512 * G, 3, [1, 512, 262144], 1075843072],
  ['4K', 48, 0, 2 ** 48, 3, [512, 262144, 134217728], 550831652864],
  ['4K', 39, G, G, 3, [0, 1, 512], 2101248],
  ['4K', 32, 0, 4 * G, 3, [0, 4, 2048], 8404992],
  ['4K', 48, G, G, 2, [1, 1, 0], 2 * PAGE],
  ['4K', 48, G + 2 * M, G, 2, [1, 2, 0], 3 * PAGE],
  ['4K', 48, 0, 64 * G, 2, [1, 64, 0], 65 * PAGE],
  ['16K', 48, G, G, 3, [1, 1, 32], 557056],
  ['16K', 48, G + 16 * K, G, 3, [1, 1, 33], 573440],
  ['16K', 48, 0, 64 * G, 3, [1, 1, 2048], 33587200],
  ['16K', 36, G, G, 3, [0, 0, 32], 524288],
  ['64K', 48, G, G, 3, [0, 1, 2], 196608],
  ['64K', 48, G + 64 * K, G, 3, [0, 1, 3], 262144],
  ['64K', 48, 0, 64 * G, 3, [0, 1, 128], 8454144],
  ['64K', 48, 0, T, 3, [0, 1, 2048], 134283264],
  ['64K', 42, G, G, 3, [0, 0, 2], 131072],
];

describe('tables that a range needs', () => {
  for (const [granule, ias, start, size, depth, byLevel, bytes] of TABLE) {
    it(`${granule}/${ias}, ${size} bytes at ${start}, depth ${depth}`, () => {
      const count = fullCount(shapeOf(granule, ias), start, start + size, depth);
      expect(count.byLevel).toEqual([0, ...byLevel]);
      expect(count.total).toBe(byLevel.reduce((sum, n) => sum + n));
      expect(count.total * GRANULES[granule]).toBe(bytes);
    });
  }

  it('approaches one entry per page: 1/512, 1/2048, 1/8192 of the range', () => {
    for (const [granule, part] of [
      ['4K', 512],
      ['16K', 2048],
      ['64K', 8192],
    ] as const) {
      const size = 2 ** 44;
      const { total } = fullCount(shapeOf(granule, 48), 0, size);
      expect((total * GRANULES[granule] * part) / size).toBeCloseTo(1, 2);
    }
  });

  it('counts none at or above the start level', () => {
    expect(fullCount(shapeOf('4K', 39), 0, G, 1).total).toBe(0);
    expect(fullCount(shapeOf('4K', 48), 0, G, 0).total).toBe(0);
  });

  it('is what single pages mapped over the range allocate', () => {
    const geometries = fc.constantFrom(['4K', 48], ['4K', 39], ['4K', 32], ['16K', 47], ['16K', 36], ['64K', 42]);
    const landmarks = fc.nat({ max: 3 });
    fc.assert(
      fc.property(
        geometries,
        landmarks,
        fc.nat({ max: 6 }),
        fc.integer({ min: 1, max: 300 }),
        (geometry, at, back, pages) => {
          const [granule, ias] = geometry as [string, number];
          const page = GRANULES[granule];
          const space = new Space({ config: { pgsizes: page, ias, oas: 48 } });
          const { sizes } = space.table;
          const base = [0, sizes[2], 4 * sizes[2], 2 ** ias - 512 * page][at];
          const start = Math.max(0, base - back * page);
          const end = Math.min(start + pages * page, 2 ** ias);
          for (let offset = start; offset < end; offset += page) expect(space.map(offset, 0, page)).toBe(0);
          const count = fullCount(space.table, start, end);
          for (const level of [1, 2, 3].filter((one) => one > space.table.startLevel)) {
            expect(space.count(C.LEVEL_ALLOCS + level)).toBe(count.byLevel[level]);
          }
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('adds up over the empty entries of a table', () => {
    const shape = shapeOf('4K', 48);
    fc.assert(
      fc.property(fc.nat({ max: 3 * 512 * 512 }), fc.integer({ min: 1, max: 600 * 512 }), (first, pages) => {
        const start = first * PAGE;
        const end = start + pages * PAGE;
        let sum = 0;
        for (let base = Math.floor(start / G) * G; base < end; base += G) {
          sum += countForEntry(shape, 1, base, start, end).total;
        }
        expect(sum + 1).toBe(fullCount(shape, start, end).total);
      }),
      { seed: 2 },
    );
  });
});
