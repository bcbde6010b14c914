import { describe, expect, it } from 'vitest';
import { NO_PAGE } from '../../src/lpae/callbacks.ts';
import { configFor } from '../lpae/fixture.ts';
import { G1, K4, M2, map, Space, STRATEGIES, unmap } from './fixture.ts';

/** Asks for a table of the last level as the engine does. */
function alloc(space: Space): number {
  return space.allocator.alloc(K4, K4, K4, 0, 3);
}

function free(space: Space, ...tokens: number[]): void {
  for (const token of tokens) space.allocator.free(token, K4, K4);
}

describe('the registry', () => {
  it('has nine strategies in this order', () => {
    expect(STRATEGIES).toEqual([
      'kernel',
      'pool',
      'bulk',
      'bulk-exact',
      'reserve',
      'reserve-counted',
      'shared-pool',
      'hypercall',
      'mempool',
    ]);
  });

  it('tells an operation of a start table of any size from its tables', () => {
    for (const name of STRATEGIES) {
      const space = new Space(name, configFor('7.1', { ias: 32 }));
      expect([space.stats.singleCalls, space.table.geometry.pgdSize]).toEqual([1, 32]);
      space.destroy();
      expect(space.stats.peaks.heldBytes).toBe(0);
    }
  });
});

describe('pool', () => {
  it('gives the page freed last, and asks for one when it is empty', () => {
    const space = new Space('pool');
    const [a, b, c] = [alloc(space), alloc(space), alloc(space)];
    expect([space.stats.misses, space.stats.hits]).toEqual([3, 0]);
    free(space, a, b, c);
    expect([alloc(space), alloc(space), alloc(space)]).toEqual([c, b, a]);
    expect([space.stats.misses, space.stats.hits, space.stats.poolPeak]).toEqual([3, 3, 3]);
    // Three fresh pages, three recycled ones and the start table.
    expect(space.stats.zeroedBytes).toBe(7 * K4);
  });

  it('is filled in one call, and keeps no more than its limit', () => {
    const space = new Space('pool,min=4,max=2');
    expect([space.stats.bulkCalls, space.stats.poolNow, space.stats.callsInRun]).toEqual([1, 4, 0]);
    const tokens = [alloc(space), alloc(space), alloc(space), alloc(space)];
    expect([space.stats.hits, space.stats.misses]).toEqual([4, 0]);
    free(space, ...tokens);
    expect([space.stats.poolNow, space.stats.freeCalls]).toEqual([2, 2]);
  });
});

describe('bulk', () => {
  it('fetches k pages when it has none, and gives k back when it has too many', () => {
    const space = new Space('bulk,k=2');
    const tokens = [alloc(space), alloc(space), alloc(space), alloc(space), alloc(space)];
    const { stats } = space;
    expect([stats.refills, stats.misses, stats.hits, stats.callsInRun]).toEqual([3, 3, 2, 3]);
    expect([stats.bulkCalls, stats.pages, stats.poolNow]).toEqual([3, 7, 1]);
    free(space, ...tokens.slice(0, 3));
    expect([stats.poolNow, stats.bulkFreeCalls]).toEqual([4, 0]);
    free(space, tokens[3]);
    expect([stats.poolNow, stats.bulkFreeCalls, stats.pagesFreed]).toEqual([3, 1, 2]);
  });

  it('fails as a whole when a page of the batch is missing', () => {
    const space = new Space('bulk,k=4');
    space.allocator.failPage(4);
    expect(alloc(space)).toBe(NO_PAGE);
    expect([space.stats.peaks.heldBytes, space.stats.failedInRun, space.allocator.refused]).toEqual([K4, 1, true]);
    expect(alloc(space)).not.toBe(NO_PAGE);
  });
});

describe('mempool', () => {
  it('takes from its reserve only when the page allocator has none, and fills it up again', () => {
    const space = new Space('mempool,min=1');
    const { stats } = space;
    const a = alloc(space);
    space.allocator.failPage(1);
    const b = alloc(space);
    expect([stats.misses, stats.hits, stats.poolNow]).toEqual([1, 1, 0]);
    space.allocator.failPage(1);
    expect([alloc(space), stats.failedInRun]).toEqual([NO_PAGE, 1]);
    free(space, a, b);
    expect([stats.poolNow, stats.freeCalls]).toEqual([1, 1]);
  });
});

describe('reserve', () => {
  it('puts freed pages and surplus into a cache that later submissions use up first', () => {
    const space = new Space('reserve');
    const { stats } = space;
    space.now(map(0, K4, 0));
    space.now(map(M2, K4, 0));
    // 3 + 3 reserved, 3 + 1 used; the second took nothing from the empty cache.
    expect([stats.bulkCalls, stats.pages, stats.poolNow]).toEqual([2, 7, 2]);
    space.now(map(0, M2, 0));
    expect([stats.bulkCalls, stats.pages, stats.freedInRun, stats.poolNow]).toEqual([3, 8, 1, 4]);
    space.now(map(4 * M2, K4, 0));
    expect([stats.bulkCalls, stats.pages]).toEqual([3, 8]);
    // Whoever takes a page zeroes it: 3 + 1 + 0 + 1, and the start table.
    expect(stats.zeroedBytes).toBe(6 * K4);
  });

  it('reserves a page of 2^48 bytes by number', () => {
    const space = new Space('reserve');
    expect(space.submit(map(0, 2 ** 48))).toBe(0);
    expect([space.reserved, space.stats.bulkMax]).toEqual([134_480_384, 134_480_384]);
    expect(space.stats.peaks.heldBytes).toBe(550_831_652_864 + K4);
    space.allocator.cleanup(0);
    space.destroy();
    expect(space.stats.peaks.heldBytes).toBe(0);
  });

  it('lets 342 jobs of 3 pages in as msm does, and holds the next back', () => {
    const space = new Space('reserve,formula=msm');
    const { allocator, stats } = space;
    expect(allocator.unit).toBe('job');
    let jobs = 0;
    while (!allocator.mustWait()) {
      allocator.submit([map(G1, K4)]);
      jobs++;
    }
    expect([jobs, stats.unusedNow, stats.throttleWaits]).toEqual([342, 1026, 1]);
    expect([allocator.mustWait(), stats.throttleWaits]).toEqual([true, 1]);
    allocator.cleanup(0);
    expect(allocator.mustWait()).toBe(false);
  });

  it('is short when the tree has changed since an exact plan', () => {
    const space = new Space('reserve,formula=exact');
    space.now(map(0, K4, 0));
    const ticket = space.submit(map(K4, K4, 0));
    expect(space.reserved).toBe(0);
    space.carryOut(unmap(0, M2));
    expect(space.run(ticket, map(K4, K4, 0))).toBe(-12);
    expect(space.allocator.violations[0].message).toBe('one more table was needed than the 0 reserved');
  });
});

describe('hypercall', () => {
  it.each([
    // The start table, three tables, and the one that a block replaces.
    ['hypercall', 5],
    ['hypercall,of=reserve', 5],
    // The start table, and 3 pages for each map; nothing is given back.
    ['hypercall,of=reserve,per=batch', 3],
    // Each single page; the table that was freed.
    ['hypercall,per=batch', 5],
  ])('%s', (name, calls) => {
    const space = new Space(name);
    space.now(map(0, K4, 0));
    space.table.memory.now = 1;
    space.now(map(0, M2, 0));
    expect(space.stats.hypercalls).toBe(calls);
  });

  it('takes all pages that one operation gives back in one call', () => {
    const space = new Space('hypercall,per=batch');
    for (let i = 0; i < 3; i++) space.now(map(i * M2, K4, 0));
    const before = space.stats.hypercalls;
    space.table.memory.now = 1;
    space.now(unmap(0, K4));
    space.now(map(0, G1, 0));
    expect([space.stats.freeCalls, space.stats.hypercalls]).toEqual([4, before + 1]);
  });

  it('refuses a page or a submission when a call fails', () => {
    const plain = new Space('hypercall,fail=3');
    expect([plain.now(map(0, K4)), plain.stats.failedInRun, plain.allocator.refused]).toEqual([-12, 1, true]);
    expect(plain.now(map(0, K4))).toBe(0);
    const batch = new Space('hypercall,of=reserve,per=batch,fail=2');
    expect([batch.now(map(0, K4)), batch.stats.failedAtSubmit]).toEqual([-12, 1]);
    expect([batch.now(map(0, K4)), batch.stats.unusedNow]).toEqual([0, 0]);
  });
});
