import { describe, expect, it } from 'vitest';
import { NO_PAGE } from '../../src/lpae/callbacks.ts';
import { G512, K4, M2, map, Space, sum, tables, unmap } from './fixture.ts';

const PAGE = map(0, K4, 0);
const NEXT = map(K4, K4, K4);
const BLOCK = map(M2, M2, M2);
const GONE = unmap(0, K4);
const FOUR = [PAGE, NEXT, BLOCK, GONE];

describe('four operations, queued and run later (C.5)', () => {
  it.each(['reserve', 'reserve-counted', 'shared-pool'])('%s reserves 10 pages and uses 3', (name) => {
    const space = new Space(name);
    const { stats } = space;
    const reserved: number[] = [];
    const tickets = FOUR.map((demand) => {
      const ticket = space.submit(demand);
      reserved.push(space.reserved);
      return ticket;
    });
    expect(reserved).toEqual([3, 3, 3, 1]);
    expect([stats.reserved, stats.unusedNow, stats.callsInRun]).toEqual([10, 10, 0]);
    const used = tickets.map((ticket, i) => {
      const before = stats.used;
      space.run(ticket, FOUR[i]);
      return stats.used - before;
    });
    expect(used).toEqual([3, 0, 0, 0]);
    for (const ticket of tickets) space.allocator.cleanup(ticket);
    expect([stats.operations, stats.used, stats.returned, stats.unusedPeak, stats.unusedNow]).toEqual([4, 3, 7, 10, 0]);
    expect([...stats.reservedByLevel]).toEqual([0, 3, 3, 4]);
    expect([...stats.usedByLevel]).toEqual([0, 1, 1, 1]);
    expect([...stats.useClasses]).toEqual([3, 0, 0, 0, 0, 1]);
    expect([...stats.classOperations]).toEqual([3, 0, 1, 0, 0, 0]);
    // One tick before each submission: 0 + 3 + 6 + 9.
    expect(stats.pageTicks).toBe(18);
    expect([stats.callsInRun, stats.failedAtSubmit, stats.failedInRun]).toEqual([0, 0, 0]);
    expect(space.allocator.violations).toEqual([]);
  });

  it('kernel makes 3 calls', () => {
    const space = new Space('kernel');
    for (const demand of FOUR) space.now(demand);
    const { stats } = space;
    expect([stats.callsInRun, stats.misses, stats.hits, stats.bulkCalls]).toEqual([3, 3, 0, 0]);
    // The start table is a call too, of no operation.
    expect([stats.singleCalls, stats.pages, stats.heldBytes, stats.zeroedBytes]).toEqual([4, 4, 4 * K4, 4 * K4]);
  });

  it('bulk-exact makes one call for 3 pages, then none', () => {
    const space = new Space('bulk-exact');
    const calls = FOUR.map((demand) => {
      space.now(demand);
      return space.stats.bulkCalls;
    });
    expect(calls).toEqual([1, 1, 1, 1]);
    expect([space.stats.bulkMax, space.stats.singleCalls, space.stats.callsInRun]).toEqual([3, 1, 1]);
    expect([space.stats.reserved, space.stats.used, space.stats.returned]).toEqual([3, 3, 0]);
  });
});

describe('an operation that overtakes the queue', () => {
  const A = map(0, K4, 0);
  const B = map(G512, K4, 0);

  it('steals from a shared pool', () => {
    const space = new Space('shared-pool');
    A.seq = 5;
    A.line = 6;
    const a = space.submit(A);
    space.table.memory.now = 7;
    const b = space.submit();
    expect(space.run(b, B)).toBe(0);
    space.allocator.cleanup(b);
    expect(space.run(a, A)).toBe(-12);
    expect(space.allocator.refused).toBe(true);
    expect(space.allocator.violations).toEqual([
      {
        rule: 'steal',
        seq: 5,
        line: 6,
        iovaHi: 0,
        iovaLo: 0,
        size: K4,
        message: '3 of 3 reserved pages are gone; event 7 took more than it had reserved',
      },
    ]);
    space.allocator.cleanup(a);
    expect([space.stats.hits, space.stats.failedInRun, space.stats.heldBytes]).toEqual([3, 1, 4 * K4]);
  });

  it('names the thief by line and range when it came with demands', () => {
    const space = new Space('shared-pool,formula=panthor');
    const a = space.submit(A);
    const unmapping = unmap(0, M2);
    unmapping.seq = 8;
    unmapping.line = 9;
    const b = space.submit(unmapping);
    // The unmap reserved nothing; a map run under its ticket takes what is there.
    expect(space.run(b, B)).toBe(0);
    space.run(a, A);
    expect(space.allocator.violations[0].message).toBe(
      '3 of 3 reserved pages are gone; event 8 (line 9, 2M at 0x0) took more than it had reserved',
    );
  });

  it('asks the page allocator once the shared pool is empty, or fails when it had a reservation', () => {
    const space = new Space('shared-pool');
    const b = space.submit();
    expect(space.run(b, B)).toBe(0);
    expect([space.stats.misses, space.stats.callsInRun, space.stats.singleCalls]).toEqual([3, 3, 4]);
    const c = space.submit(unmap(0, M2));
    expect(space.run(c, A)).toBe(-12);
    expect(space.allocator.violations.map(({ rule }) => rule)).toEqual(['under-reservation']);
  });

  it.each(['reserve', 'reserve-counted'])('leaves the pages of others alone with %s', (name) => {
    const space = new Space(name);
    const a = space.submit(A);
    const b = space.submit();
    expect(space.run(b, B)).toBe(-12);
    expect(space.allocator.violations.map(({ rule }) => rule)).toEqual(['under-reservation']);
    expect(space.run(a, A)).toBe(0);
    expect(space.allocator.refused).toBe(false);
    expect([space.stats.failedInRun, space.stats.callsInRun]).toEqual([1, 1]);
  });

  it('is refused at submission when a bounded pool is promised to others', () => {
    const space = new Space('reserve-counted,max=4');
    expect(space.submit(A)).toBe(0);
    expect(space.submit(B)).toBe(-1);
    expect([space.stats.failedAtSubmit, space.stats.operations, space.allocator.refused]).toEqual([1, 1, true]);
    expect(space.submit(unmap(0, K4))).toBeGreaterThan(0);
  });
});

describe('tables by number', () => {
  it.each([
    'kernel',
    'pool,min=2',
    'bulk,k=4',
    'bulk-exact',
    'reserve',
    'reserve-counted',
    'shared-pool',
    'hypercall',
    'mempool,min=2',
  ])('%s gets them at once, hands them out and takes the rest back', (name) => {
    const space = new Space(name);
    const { allocator, stats } = space;
    const calls = stats.bulkCalls;
    const ticket = space.submit(tables(5));
    expect(ticket).toBeGreaterThanOrEqual(0);
    expect(allocator.begin(ticket)).toBe(true);
    expect(stats.bulkCalls).toBe(calls + 1);
    const single = stats.singleCalls;
    const tokens = [1, 2, 3].map((level) => allocator.alloc(K4, K4, K4, 0, level));
    expect(tokens).not.toContain(NO_PAGE);
    expect([stats.singleCalls, stats.bulkCalls, stats.hits]).toEqual([single, calls + 1, 3]);
    allocator.end(ticket);
    allocator.cleanup(ticket);
    expect([stats.reserved, stats.used, stats.returned, stats.unusedNow]).toEqual([5, 3, 2, 0]);
    expect([...stats.reservedByLevel]).toEqual([0, 1, 1, 1]);
    for (const token of tokens) allocator.free(token, K4, K4);
    space.destroy();
    expect([stats.heldBytes, stats.pagesFreed, sum(stats.usedByLevel)]).toEqual([0, stats.pages, 3]);
  });

  it.each(['pool,min=3', 'bulk,k=3', 'reserve'])('%s uses first what it holds', (name) => {
    const space = new Space(name);
    if (name !== 'pool,min=3') {
      space.now(map(0, K4));
      space.now(map(0, G512, G512));
    }
    const held = space.stats.poolNow;
    const pages = space.stats.pages;
    expect(held).toBeGreaterThan(0);
    space.submit(tables(10));
    expect(space.stats.pages).toBe(pages + Math.max(0, 10 - held));
  });
});
