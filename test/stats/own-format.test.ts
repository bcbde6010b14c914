/** What the statistics say of drivers whose page tables are of a format of their own. */
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/stats/metrics/metrics.ts';
import { statsOf } from '../cli/events.ts';

const K = 2 ** 10;
const M = 2 ** 20;
const PAGE = 4 * K;

const map = (at: number, size: number, offset = 0): object => ({
  kind: 'map',
  iova: `0x${at.toString(16)}`,
  size,
  bo: 'a',
  offset,
});
const unmap = (at: number, size: number): object => ({ kind: 'unmap', iova: `0x${at.toString(16)}`, size });
const bind = (job: number, op: object, domain = 'vm'): object => ({ op: 'bind', domain, job, mode: 'sync', ops: [op] });
const BO = { op: 'bo', id: 'a', size: 64 * M, segments: [{ paddr: '0x100010000', size: 64 * M }] };
const domain = (driver: string, id = 'vm'): object => ({ op: 'domain', id, driver });

interface Config {
  readonly pgsizes: string;
  readonly ias: number;
  readonly entrySpans?: readonly (number | null)[];
}

async function replay(...events: readonly object[]): Promise<{
  readonly counters: Readonly<Record<string, number>>;
  readonly config: Config;
}> {
  const { document, counters } = await statsOf(events);
  return { counters, config: (document.domains[0] as unknown as { readonly config: Config }).config };
}

/** What a driver without an allocator has no figures for. */
const MEANINGLESS = /^alloc\.(?!calls$|pages$|freeCalls$|pagesFreed$|heldPeak$|held$)/;

describe.each(['pvr', 'nouveau', 'xe'])('%s', (driver) => {
  const events = [
    domain(driver),
    BO,
    bind(0, map(2 * M, 8 * M)),
    bind(1, map(32 * M, 64 * K)),
    bind(2, unmap(2 * M, 8 * M)),
  ];

  it('has figures of the page allocator that add up, and none that mean nothing', async () => {
    const { counters } = await replay(...events);
    expect(counters['alloc.calls']).toBeGreaterThan(3);
    expect(counters['alloc.calls']).toBe(counters['alloc.pages']);
    expect(counters['alloc.freeCalls']).toBe(counters['alloc.pagesFreed']);
    // The first table is left out of calls and pages, and is held.
    expect(counters['alloc.held']).toBe((1 + counters['alloc.pages'] - counters['alloc.pagesFreed']) * PAGE);
    expect(counters['alloc.held']).toBe(counters['memory.occupied']);
    expect(counters['alloc.heldPeak']).toBeGreaterThanOrEqual(counters['memory.occupiedPeak']);
    expect(Object.keys(counters).filter((key) => MEANINGLESS.test(key))).toEqual([]);
    const ended = await replay(...events, { op: 'destroy', domain: 'vm' });
    expect(ended.counters['alloc.pagesFreed']).toBe(ended.counters['alloc.pages']);
    expect([ended.counters['alloc.held'], ended.counters['memory.occupied']]).toEqual([0, 0]);
    expect(ended.counters['alloc.heldPeak']).toBe(counters['alloc.heldPeak']);
  });

  it('declares every counter', async () => {
    const declared = new Set(METRICS.map(({ key }) => key));
    const prefixes = [...declared].filter((key) => key.endsWith('.'));
    const { counters } = await replay(...events);
    const unknown = Object.keys(counters).filter(
      (key) => !declared.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)),
    );
    expect(unknown).toEqual([]);
    expect(prefixes).toContain('leaves.live.size.');
  });

  it('has a peak of what the run holds over several address spaces', async () => {
    const one = await replay(domain(driver), BO, bind(0, map(2 * M, 8 * M)));
    const two = await replay(
      domain(driver),
      domain(driver, 'other'),
      BO,
      bind(0, map(2 * M, 8 * M)),
      bind(1, map(2 * M, 8 * M), 'other'),
    );
    const alone = one.counters['alloc.heldPeak'];
    // The first no longer has what it reserved in vain when the second reserves.
    expect(two.counters['alloc.heldPeak']).toBe(alone + one.counters['alloc.held']);
    expect(two.counters['alloc.held']).toBe(2 * one.counters['alloc.held']);
    // One after the other.
    const turns = await replay(
      domain(driver),
      BO,
      bind(0, map(2 * M, 8 * M)),
      { op: 'destroy', domain: 'vm' },
      domain(driver, 'other'),
      bind(1, map(2 * M, 8 * M), 'other'),
    );
    expect(turns.counters['alloc.heldPeak']).toBe(alone);
  });

  it('adds to what panthor holds', async () => {
    const own = await replay(domain(driver), BO, bind(0, map(2 * M, 8 * M)));
    const lpae = await replay(domain('panthor'), BO, bind(0, map(2 * M, 8 * M)));
    const both = await replay(
      domain(driver),
      domain('panthor', 'other'),
      BO,
      bind(0, map(2 * M, 8 * M)),
      bind(1, map(2 * M, 8 * M), 'other'),
    );
    const panthorsPeak = own.counters['alloc.held'] + lpae.counters['alloc.heldPeak'];
    expect(both.counters['alloc.heldPeak']).toBe(Math.max(own.counters['alloc.heldPeak'] + PAGE, panthorsPeak));
    expect(both.counters).toHaveProperty(['alloc.hits'], lpae.counters['alloc.hits']);
  });
});

describe('formats', () => {
  const ONE = [BO, bind(0, map(2 * M, 8 * M + 64 * K, 0))];

  it.each([
    ['pvr', { pgsizes: '0x1000', ias: 40, entrySpans: [null, 2 ** 30, 2 ** 21, PAGE] }],
    ['nouveau', { pgsizes: '0x211000', ias: 47, entrySpans: [2 ** 38, 2 ** 29, 2 ** 21, null] }],
    ['xe', { pgsizes: '0x40211000', ias: 48, entrySpans: [2 ** 39, 2 ** 30, 2 ** 21, PAGE] }],
  ])('%s tells its own page sizes, addresses and levels', async (driver, config) => {
    expect((await replay(domain(driver), ...ONE)).config).toMatchObject(config);
  });

  it('of the engine have no such levels', async () => {
    const { config, counters } = await replay(domain('panthor'), ...ONE);
    expect(config).not.toHaveProperty('entrySpans');
    expect(Object.keys(counters).filter((key) => key.startsWith('leaves.live.size'))).toEqual([]);
    expect(counters).toHaveProperty(['calls.map']);
  });

  it.each([
    ['pvr', { 'leaves.live.size.4K': 2064 }, true],
    ['nouveau', { 'leaves.live.size.64K': 129 }, true],
    ['xe', { 'leaves.live.size.4K': 2064 }, false],
  ])('%s counts leaves by their size, and calls where it has any', async (driver, leaves, calls) => {
    const { counters } = await replay(domain(driver), ...ONE);
    const found = Object.entries(counters).filter(([key]) => key.startsWith('leaves.live.size.'));
    expect(Object.fromEntries(found)).toEqual(leaves);
    expect(Object.keys(counters).filter((key) => key.startsWith('calls.'))).toEqual(
      calls ? ['calls.map', 'calls.unmap'] : [],
    );
  });

  it('pvr owes a flush after a map, and none after an unmap', async () => {
    expect((await replay(domain('pvr'), ...ONE)).counters['gpu.flushesPending']).toBe(1);
    const after = await replay(domain('pvr'), ...ONE, bind(1, unmap(2 * M, 8 * M + 64 * K)));
    expect(after.counters).not.toHaveProperty(['gpu.flushesPending']);
  });
});
