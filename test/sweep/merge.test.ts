import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeRows, type Sourced } from '../../src/sweep/merge.ts';
import { parseRow, type Row, rowText } from '../../src/sweep/row.ts';
import { totalsOf } from '../../src/sweep/totals.ts';
import { renderTotals } from '../../src/sweep/totals-text.ts';
import { distinctSets, rowOf, sourced } from './rows.ts';

const SEED = { seed: 4711, numRuns: 200 };
const text = (rows: readonly Sourced[]): string => rows.map(({ row }) => rowText(row)).join('');
const merged = (...sets: Row[][]): string => text(mergeRows(sets.map((set) => sourced(set))));
const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
};

describe('the union of rows', () => {
  it('is the same in any order', () => {
    fc.assert(
      fc.property(
        distinctSets.chain((sets) =>
          fc.tuple(fc.constant(sets), fc.shuffledSubarray(sets, { minLength: sets.length })),
        ),
        ([sets, shuffled]) => {
          expect(merged(...shuffled.map((set) => [...set].reverse()))).toBe(merged(...sets));
        },
      ),
      SEED,
    );
  });

  it('is the same in any grouping', () => {
    fc.assert(
      fc.property(distinctSets, ([a, b, c]) => {
        const left = mergeRows([mergeRows([sourced(a), sourced(b)]), sourced(c)]);
        const right = mergeRows([sourced(a), mergeRows([sourced(b), sourced(c)])]);
        expect(text(left)).toBe(text(right));
        expect(left.length).toBe(a.length + b.length + c.length);
      }),
      SEED,
    );
  });

  it('has the empty set for identity, and is sorted by id', () => {
    fc.assert(
      fc.property(distinctSets, ([a]) => {
        expect(merged(a, [])).toBe(merged(a));
        const ids = mergeRows([sourced(a)]).map(({ row }) => row.id);
        expect(ids).toEqual([...ids].sort());
      }),
      SEED,
    );
    expect(merged()).toBe('');
  });

  it('refuses a job that comes twice, in whatever order, and lists the first ten', () => {
    const rows = Array.from({ length: 12 }, (_, i) => rowOf(`t${i}`));
    const one = message(() => mergeRows([sourced(rows, 'a'), sourced(rows, 'b')]));
    expect(one).toBe(message(() => mergeRows([sourced(rows, 'b'), sourced(rows, 'a')])));
    expect(one).toMatch(/^12 jobs with more than one row/);
    expect(one.match(/^ {2}[0-9a-f]{16} {2}a, b$/gm)?.length).toBe(10);
    expect(one).toMatch(/and 2 jobs more$/);
  });

  it('refuses rows of two engines or two schemas, and names both', () => {
    const old = sourced([rowOf('t', {}, {}, '0.9.0')], 'old.ndjson');
    const now = sourced([rowOf('t')], 'new.ndjson');
    expect(message(() => mergeRows([now, old]))).toBe(
      'rows of two versions of pgtrace: 0.9.0 (old.ndjson) and 1.0.0 (new.ndjson); sweep again with one of them',
    );
    const later = [{ row: { ...rowOf('u'), schema: 'pgtrace.row/2' }, from: 'later.ndjson' }];
    expect(message(() => mergeRows([later, now]))).toContain(
      'pgtrace.row/1 (new.ndjson) and pgtrace.row/2 (later.ndjson)',
    );
    expect(message(() => mergeRows([later]))).toContain('later.ndjson holds rows of pgtrace.row/2');
  });
});

describe('a row', () => {
  it('reads as it was written', () => {
    const row = rowOf('t', { allocator: 'bulk,k=8', ias: 40 }, { 'tables.peak': 3 });
    expect(parseRow(rowText(row))).toEqual(row);
  });

  it.each([
    ['nonsense', /no JSON object/],
    ['[]', /no JSON object/],
    ['{}', /no "schema"/],
    ['{"schema":"pgtrace.stats/1"}', /schema "pgtrace.stats\/1"/],
    [rowText({ ...rowOf('t'), id: '0123456789abcdef' }), /not that of this trace and configuration/],
    [rowText(rowOf('t')).replace('"zero":true', '"zero":false'), /not that of this trace and configuration/],
    [rowText(rowOf('t')).replace('"counters":{}', '"counters":{"a":"b"}'), /more than integers/],
  ])('is refused when it is none: %s', (line, why) => {
    expect(parseRow(line)).toMatch(why);
  });
});

describe('totals', () => {
  const rows = [
    rowOf(
      'a',
      { allocator: 'bulk' },
      {
        'alloc.calls': 3,
        'tables.peak': 5,
        'op.reserved': 10,
        'op.returned': 5,
        'op.wasteBasisPoints': 5000,
        'vmas.peak': 7,
      },
    ),
    rowOf(
      'b',
      { allocator: 'bulk' },
      {
        'alloc.calls': 4,
        'tables.peak': 2,
        'op.reserved': 30,
        'op.returned': 5,
        'op.wasteBasisPoints': 1667,
        'vmas.peak': 9,
      },
    ),
    { ...rowOf('c', { allocator: 'bulk' }), complete: false, exit: 3, error: 'c: cut off' },
    rowOf('a', { allocator: 'kernel' }, { 'alloc.calls': 1 }),
  ];

  it('add what adds up, keep the largest peak, compute shares anew', () => {
    const [bulk, kernel] = totalsOf(rows).configurations;
    expect(bulk).toMatchObject({ traces: 3, incomplete: 1 });
    expect(bulk.counters).toEqual({
      'alloc.calls': 7,
      'tables.peak': 5,
      'op.reserved': 40,
      'op.returned': 10,
      'op.wasteBasisPoints': 2500,
      'vmas.peak': 9,
    });
    expect(kernel).toMatchObject({ traces: 1, incomplete: 0, counters: { 'alloc.calls': 1 } });
  });

  it('are the same whatever order the rows come in', () => {
    expect(totalsOf([...rows].reverse()).configurations.map(({ counters }) => counters)).toEqual(
      totalsOf(rows).configurations.map(({ counters }) => counters),
    );
  });

  it('read as a table of what differs', () => {
    const lines = renderTotals(totalsOf(rows), null).split('\n');
    expect(lines[0]).toBe('2 configurations, 4 cells, pgtrace 1.0.0, 1 cell failed and counted nothing');
    expect(lines[2].split(/ {2,}/)).toEqual(['allocator', 'traces', 'failed', 'page calls', 'reserved', 'waste']);
    expect(lines[3].split(/ {2,}/)).toEqual(['bulk', '3', '1', '7', '40', '25.0 %']);
    expect(renderTotals(totalsOf([]), null)).toBe('no rows\n');
  });
});
