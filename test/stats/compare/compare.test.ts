import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompareOptions, compareRows } from '../../../src/stats/compare/compare.ts';
import type { StatsRow } from '../../../src/stats/compare/rows.ts';
import { parseThreshold, type Threshold } from '../../../src/stats/compare/thresholds.ts';
import { ALWAYS_TOLD, METRICS, metricOf } from '../../../src/stats/metrics/metrics.ts';

const PLAIN: CompareOptions = {
  thresholds: [],
  allowMissing: false,
  failOnImprovement: false,
  warnOnly: false,
  across: [],
  all: false,
};

function row(counters: Record<string, number>, more: Partial<StatsRow> = {}): StatsRow {
  return {
    trace: 'boot',
    driver: null,
    allocator: 'kernel',
    domain: null,
    version: '1.0.0',
    complete: true,
    settings: { kernel: '7.1' },
    counters,
    events: 10,
    digest: null,
    ...more,
  };
}

const compare = (base: StatsRow[], now: StatsRow[], options: Partial<CompareOptions> = {}) =>
  compareRows(base, now, { ...PLAIN, ...options }, '1.0.0');

const thresholds = (...texts: string[]): Threshold[] => texts.map((text) => parseThreshold(text) as Threshold);

describe('a comparison', () => {
  it('judges each metric by its direction', () => {
    const result = compare(
      [
        row({
          'tables.peak': 100,
          'memory.occupied': 4096,
          'mapped.peak': 5,
          'bind.steps.kept': 7,
          'rcu.latencyMax': 3,
        }),
      ],
      [
        row({
          'tables.peak': 101,
          'memory.occupied': 2048,
          'mapped.peak': 9,
          'bind.steps.kept': 6,
          'rcu.latencyMax': 9,
        }),
      ],
    );
    const verdicts = Object.fromEntries(result.rows[0].changes.map(({ metric, verdict }) => [metric, verdict]));
    expect(verdicts).toEqual({
      'tables.peak': 'regressed',
      'memory.occupied': 'better',
      'mapped.peak': 'changed',
      'bind.steps.kept': 'regressed',
      // What a recording's clock says fails nothing by itself.
      'rcu.latencyMax': 'worse',
    });
    expect(result.failed).toBe(true);
    expect(result.reasons).toEqual(['2 metrics in 1 row regressed']);
  });

  it('takes a counter that one side does not tell for 0', () => {
    const { rows } = compare([row({})], [row({ 'warns.range': 2 })]);
    expect(rows[0].changes).toMatchObject([
      { metric: 'warns.range', base: 0, now: 2, basisPoints: null, verdict: 'regressed' },
    ]);
  });

  it('puts the largest relative change first, those from nothing before all', () => {
    const { rows } = compare(
      [row({ 'tables.peak': 100, 'tables.live': 10, 'tables.empty': 0, 'tlb.addPages': 1000 })],
      [row({ 'tables.peak': 110, 'tables.live': 20, 'tables.empty': 1, 'tlb.addPages': 0 })],
    );
    expect(rows[0].changes.map(({ metric }) => metric)).toEqual([
      'tables.empty',
      'tlb.addPages',
      'tables.live',
      'tables.peak',
    ]);
  });

  it('lets a threshold decide, also where no way is better', () => {
    const options = { thresholds: thresholds('tables.*=+10%', '*=+1', 'mapped.peak=+1', 'tables.*=+10%') };
    const result = compare(
      [row({ 'tables.peak': 100, 'mapped.peak': 5 })],
      [row({ 'tables.peak': 110, 'mapped.peak': 3 })],
      options,
    );
    expect(result.rows[0].changes.map(({ metric, verdict, threshold }) => [metric, verdict, threshold])).toEqual([
      ['mapped.peak', 'regressed', 'mapped.peak=+1'],
      ['tables.peak', 'worse', 'tables.*=+10%'],
    ]);
  });

  it('fails for a missing row unless that is allowed, and tells a new one', () => {
    const base = [row({}, { trace: 'a' }), row({}, { trace: 'b' })];
    const now = [row({}, { trace: 'b' }), row({}, { trace: 'c' })];
    const result = compare(base, now);
    expect(result.rows.map(({ trace, verdict }) => [trace, verdict])).toEqual([
      ['a', 'missing'],
      ['c', 'new'],
      ['b', 'same'],
    ]);
    expect(result.failed).toBe(true);
    expect(compare(base, now, { allowMissing: true }).failed).toBe(false);
  });

  it('fails for better numbers when the base is to be kept up', () => {
    const [base, now] = [[row({ 'tables.peak': 2 })], [row({ 'tables.peak': 1 })]];
    expect(compare(base, now).failed).toBe(false);
    const strict = compare(base, now, { failOnImprovement: true });
    expect(strict.failed).toBe(true);
    expect(strict.reasons.join()).toContain('--update');
  });

  it('refuses rows of other settings, and names each', () => {
    const now = [row({}, { settings: { kernel: '6.12', flush: 'none' } })];
    expect(() => compare([row({})], now)).toThrow(
      /flush is none, in the base not set\n.*kernel is 6\.12, in the base 7\.1/,
    );
    expect(compare([row({})], now, { across: ['kernel', 'flush'] }).failed).toBe(false);
    // The one row of a trace: another allocator is another setting, not another row.
    const pooled = row({}, { allocator: 'pool', settings: { kernel: '7.1', allocator: 'pool' } });
    expect(() => compare([row({}, { settings: { kernel: '7.1', allocator: 'kernel' } })], [pooled])).toThrow(
      /allocator is pool/,
    );
  });

  it('refuses what did not come to its end, rows that come twice, and nothing', () => {
    expect(() => compare([row({})], [row({}, { complete: false })])).toThrow(/did not come to its end/);
    expect(() => compare([row({}), row({})], [row({})])).toThrow(/twice/);
    expect(() => compare([], [row({})])).toThrow(/no statistics/);
  });

  it('refuses statistics that lack what all have', () => {
    expect(() => compare([row({ 'tables.peak': 5 })], [row({})])).toThrow(
      /tables\.peak is missing in the new statistics/,
    );
    expect(() => compare([row({})], [row({ 'tables.peak': 5 })])).toThrow(/tables\.peak is missing in the base/);
  });

  it('takes the mean of a metric over all rows that have a ratio', () => {
    const rows = (...peaks: number[]): StatsRow[] =>
      peaks.map((peak, i) => row({ 'tables.peak': peak }, { trace: String(i) }));
    const { geomean } = compare(rows(1, 1, 1, 1), rows(16, 1, 1, 1));
    expect(geomean).toEqual([{ metric: 'tables.peak', rows: 4, basisPoints: 10_000 }]);
    expect(compare(rows(0, 1), rows(5, 1)).geomean).toEqual([]);
  });

  it('knows the settings that may differ', () => {
    expect(() => compare([row({})], [row({})], { across: ['kernal'] })).toThrow(
      /kernal: there is no such setting; there is .*kernel/,
    );
  });

  it('tells other traces by their bytes', () => {
    const { notices } = compare([row({}, { digest: 'a' })], [row({}, { digest: 'b' })]);
    expect(notices).toEqual(['the traces differ']);
  });

  it('tells what no version declares, other versions and other traces', () => {
    const { notices, failed } = compare(
      [row({ 'future.thing': 1 })],
      [row({ 'future.thing': 2 }, { version: '2.0.0', events: 11 })],
    );
    expect(notices.join('\n')).toMatch(/2\.0\.0[\s\S]*future\.thing[\s\S]*10 events in the base, 11 now/);
    expect(failed).toBe(false);
  });

  it('takes hostile names for names', () => {
    const result = compare(
      [row({ 'tables.peak': 1 }, { trace: '__proto__' })],
      [row({ 'tables.peak': 1 }, { trace: '__proto__' })],
    );
    expect(result.rows).toMatchObject([{ trace: '__proto__', verdict: 'same', unchanged: 1 }]);
    const counters = JSON.parse('{"__proto__": 3}') as Record<string, number>;
    expect(compare([row({})], [row(counters)]).rows[0].changes).toMatchObject([
      { metric: '__proto__', base: 0, now: 3 },
    ]);
  });
});

const KEYS = METRICS.map(({ key }) => (key.endsWith('.') ? `${key}x` : key)).filter(
  (key) => metricOf(key)?.kind !== 'time',
);
const ALL_ZERO = Object.fromEntries(ALWAYS_TOLD.map((key) => [key, 0]));
const countersOf = fc
  .dictionary(fc.constantFrom(...KEYS), fc.nat({ max: 1_000_000 }), { maxKeys: 12 })
  .map((counters) => ({ ...ALL_ZERO, ...counters }));
const rowsOf = fc
  .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), countersOf), { selector: ([name]) => name, minLength: 1 })
  .map((entries) => entries.map(([trace, counters]) => row(counters, { trace })));

describe('laws of comparison', () => {
  it('nothing differs from itself', () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const result = compare(rows, rows, { failOnImprovement: true });
        expect(result.failed).toBe(false);
        expect(result.rows.every(({ verdict, changes }) => verdict === 'same' && changes.length === 0)).toBe(true);
      }),
      { seed: 61, numRuns: 300 },
    );
  });

  it('what is worse one way is better the other', () => {
    const mirror: Record<string, string> = {
      better: 'regressed',
      regressed: 'better',
      changed: 'changed',
      missing: 'new',
      new: 'missing',
    };
    fc.assert(
      fc.property(rowsOf, rowsOf, (base, now) => {
        const there = compare(base, now, { allowMissing: true });
        const back = compare(now, base, { allowMissing: true });
        const verdicts = (result: typeof there) =>
          new Map(
            result.rows.flatMap(({ trace, changes }) =>
              changes.map(({ metric, verdict }) => [`${trace} ${metric}`, verdict]),
            ),
          );
        const [one, other] = [verdicts(there), verdicts(back)];
        expect(one.size).toBe(other.size);
        for (const [key, verdict] of one) expect(other.get(key)).toBe(mirror[verdict]);
        expect(there.rowCounts.missing).toBe(back.rowCounts.new);
      }),
      { seed: 62, numRuns: 300 },
    );
  });

  it('the order of rows does not matter', () => {
    fc.assert(
      fc.property(rowsOf, rowsOf, (base, now) => {
        expect(compare([...base].reverse(), [...now].reverse(), { allowMissing: true })).toEqual(
          compare(base, now, { allowMissing: true }),
        );
      }),
      { seed: 63, numRuns: 200 },
    );
  });

  it('compares 10,000 rows within 2 seconds', () => {
    const rows = (by: number): StatsRow[] =>
      Array.from({ length: 10_000 }, (_, i) =>
        row(Object.fromEntries(KEYS.slice(0, 60).map((key, k) => [key, 1000 + (i % 4 === 0 ? (i * k * by) % 7 : k)])), {
          trace: `trace-${i}`,
        }),
      );
    const [base, now] = [rows(1), rows(2)];
    const start = performance.now();
    const result = compare(base, now, { thresholds: thresholds('tlb.*=+2%&+16', 'memory.*=+1%') });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(result.rows.length).toBe(10_000);
  });
});
