import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packColumn, unpackColumn } from '../../../src/report/html/columns-code.ts';

const SEED = 20260801;

describe('packed columns', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 51), max: 2 ** 51 })), (values) => {
        expect(unpackColumn(packColumn(values))).toEqual(values);
      }),
      { seed: SEED },
    );
  });

  it('come back as they were when neighbours are often equal', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 100 }))), (runs) => {
        const values = runs.flatMap(([value, times]) => new Array<number>(times).fill(value * 4096));
        expect(unpackColumn(packColumn(values))).toEqual(values);
      }),
      { seed: SEED },
    );
  });

  it('hold addresses of pages up to 2^64 exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }), { minLength: 1 }), (pages) => {
        const addresses = pages.map((page) => Number(page * 4096n));
        expect(addresses.map(BigInt)).toEqual(pages.map((page) => page * 4096n));
        expect(unpackColumn(packColumn(addresses))).toEqual(addresses);
      }),
      { seed: SEED },
    );
  });

  it('are short where little happens, and need no escaping', () => {
    expect(packColumn(new Array(2048).fill(0)).length).toBeLessThan(10);
    expect(packColumn(new Array(2048).fill(123456789)).length).toBeLessThan(20);
    const steps = Array.from({ length: 2048 }, (_, at) => 4096 * (at % 16));
    expect(packColumn(steps).length).toBeLessThan(2048 * 1.2);
    expect(packColumn([1, -5, 2 ** 40, 7])).toMatch(/^\d+:[\w-]*$/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 65), null, 'x', {}])('are not made of %s', (value) => {
    const column = [1, value as number, 4096];
    expect(() => packColumn(column)).toThrow(
      /^statistics that are damaged: .* where a number below 2\^64 would be right$/,
    );
  });

  it('round fractions', () => {
    expect(unpackColumn(packColumn([0.25, 4096, 5e-324, 1.75]))).toEqual([0, 4096, 0, 2]);
  });

  it('of nothing is nothing', () => {
    expect(unpackColumn(packColumn([]))).toEqual([]);
  });
});
