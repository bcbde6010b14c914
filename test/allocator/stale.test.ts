import { describe, expect, it } from 'vitest';
import * as C from '../../src/lpae/counters.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { configFor } from '../lpae/fixture.ts';
import { G1, G512, K4, M2, map, Space, unmap } from './fixture.ts';

const WITHOUT = configFor('7.1');

function found(space: Space, iova: number): boolean {
  return iovaToPhys(space.table, 0, iova);
}

/** Fills a last-level table, lets a block replace it, and makes a new one elsewhere. */
function reuse(space: Space): void {
  space.now(map(0, 3 * K4, 8 * K4));
  space.now(map(0, M2, M2));
  space.now(map(M2 + 5 * K4, K4, K4));
}

describe('pages that nobody zeroes', () => {
  it.each(['pool', 'bulk'])('show the leaves of their last life with %s', (name) => {
    const space = new Space(name, WITHOUT, false);
    reuse(space);
    expect(found(space, M2 + K4)).toBe(true);
    expect([space.table.foundHi, space.table.foundLo]).toEqual([0, 9 * K4]);
    expect([space.stats.staleLeaves, space.stats.staleDropped]).toEqual([3, 0]);
    expect(space.table.counters[C.MAPPED_BYTES]).toBe(M2 + 4 * K4);
    space.destroy();
    expect(space.table.counters[C.MAPPED_BYTES]).toBe(0);
  });

  it('do so with reserve once the cache gives the page to a later operation', () => {
    const space = new Space('reserve,formula=exact', WITHOUT, false);
    reuse(space);
    expect([found(space, M2 + K4), space.stats.staleLeaves]).toEqual([true, 3]);
  });

  it.each(['pool', 'bulk', 'reserve', 'reserve-counted', 'shared-pool', 'mempool'])(
    '%s zeroes them by itself',
    (name) => {
      const space = new Space(name);
      reuse(space);
      expect([found(space, M2 + K4), space.stats.staleLeaves]).toEqual([false, 0]);
      expect(space.allocator.stale ?? null).toBe(null);
    },
  );

  it.each(['kernel', 'bulk-exact'])('%s never uses a page twice', (name) => {
    const space = new Space(name, WITHOUT, false);
    reuse(space);
    expect([found(space, M2 + K4), space.stats.staleLeaves]).toEqual([false, 0]);
  });

  it('are clean when they have been given back in between', () => {
    const space = new Space('pool,max=0', WITHOUT, false);
    reuse(space);
    expect([found(space, M2 + K4), space.stats.staleLeaves]).toEqual([false, 0]);
  });

  it('leave out what is no leaf of the last level', () => {
    const space = new Space('pool', WITHOUT, false);
    // A table of level 2 with one link and one block goes, its page comes back at level 1.
    space.now(map(0, K4, 0));
    space.now(map(M2, M2, M2));
    space.now(map(0, G1, 0));
    space.now(map(G512, G1, 0));
    expect([space.stats.staleLeaves, space.stats.staleDropped]).toEqual([0, 2]);
    expect(space.stats.hits).toBe(1);
  });

  it('do not spoil the table that replaces a block', () => {
    const split = configFor('6.12');
    const space = new Space('pool', split, false);
    reuse(space);
    space.now(unmap(M2, M2));
    space.now(unmap(K4, K4));
    expect([found(space, K4), found(space, 2 * K4)]).toEqual([false, true]);
    expect(space.table.counters[C.MAPPED_BYTES]).toBe(M2 - K4);
    space.destroy();
    expect(space.table.counters[C.MAPPED_BYTES]).toBe(0);
  });
});
