import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bundleCells, dealOut, shardCells } from '../../src/sweep/bundles.ts';
import { CONFIG_TYPES } from '../../src/sweep/cell-config.ts';
import { cellId } from '../../src/sweep/cell-id.ts';
import { CONFIG } from './rows.ts';

const SEED = { seed: 815, numRuns: 300 };

const traces = fc
  .uniqueArray(
    fc.record({ name: fc.string({ maxLength: 6 }), bytes: fc.nat(10_000_000), count: fc.integer({ min: 1, max: 20 }) }),
    { selector: ({ name }) => name, maxLength: 40 },
  )
  .map((list) =>
    list.map(({ name, bytes, count }) => ({
      trace: { name, bytes },
      cells: Array.from({ length: count }, (_, i) => `${name}#${i}`),
    })),
  );

describe('shards', () => {
  it('have each cell once, for any number of shards and any list', () => {
    fc.assert(
      fc.property(traces, fc.integer({ min: 1, max: 60 }), (all, n) => {
        const dealt = Array.from({ length: n }, (_, i) => shardCells(all, i + 1, n)).flat();
        const cells = dealt.flatMap(({ cells: some }) => some).sort();
        expect(cells).toEqual(all.flatMap(({ cells: some }) => some).sort());
        for (const { trace, cells: some } of dealt)
          for (const cell of some) expect(cell.startsWith(`${trace.name}#`)).toBe(true);
      }),
      SEED,
    );
  });

  it('do not depend on the order in which the traces were named', () => {
    fc.assert(
      fc.property(traces, fc.integer({ min: 1, max: 9 }), (all, n) => {
        for (let i = 1; i <= n; i++) {
          const cells = (list: typeof all) =>
            shardCells(list, i, n)
              .flatMap(({ cells: some }) => some)
              .sort();
          expect(cells([...all].reverse())).toEqual(cells(all));
        }
      }),
      SEED,
    );
  });

  it('have about the same to do: none more than the mean and one bundle', () => {
    fc.assert(
      fc.property(traces, fc.integer({ min: 1, max: 9 }), (all, n) => {
        const bundles = bundleCells(all, n);
        const total = bundles.reduce((sum, { weight }) => sum + weight, 0);
        const heaviest = Math.max(0, ...bundles.map(({ weight }) => weight));
        for (const hand of dealOut(bundles, n))
          expect(hand.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(total / n + heaviest);
      }),
      SEED,
    );
  });

  it('cut the cells of one large trace', () => {
    const one = [{ trace: { name: 'a', bytes: 1e9 }, cells: ['1', '2', '3', '4'] }];
    expect([1, 2, 3, 4].map((i) => shardCells(one, i, 4)[0].cells.length)).toEqual([1, 1, 1, 1]);
    expect(shardCells(one, 5, 5)).toEqual([]);
  });
});

describe('job ids', () => {
  const base = { sha256: 'ab', config: CONFIG, engine: '1.0.0', schema: 'pgtrace.row/1' };

  it('change with the trace, the engine, the schema and every single option', () => {
    const ids = [
      cellId(base),
      cellId({ ...base, sha256: 'ac' }),
      cellId({ ...base, engine: '1.0.1' }),
      cellId({ ...base, schema: 'pgtrace.row/2' }),
      ...Object.keys(CONFIG_TYPES).map((key) => cellId({ ...base, config: { ...CONFIG, [key]: 'changed' } })),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('are the same for the same configuration, in whatever order its keys are', () => {
    const reversed = Object.fromEntries(Object.entries(CONFIG).reverse()) as typeof CONFIG;
    expect(cellId({ ...base, config: reversed })).toBe(cellId(base));
  });

  it('tell characters apart that are beyond one byte', () => {
    const ids = ['\u0161', 'a', '\u0261', '\u{1f600}'].map((fieldMap) =>
      cellId({ ...base, config: { ...CONFIG, fieldMap } }),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});
