import { describe, expect, it } from 'vitest';
import { address } from '../../../src/base/u64.ts';
import { RangePeaks } from '../../../src/reservation/areas/range-peaks.ts';
import { Grace } from '../../../src/reservation/grace/grace.ts';
import type { RcuMode } from '../../../src/reservation/options.ts';
import { G, M, PAGE, Space } from '../fixture.ts';

function made(mode: RcuMode, latency = 0): { grace: Grace; freed: number[]; unlink: (pages: number[]) => void } {
  const freed: number[] = [];
  const grace = new Grace(mode, latency, (token) => freed.push(token));
  const unlink = (pages: number[]): void => {
    grace.begin(0, G, 2 * M);
    for (const token of pages) grace.take(token, PAGE, PAGE, 0, 2 * M);
    grace.end();
  };
  return { grace, freed, unlink };
}

describe('a grace period', () => {
  it.each([
    ['page', 3],
    ['list', 1],
  ] as const)('in mode %s ends with the last reader that was inside', (mode, callbacks) => {
    const { grace, freed, unlink } = made(mode);
    grace.advance(10);
    grace.readerBegin('a', address(0, G));
    grace.readerBegin('b', null);
    grace.advance(12);
    unlink([1, 2, 3]);
    grace.readerBegin('late', null);
    grace.advance(15);
    expect(grace.readerEnd('a')).toBe(true);
    expect(freed).toEqual([]);
    expect([grace.deferred, grace.deferredPeak, grace.pageTicks]).toEqual([3, 3, 9]);
    grace.advance(20);
    expect(grace.readerEnd('b')).toBe(true);
    expect(freed).toEqual([1, 2, 3]);
    expect([grace.deferred, grace.frees, grace.callbacks, grace.pageTicks]).toEqual([0, 3, callbacks, 24]);
    expect([grace.latencyMin, grace.latencyMax, grace.latencySum, grace.latencyCount]).toEqual([
      8,
      8,
      8 * callbacks,
      callbacks,
    ]);
    expect(grace.readerEnd('b')).toBe(false);
    expect(grace.violations).toEqual([]);
    expect(grace.activeReaders).toBe(1);
  });

  it('lasts a least time', () => {
    const { grace, freed, unlink } = made('list', 5);
    grace.advance(1);
    unlink([1]);
    grace.readerBegin('r', null);
    grace.advance(2);
    unlink([2]);
    grace.advance(3);
    grace.readerEnd('r');
    unlink([3]);
    grace.advance(5);
    expect(freed).toEqual([]);
    grace.advance(7);
    expect(freed).toEqual([1, 2]);
    grace.finish();
    expect(freed).toEqual([1, 2, 3]);
    expect(grace.deferred).toBe(0);
  });

  it('puts a batch that waited for a reader before younger ones', () => {
    const { grace, freed, unlink } = made('list', 10);
    grace.advance(0);
    grace.readerBegin('r', null);
    unlink([1]);
    grace.readerEnd('r');
    grace.readerBegin('s', null);
    grace.advance(2);
    unlink([2]);
    grace.advance(4);
    unlink([3]);
    grace.readerEnd('s');
    grace.advance(10);
    expect(freed).toEqual([1]);
    grace.advance(12);
    expect(freed).toEqual([1, 2]);
    grace.advance(14);
    expect(freed).toEqual([1, 2, 3]);
  });

  it('is over at once without readers', () => {
    for (const mode of ['none', 'page', 'list'] as const) {
      const { freed, unlink } = made(mode);
      unlink([1, 2]);
      expect(freed).toEqual([1, 2]);
    }
  });

  it('knows readers by their interval', () => {
    const { grace, freed, unlink } = made('list');
    grace.advance(5);
    grace.readerInterval(3, 8, null);
    grace.readerInterval(6, 12, null);
    grace.readerInterval(1, 4, null);
    grace.readerInterval(7, 7, null);
    expect(grace.activeReaders).toBe(1);
    unlink([1]);
    grace.advance(7);
    expect(grace.activeReaders).toBe(2);
    unlink([2]);
    grace.advance(8);
    expect(freed).toEqual([1]);
    grace.advance(11);
    expect(freed).toEqual([1]);
    grace.advance(30);
    expect(freed).toEqual([1, 2]);
    expect(grace.activeReaders).toBe(0);
  });

  it('holds none: a reader on the path is left in the lurch', () => {
    const { grace, freed, unlink } = made('none');
    grace.now = 3;
    grace.readerBegin('beside', address(0, G + 2 * M));
    grace.readerBegin('below', address(0, G - 1));
    unlink([1]);
    expect(grace.violations).toEqual([]);
    grace.readerBegin('path', address(0, G + 2 * M - 1));
    grace.readerBegin(7, null);
    unlink([2, 3]);
    expect(freed).toEqual([1, 2, 3]);
    const common = { rule: 'use-after-free', at: 3, iovaHi: 0, iovaLo: G, size: 2 * M, pages: 2 };
    expect(grace.violations).toEqual([
      { ...common, reader: 'path' },
      { ...common, reader: 7 },
    ]);
  });

  it('ends with the sync of the gather, readers or not', () => {
    const { grace, freed, unlink } = made('gather', 100);
    grace.readerBegin('gone', address(0, G));
    grace.readerBegin('inside', address(0, G));
    unlink([1]);
    grace.readerEnd('gone');
    grace.readerBegin('late', address(0, G));
    grace.advance(200);
    expect(freed).toEqual([]);
    grace.sync();
    expect(freed).toEqual([1]);
    expect(grace.violations.map(({ reader }) => reader)).toEqual(['inside']);
    expect(grace.callbacks).toBe(0);
  });

  it('ends when its last reader does, whenever the next event comes', () => {
    const { grace, freed, unlink } = made('list');
    grace.advance(1);
    grace.readerInterval(5, 40, null);
    grace.advance(10);
    unlink([1, 2, 3]);
    grace.advance(39);
    expect(freed).toEqual([]);
    expect(grace.pageTicks).toBe(87);
    grace.advance(1000);
    expect(freed).toEqual([1, 2, 3]);
    expect([grace.latencyMin, grace.latencyMax, grace.pageTicks]).toEqual([30, 30, 90]);
  });

  it('ends when its least time is over, whenever the next event comes', () => {
    const { grace, unlink } = made('page', 60);
    grace.advance(50);
    unlink([1, 2, 3]);
    grace.readerInterval(45, 90, null);
    grace.advance(1000);
    expect([grace.latencyMin, grace.latencyMax, grace.pageTicks]).toEqual([60, 60, 180]);
    // Of several readers the last counts, and it may be one that ends by an event.
    grace.readerInterval(900, 2000, null);
    grace.readerBegin('r', null);
    unlink([4]);
    grace.advance(1500);
    grace.readerEnd('r');
    grace.advance(3000);
    expect([grace.latencyMax, grace.pageTicks]).toEqual([1000, 1180]);
    unlink([5]);
    grace.advance(3010);
    grace.finish();
    expect([grace.latencyMin, grace.pageTicks]).toEqual([10, 1190]);
  });

  it.each(['none', 'gather'] as const)(
    'that is none is held against a reader that is told of late, mode %s',
    (mode) => {
      const { grace, unlink } = made(mode);
      grace.advance(10);
      unlink([1, 2]);
      grace.sync();
      grace.advance(40);
      grace.readerInterval(5, 40, address(0, G + PAGE));
      const common = { rule: 'use-after-free', at: 10, iovaHi: 0, iovaLo: G, size: 2 * M, pages: 2 };
      expect(grace.violations).toEqual([{ ...common, reader: -1 }]);
      // Beside it, over by then, begun since, and still inside.
      grace.readerInterval(5, 40, address(0, G + 2 * M));
      grace.readerInterval(5, 10, null);
      grace.readerInterval(10, 40, null);
      expect(grace.violations.length).toBe(1);
      grace.readerInterval(9, 50, null);
      expect(grace.violations.length).toBe(2);
      expect([grace.activeReaders, grace.lateReaders]).toEqual([1, 0]);
    },
  );

  it('lasts for a reader that is told of in time', () => {
    const { grace, freed, unlink } = made('list', 20);
    grace.advance(10);
    unlink([1]);
    grace.advance(15);
    grace.readerInterval(5, 40, null);
    grace.advance(35);
    expect(freed).toEqual([]);
    grace.advance(100);
    expect([grace.latencyMax, grace.lateReaders]).toEqual([30, 0]);
  });

  it('does not last for one that is told of too late, which is counted', () => {
    const { grace, unlink } = made('list', 20);
    grace.advance(10);
    unlink([1]);
    grace.advance(39);
    // It was over before the free, elsewhere, or inside.
    grace.readerInterval(5, 30, null);
    grace.readerInterval(5, 39, address(0, 0));
    expect(grace.lateReaders).toBe(0);
    grace.readerInterval(5, 31, address(0, G));
    grace.readerInterval(5, 50, null);
    expect([grace.lateReaders, grace.violations.length]).toEqual([2, 0]);
  });

  it('in mode gather lasts until the sync for a reader that is told of before it', () => {
    const { grace, unlink } = made('gather');
    grace.advance(10);
    unlink([1]);
    grace.advance(15);
    grace.readerInterval(5, 40, null);
    grace.readerInterval(5, 12, null);
    grace.sync();
    expect(grace.violations.map(({ reader, at }) => [reader, at])).toEqual([[-1, 15]]);
  });

  it('accuses for the tables on the path of a reader', () => {
    const { grace } = made('none');
    grace.readerBegin('first', address(0, G));
    grace.readerBegin('second', address(0, G + 2 * M));
    grace.readerBegin('all', null);
    grace.begin(0, G, G);
    grace.take(1, PAGE, PAGE, 0, 2 * M);
    grace.take(2, PAGE, PAGE, 4 * M, 2 * M);
    grace.take(3, PAGE, PAGE, 0, G);
    grace.end();
    expect(grace.violations.map(({ reader, pages }) => [reader, pages])).toEqual([
      ['first', 2],
      ['second', 1],
      ['all', 3],
    ]);
  });

  it('has a peak over several address spaces', () => {
    const peaks = new RangePeaks();
    const [one, two] = [1, 2].map(() => new Grace('list', 5, () => {}, peaks));
    for (const grace of [one, two]) {
      grace.begin(0, G, 2 * M);
      for (let token = 0; token < 3; token++) grace.take(token, PAGE, PAGE, 0, 2 * M);
      grace.end();
    }
    one.advance(5);
    two.finish();
    expect([peaks.deferred, peaks.deferredPeak]).toEqual([0, 6]);
  });

  it('tells how many unlinks ran on after a moment', () => {
    const { grace, unlink } = made('list');
    grace.advance(40);
    grace.noteUnlinks(70);
    unlink([1]);
    grace.advance(80);
    unlink([2]);
    const since = (time: number, offset = 0, size = 2 ** 48): number => grace.unlinkedSince(time, 0, offset, size);
    expect([30, 50, 69, 70, 79, 80].map((time) => since(time))).toEqual([2, 2, 2, 1, 1, 0]);
    expect([G - PAGE, G, G + 2 * M - PAGE, G + 2 * M].map((offset) => since(50, offset, PAGE))).toEqual([0, 2, 2, 0]);
  });

  it('remembers the last unlinks only', () => {
    const { grace, unlink } = made('list');
    grace.advance(1);
    grace.noteUnlinks(1e12);
    unlink([1]);
    for (let i = 2; i <= 2048; i++) {
      grace.advance(i);
      unlink([i]);
      // The first one is found among all the others.
      if (i % 100 === 0) expect(grace.unlinkedSince(i, 0, G, PAGE)).toBe(1);
    }
    expect(grace.unlinkedSince(1024, 0, G, PAGE)).toBe(1025);
    grace.advance(3000);
    unlink([0]);
    expect(grace.unlinkedSince(2048, 0, G, PAGE)).toBe(1);
    for (let i = 0; i < 64; i++) unlink([i]);
    expect([grace.unlinkedSince(0, 0, G, PAGE), grace.unlinkedSince(1e9, 0, G, PAGE)]).toEqual([2048, 0]);
    // Many tables are forgotten sooner.
    unlink(Array.from({ length: 70_000 }, (_, token) => token));
    expect(grace.unlinkedSince(0, 0, G, PAGE)).toBe(1);
    unlink([1]);
    expect(grace.unlinkedSince(0, 0, G, PAGE)).toBe(1);
  });

  it('asks in a time that does not grow with the unlinks', () => {
    const { grace, unlink } = made('list');
    grace.noteUnlinks(1e12);
    unlink([1]);
    const start = performance.now();
    let found = 0;
    for (let i = 1; i < 80_000; i++) {
      grace.advance(i);
      unlink([i]);
      found += grace.unlinkedSince(i, 0, 0, PAGE);
    }
    expect(found).toBe(0);
    expect(performance.now() - start).toBeLessThan(4000);
  });
});

describe('tables of a reservation', () => {
  it.each(['none', 'page', 'list', 'gather'] as const)('wait for a long reader, mode %s', (mode) => {
    const space = new Space({ options: { rcu: mode } });
    const { grace, pages } = space;
    space.reserve('a', G, 4 * M);
    grace.advance(1);
    grace.readerBegin('r', address(0, G));
    space.reservations.unreserve('a', null);
    const waits = mode === 'page' || mode === 'list';
    expect(pages.out.size).toBe(waits ? 5 : 1);
    expect(grace.deferred).toBe(waits ? 4 : 0);
    expect(grace.violations.length).toBe(waits ? 0 : 1);
    grace.advance(5);
    grace.readerEnd('r');
    expect(pages.out.size).toBe(1);
    expect(grace.callbacks).toBe(mode === 'page' ? 4 : mode === 'list' ? 1 : 0);
    expect(grace.pageTicks).toBe(waits ? 16 : 0);
    space.destroy();
  });

  it('wait at an ordinary unmap as well', () => {
    const space = new Space();
    space.map(G, 0, 2 * PAGE);
    space.grace.readerBegin('r', null);
    space.unmap(G, 2 * M);
    expect(space.grace.deferred).toBe(1);
    space.destroy();
    expect(space.grace.frees).toBe(1);
  });

  it('that were set aside below a block can be reached by those only who were there before', () => {
    const parked = (before: boolean, after: boolean): [string | number, number][] => {
      const space = new Space({ options: { rcu: 'none', boundary: 'refcount' } });
      space.reserve('a', G, 2 * M);
      if (before) space.grace.readerBegin('before', address(0, G));
      space.map(G, 0, 2 * M);
      // At the same tick, and later.
      if (after) space.grace.readerBegin('after', address(0, G));
      space.grace.advance(5);
      if (after) space.grace.readerBegin('later', null);
      expect(space.reservations.unreserve('a', null).freed).toBe(1);
      const accused = space.grace.violations.map(({ reader, pages }): [string | number, number] => [reader, pages]);
      space.grace.violations.length = 0;
      space.destroy();
      return accused;
    };
    expect(parked(false, true)).toEqual([]);
    expect(parked(true, true)).toEqual([['before', 1]]);
  });

  it('that were made below a block can be reached by nobody', () => {
    const space = new Space({ options: { rcu: 'none', boundary: 'refcount' } });
    space.map(G, 0, 2 * M);
    space.grace.readerBegin('r', null);
    space.reserve('a', G, 2 * M);
    expect(space.reservations.unreserve('a', null).freed).toBe(1);
    expect(space.grace.violations).toEqual([]);
    // Once linked, they can.
    space.reserve('b', G, 2 * M);
    space.unmap(G, 2 * M);
    space.map(G, 0, PAGE);
    space.unmap(G, PAGE);
    expect(space.reservations.unreserve('b', null).freed).toBe(3);
    expect(space.grace.violations).toMatchObject([{ reader: 'r', pages: 3 }]);
    space.destroy();
  });

  it('that hang aside below others are told apart from these', () => {
    const space = new Space({ options: { rcu: 'none', boundary: 'refcount' } });
    space.reserve('a', G, 4 * M);
    space.map(G, 0, 2 * M);
    space.unmap(G, 2 * M);
    space.grace.readerBegin('r', address(0, G));
    space.grace.advance(3);
    // An L1, an L2 and two L3, of which the first is aside and the second not on the path.
    expect(space.reservations.unreserve('a', null).freed).toBe(4);
    expect(space.grace.violations).toMatchObject([{ reader: 'r', pages: 2 }]);
    space.destroy();
  });

  it('are counted by the path of a reader: beside the range only the tables that both share', () => {
    const space = new Space({ options: { rcu: 'none' } });
    space.reserve('a', G, PAGE);
    space.grace.readerBegin('r', address(0, 0));
    space.reservations.unreserve('a', null);
    expect(space.grace.violations).toMatchObject([{ reader: 'r', pages: 1 }]);
    space.destroy();
  });
});
