import { describe, expect, it } from 'vitest';
import { tableShape } from '../../../src/window/tce/shape.ts';

const K64 = 65536;
const G = 2 ** 30;
const T = 2 ** 40;

describe('tables of a window with 64K CPU pages', () => {
  it.each([
    ['2G of 4K, 1 level', 12, 2 * G, 1, 2 ** 22, 8_388_608, 128, 8_388_608],
    ['64G of 64K, 1 level', 16, 64 * G, 1, 2 ** 23, 16_777_216, 256, 16_777_216],
    ['64G of 16M, 1 level', 24, 64 * G, 1, 2 ** 16, 131_072, 2, 131_072],
    ['1T of 64K, 1 level', 16, T, 1, 2 ** 27, 268_435_456, 4096, 268_435_456],
    ['1T of 64K, 2 levels', 16, T, 2, 2 ** 16, 268_566_528, 4098, 131_072],
    ['64G of 4K, 2 levels', 12, 64 * G, 2, 2 ** 16, 268_566_528, 4098, 131_072],
    ['1T of 4K, 2 levels', 12, T, 2, 2 ** 17, 4_295_229_440, 65_540, 262_144],
  ])('%s', (_, pageShift, size, levels, table, accounted, pages, allocated) => {
    const shape = tableShape(pageShift, size, levels, K64);
    expect(shape).toMatchObject({ accountedBytes: accounted, topBytes: allocated, encodable: true });
    expect(2 ** (shape?.tableShift ?? 0)).toBe(table);
    expect((shape?.accountedBytes ?? 0) / K64).toBe(pages);
  });

  it('cannot encode 1T of 64K in three levels: 13 * 3 + 16 is 55', () => {
    expect(tableShape(16, T, 3, K64)).toMatchObject({ tableShift: 16, encodable: false });
    expect(tableShape(16, T, 2, K64)?.encodable).toBe(true);
  });

  it('needs a level, a power of two, and a page at least', () => {
    expect(tableShape(16, T, 0, K64)).toBeNull();
    expect(tableShape(16, 3 * G, 1, K64)).toBeNull();
    expect(tableShape(16, 2 ** 15, 1, K64)).toBeNull();
    expect(tableShape(16, K64, 1, K64)).toMatchObject({ tables: [1], accountedBytes: 2 * K64 });
  });

  it('is smaller where CPU pages are', () => {
    expect(tableShape(24, 64 * G, 1, 4096)).toMatchObject({ tableShift: 15, accountedBytes: 65_536 });
  });
});
