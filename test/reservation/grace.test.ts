import { describe, expect, it } from 'vitest';
import { address } from '../../src/base/u64.ts';
import { Grace } from '../../src/reservation/grace.ts';
import type { RcuMode } from '../../src/reservation/options.ts';
import { G, M, PAGE, Space } from './fixture.ts';

function made(mode: RcuMode, latency = 0): { grace: Grace; freed: number[]; unlink: (pages: number[]) => void } {
  const freed: number[] = [];
  const grace = new Grace(mode, latency, (token) => freed.push(token));
  const unlink = (pages: number[]): void => {
    grace.begin(0, G, 2 * M);
    for (const token of pages) grace.take(token, PAGE, PAGE);
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

  it('remembers unlinks for those who ask in time', () => {
    const { grace, unlink } = made('list');
    grace.advance(1);
    unlink([1]);
    grace.noteUnlinks(10);
    grace.advance(5);
    unlink([2]);
    grace.advance(10);
    unlink([3]);
    grace.advance(11);
    unlink([4]);
    expect(grace.unlinkedSince(0, 0, 0, 2 ** 48)).toBe(2);
    expect(grace.unlinkedSince(5, 0, 0, 2 ** 48)).toBe(1);
    expect(grace.unlinkedSince(0, 0, G - PAGE, PAGE)).toBe(0);
    expect(grace.unlinkedSince(0, 0, G + 2 * M - PAGE, PAGE)).toBe(2);
    expect(grace.unlinkedSince(0, 0, G + 2 * M, PAGE)).toBe(0);
    grace.noteUnlinks(20);
    expect(grace.unlinkedSince(0, 0, 0, 2 ** 48)).toBe(0);
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
});
