import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EEXIST, EINVAL, ENOENT, ENOMEM, ERANGE } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { planTables } from '../../src/reservation/tables/plan.ts';
import { G, K, M, PAGE, Space } from './fixture.ts';

/** 4 MiB at 1 GiB: tables 1, 1, 2 and one entry of the start table. */
const AT = G;
const SIZE = 4 * M;

describe('reserve', () => {
  it('fetches exactly what is missing, in one bulk, and links it with one write', () => {
    for (const coherent of [true, false]) {
      const space = new Space({ config: { coherent } });
      const outcome = space.reserve('a', AT, SIZE);
      expect(outcome).toEqual({ ret: 0, full: 4, missing: 4, allocated: 4, attachPoints: 1, raced: 0 });
      expect(space.pages.bulks).toEqual([4]);
      expect(space.count(C.PT_SYNCS)).toBe(coherent ? 0 : 1);
      expect(space.count(C.DMA_MAPS)).toBe(coherent ? 0 : 5);
      expect([space.policy.commands, space.policy.commandSyncs]).toEqual([0, 0]);
      expect([...space.tables().values()].map(({ pins }) => pins)).toEqual([1, 1, 1, 1]);
      // A walk meets entries that bear the mark of having reached memory.
      expect(space.map(AT, 0, PAGE)).toBe(0);
      expect(space.count(C.PT_SYNCS)).toBe(coherent ? 0 : 2);
      space.destroy();
    }
  });

  it('needs nothing twice: overlap and nesting only count', () => {
    const space = new Space();
    space.reserve('a', AT, SIZE);
    expect(space.reserve('same', AT, SIZE)).toMatchObject({ ret: 0, full: 4, missing: 0, attachPoints: 0 });
    expect(space.reserve('inside', AT + 2 * M, PAGE)).toMatchObject({ ret: 0, full: 3, missing: 0 });
    expect(space.reserve('over', AT + 2 * M, 4 * M)).toMatchObject({ ret: 0, full: 4, missing: 1, attachPoints: 1 });
    expect(space.pages.bulks).toEqual([4, 1]);
    const pins = Object.fromEntries([...space.tables()].map(([key, { pins: n }]) => [key, n]));
    expect(pins).toEqual({ '1@0': 4, '2@262144': 4, '3@262144': 2, '3@262656': 4, '3@263168': 1 });
    for (const id of ['a', 'inside', 'same', 'over']) expect(space.reservations.unreserve(id, null).ret).toBe(0);
    expect(space.tree()).toEqual([]);
    space.destroy();
  });

  it('refuses what it cannot hold', () => {
    const space = new Space();
    expect(space.reserve('a', AT, 0).ret).toBe(-EINVAL);
    expect(space.reserve('a', AT, PAGE + 1).ret).toBe(-EINVAL);
    expect(space.reserve('a', AT + 8, PAGE).ret).toBe(-EINVAL);
    expect(space.reserve('a', AT, PAGE, 4).ret).toBe(-EINVAL);
    expect(space.reserve('a', AT, PAGE, 1.5).ret).toBe(-EINVAL);
    expect(space.reserve('a', 2 ** 48, PAGE).ret).toBe(-ERANGE);
    expect(space.reserve('a', 2 ** 48 - PAGE, 2 * PAGE).ret).toBe(-ERANGE);
    expect(space.reserve('a', 2 ** 48 - PAGE, PAGE).ret).toBe(0);
    expect(space.reserve('a', AT, PAGE).ret).toBe(-EEXIST);
    expect(space.reservations.counters()).toMatchObject({ made: 1, failed: 8, live: 1 });
    space.destroy();
  });

  it('takes the upper half under TTBR1', () => {
    const space = new Space({ config: { quirks: ['TTBR1'], ias: 39 } });
    expect(space.reserve('a', 2 ** 39 - 2 * M, 2 * M)).toMatchObject({ ret: 0, full: 2, missing: 2 });
    expect(space.reservations.reserve({ id: 'b', iovaHi: 0, iovaLo: 0, size: PAGE, depth: 3 }, space.pages).ret).toBe(
      -ERANGE,
    );
    expect(space.map(2 ** 39 - PAGE, 0, PAGE)).toBe(0);
    expect(space.reservations.release('a', null)).toEqual({ ret: 0, unmapped: PAGE, freed: 2 });
    space.destroy();
  });

  it('gives a handle even where nothing is to be held', () => {
    const space = new Space({ config: { ias: 39 } });
    expect(space.reserve('a', 0, G, 1)).toEqual({
      ret: 0,
      full: 0,
      missing: 0,
      allocated: 0,
      attachPoints: 0,
      raced: 0,
    });
    expect(space.pages.bulks).toEqual([]);
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 0 });
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: -ENOENT, freed: 0 });
    space.destroy();
  });

  it('fails as a whole at each page', () => {
    const prepare = (): Space => {
      const space = new Space({ config: { coherent: false } });
      space.map(AT + 6 * M, 0, PAGE);
      return space;
    };
    const { missing } = prepare().reserve('a', AT, 16 * M);
    expect(missing).toBe(7);
    for (let k = 1; k <= missing; k++) {
      const space = prepare();
      const tree = space.tree();
      const counters = space.steady();
      space.table.failAllocIn = k;
      expect(space.reserve('a', AT, 16 * M)).toMatchObject({ ret: -ENOMEM, missing, allocated: 0 });
      expect(space.table.failAllocIn).toBe(0);
      expect(space.tree()).toEqual(tree);
      expect(space.steady()).toEqual(counters);
      expect(space.count(C.TABLE_ALLOC_FAILS)).toBe(1);
      expect(space.pages.bulks).toEqual([]);
      expect(space.reservations.counters()).toMatchObject({ made: 0, failed: 1, pinned: 0 });
      space.destroy();
    }
    const space = prepare();
    space.table.failAllocIn = missing + 1;
    expect(space.reserve('a', AT, 16 * M).ret).toBe(0);
    expect(space.table.failAllocIn).toBe(1);
    space.destroy();
  });

  it('fails as a whole when the bulk is refused, and when a page is missing after all', () => {
    const space = new Space();
    space.pages.refuse = true;
    expect(space.reserve('a', AT, SIZE).ret).toBe(-ENOMEM);
    expect(space.tree()).toEqual([]);
    for (let k = 1; k <= 4; k++) {
      const source = {
        take: () => {
          space.pages.refuse = false;
          space.table.failAllocIn = k;
          return true;
        },
        done: () => {},
      };
      const outcome = space.reservations.reserve({ id: 'a', ...space.range(AT, SIZE), depth: 3 }, source);
      expect(outcome.ret).toBe(-ENOMEM);
      expect(space.tree()).toEqual([]);
      expect(space.pages.out.size).toBe(1);
      expect(space.count(C.TABLES_LIVE)).toBe(1);
    }
    space.destroy();
  });

  it('loses a race for a table: the page was fetched in vain, the rest hangs below the winner', () => {
    const space = new Space({ config: { coherent: false } });
    space.memory.now = 5;
    space.map(AT + 16 * M, 0, PAGE);
    const syncs = space.count(C.PT_SYNCS);
    const outcome = space.reserve('a', AT, SIZE, 3, (born) => born === 5);
    expect(outcome).toEqual({ ret: 0, full: 4, missing: 4, allocated: 2, attachPoints: 2, raced: 2 });
    expect(space.pages.surplus).toBe(0);
    expect(space.count(C.PT_SYNCS) - syncs).toBe(2);
    // The losers were built, given to the device, taken back and freed.
    expect([C.TABLE_ALLOCS, C.DMA_MAPS].map((counter) => space.count(counter))).toEqual([8, 8]);
    expect([C.TABLE_FREES, C.DMA_UNMAPS].map((counter) => space.count(counter))).toEqual([2, 2]);
    expect(space.grace.frees).toBe(0);
    expect(space.reservations.counters()).toMatchObject({ missing: 4, raced: 2, retries: 0 });
    const again = { id: 'b', ...space.range(AT, SIZE), depth: 3 };
    space.reservations.reserve(again, space.pages, () => false, 3);
    expect(space.reservations.counters()).toMatchObject({ missing: 4, raced: 2, retries: 3 });
    space.destroy();
  });

  it('fails as a whole at each page of a lost race as well', () => {
    for (let k = 1; k <= 4; k++) {
      const space = new Space({ config: { coherent: false } });
      space.memory.now = 5;
      space.map(AT + 16 * M, 0, PAGE);
      const tree = space.tree();
      const source = {
        take: () => {
          space.table.failAllocIn = k;
          return true;
        },
        done: () => {},
      };
      const request = { id: 'a', ...space.range(AT, SIZE), depth: 3 };
      expect(space.reservations.reserve(request, source, (born) => born === 5).ret).toBe(-ENOMEM);
      expect(space.tree()).toEqual(tree);
      expect(space.pages.out.size).toBe(4);
      expect(space.count(C.TABLES_LIVE)).toBe(4);
      expect(space.reservations.counters()).toMatchObject({ made: 0, pinned: 0, raced: 0 });
      space.destroy();
    }
  });

  it('fails for want of memory where no arena could hold the tables', () => {
    const space = new Space();
    expect(space.memory.room(512)).toBe(2 ** 20 - 17);
    expect(space.reserve('all', 0, 2 ** 48)).toMatchObject({ ret: -ENOMEM, full: 134_480_384, missing: 134_480_384 });
    expect([space.pages.bulks, space.tree(), space.count(C.TABLE_ALLOCS)]).toEqual([[], [], 1]);
    expect(space.reserve('some', 0, 2 ** 48, 1)).toMatchObject({ ret: 0, missing: 512 });
    expect(space.memory.room(512)).toBe(2 ** 20 - 17 - 512);
    expect(space.memory.room(8192)).toBe(Math.floor((2 ** 20 - 17 - 512) / 16));
    space.reservations.unreserve('some', null);
    expect(space.memory.room(512)).toBe(2 ** 20 - 17);
    space.destroy();
  });

  it('leaves a block and sets the tables aside, or refuses', () => {
    const space = new Space({ config: { coherent: false } });
    space.map(AT, 0, 2 * M);
    const before = space.count(C.PT_SYNCS);
    expect(space.reserve('a', AT, SIZE)).toMatchObject({ ret: 0, full: 4, missing: 2, attachPoints: 1 });
    expect(space.count(C.PT_SYNCS) - before).toBe(1);
    expect(space.physical(AT + PAGE)).toBe(PAGE);
    expect(space.reservations.counters()).toMatchObject({ parked: 1, pinned: 4, parks: 0, setAside: 1 });
    space.unmap(AT, 2 * M);
    expect(space.map(AT, 0, PAGE)).toBe(0);
    expect(space.reservations.counters()).toMatchObject({ parked: 0, unparks: 1, allocsInReserved: 0 });
    space.destroy();
    const strict = new Space({ options: { overBlock: 'refuse' } });
    strict.map(AT, 0, 2 * M);
    expect(strict.reserve('a', AT, SIZE).ret).toBe(-EEXIST);
    expect(strict.reserve('a', AT, SIZE, 2)).toMatchObject({ ret: 0, missing: 0 });
    strict.destroy();
  });
});

describe('what a range lacks', () => {
  /** Single pages and small runs around the edges of tables. */
  const places = fc.record({
    giga: fc.nat({ max: 2 }),
    mega: fc.integer({ min: 0, max: 5 }),
    page: fc.nat({ max: 511 }),
    count: fc.integer({ min: 1, max: 3 }),
  });

  it('is what a copy of the tree allocates when every page of the range is mapped', () => {
    fc.assert(
      fc.property(
        fc.array(places, { maxLength: 12 }),
        places,
        fc.integer({ min: 1, max: 1600 }),
        (maps, first, pages) => {
          const [space, copy] = [new Space(), new Space()];
          for (const { giga, mega, page, count } of maps) {
            for (const one of [space, copy]) one.map(giga * G + mega * 2 * M + page * PAGE, 0, count * PAGE);
          }
          const start = first.giga * G + first.mega * 2 * M + first.page * PAGE;
          const end = start + pages * PAGE;
          const plan = planTables(space.table, start, end, 3, true, () => false);
          const before = [0, 1, 2, 3].map((level) => copy.count(C.LEVEL_ALLOCS + level));
          for (let at = start; at < end; at += PAGE) if (copy.physical(at) === null) copy.map(at, 0, PAGE);
          const made = [0, 1, 2, 3].map((level) => copy.count(C.LEVEL_ALLOCS + level) - before[level]);
          expect(plan.byLevel).toEqual(made);
          expect(plan.missing).toBe(made.reduce((sum, n) => sum + n));
          // And a reserve makes just these, which leaves the same tables.
          space.reserve('a', start, end - start);
          expect([...space.tables().keys()].sort()).toEqual([...copy.tables().keys()].sort());
          expect(planTables(space.table, start, end, 3, true, () => false).missing).toBe(0);
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });

  it('does not depend on whether the map or the reserve comes first', () => {
    fc.assert(
      fc.property(
        fc.array(places, { minLength: 1, maxLength: 8 }),
        fc.array(places, { minLength: 1, maxLength: 3 }),
        (maps, ranges) => {
          const [first, second] = [new Space(), new Space()];
          const map = (space: Space): void => {
            for (const { giga, mega, page, count } of maps) {
              space.map(giga * G + mega * 2 * M + page * PAGE, page * M, count * PAGE);
            }
          };
          const reserve = (space: Space): void => {
            ranges.forEach(({ giga, mega, page, count }, i) => {
              space.reserve(`r${i}`, giga * G + mega * M * 2 + page * PAGE, count * 3 * M);
            });
          };
          map(first);
          reserve(first);
          reserve(second);
          map(second);
          expect(first.shape()).toEqual(second.shape());
          expect(first.table.counters[C.TABLES_LIVE]).toBe(second.table.counters[C.TABLES_LIVE]);
          for (const space of [first, second]) space.destroy();
        },
      ),
      { seed: 4, numRuns: 100 },
    );
  });
});

describe('inside a reservation', () => {
  it('makes no table for a map; one that reaches over the edge may', () => {
    const space = new Space();
    space.reserve('a', AT, SIZE);
    const allocs = space.count(C.TABLE_ALLOCS);
    for (const [offset, size] of [
      [0, PAGE],
      [M, 2 * M],
      [4 * M - 64 * K, 64 * K],
    ]) {
      expect(space.map(AT + offset, 0, size)).toBe(0);
    }
    expect(space.count(C.TABLE_ALLOCS)).toBe(allocs);
    expect(space.reservations.usage.outsideSeen).toBe(false);
    space.unmap(AT + 4 * M - PAGE, PAGE);
    space.map(AT + 4 * M - PAGE, 0, 2 * PAGE);
    expect(space.count(C.TABLE_ALLOCS)).toBe(allocs + 1);
    expect(space.reservations.counters()).toMatchObject({ straddlingMaps: 1, allocsInReserved: 0 });
    expect(space.reservations.usage.outsideSeen).toBe(true);
    const [a] = space.reservations.list;
    expect(a).toMatchObject({ maps: 3, unmaps: 1, mapped: PAGE + 2 * M + 64 * K, mappedPeak: PAGE + 2 * M + 64 * K });
    expect(a).toMatchObject({ full: 4, pinnedBytes: 4 * PAGE, used: 4, missing: 4 });
    space.destroy();
  });

  it('remembers how many of the tables were of use', () => {
    const space = new Space();
    space.reserve('a', AT, 8 * M);
    for (let i = 0; i < 3; i++) space.map(AT + i * 2 * M, 0, 2 * PAGE);
    for (let i = 0; i < 3; i++) for (let page = 0; page < 2; page++) space.unmap(AT + i * 2 * M + page * PAGE, PAGE);
    space.reservations.unreserve('a', null);
    expect(space.reservations.list[0]).toMatchObject({ full: 6, used: 5, mapped: 0, mappedPeak: 6 * PAGE, unmaps: 6 });
    space.destroy();
  });

  it('takes two reservations side by side for one', () => {
    const space = new Space();
    space.reserve('a', AT, 2 * M);
    space.reserve('b', AT + 2 * M, 2 * M);
    expect(space.map(AT + M, 0, 2 * M)).toBe(0);
    expect(space.reservations.counters().straddlingMaps).toBe(0);
    expect(space.reservations.usage.outsideSeen).toBe(false);
    // A gap between them ends that.
    space.reserve('c', AT + 6 * M, 2 * M);
    expect(space.map(AT + 3 * M, 0, 4 * M)).toBe(0);
    expect(space.reservations.counters().straddlingMaps).toBe(1);
    expect(space.reservations.usage.outsideSeen).toBe(true);
    space.destroy();
  });

  it('holds several reservations to what they promise together', () => {
    const breach = (depth: number): unknown => {
      const space = new Space();
      space.reserve('a', AT, 2 * M);
      space.reserve('b', AT + 2 * M, 2 * M, depth);
      // Behind the back of everybody the tables of the last level disappear.
      const { kid, lo } = space.memory;
      const level2 = space.tables().get('2@262144')?.slot ?? 0;
      for (let entry = level2; entry < level2 + 2; entry++) kid[entry] = lo[entry] = 0;
      space.reservations.beforeMap();
      space.domain.map(0, AT + M, 0, 0, 2 * M, 3);
      return space.reservations.afterMap(0, AT + M, 2 * M, 0);
    };
    expect(breach(3)).toMatchObject({ rule: 'guarantee', reservation: 'a', level: 3, count: 2 });
    expect(breach(2)).toBe(null);
  });

  it('takes no map for one outside that was refused before it came to a table', () => {
    const space = new Space();
    const seen = (): boolean => space.reservations.usage.outsideSeen;
    for (const live of [false, true]) {
      if (live) space.reserve('a', AT, 2 * M);
      expect(space.map(0, 0, PAGE, 0)).toBe(-EINVAL);
      expect(space.map(0, 8, PAGE)).toBe(-EINVAL);
      expect(space.map(2 ** 48, 0, PAGE)).toBe(-ERANGE);
      expect([seen(), space.reservations.counters().straddlingMaps]).toEqual([false, 0]);
    }
    expect(space.map(AT + M, 0, 2 * M, 0)).toBe(-EINVAL);
    expect([seen(), space.reservations.counters().straddlingMaps]).toEqual([false, 0]);
    space.table.failAllocIn = 1;
    expect(space.map(0, 0, PAGE)).toBe(-ENOMEM);
    expect(seen()).toBe(true);
    space.destroy();
  });

  it('reports a table that the reservation should have had', () => {
    const space = new Space();
    space.reserve('a', AT, SIZE);
    // Behind the back of everybody a table disappears.
    const { kid, lo } = space.memory;
    const level2 = space.tables().get('2@262144')?.slot ?? 0;
    kid[level2] = 0;
    lo[level2] = 0;
    space.reservations.beforeMap();
    space.domain.map(0, AT, 0, 0, PAGE, 3);
    expect(space.reservations.afterMap(0, AT, PAGE, 0)).toMatchObject({
      rule: 'guarantee',
      reservation: 'a',
      level: 3,
      count: 1,
    });
    expect(space.reservations.counters().allocsInReserved).toBe(1);
  });
});
