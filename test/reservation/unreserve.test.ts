import { describe, expect, it } from 'vitest';
import { EBUSY, ENOENT } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { LiveRanges } from '../../src/reservation/areas/live-ranges.ts';
import { Usage } from '../../src/reservation/usage.ts';
import { G, M, PAGE, Space } from './fixture.ts';

describe('unreserve', () => {
  it('frees exactly what the reserve fetched when nothing else happened', () => {
    for (const coherent of [true, false]) {
      const space = new Space({ config: { coherent } });
      space.reserve('a', G, 4 * M);
      const syncs = space.count(C.PT_SYNCS);
      expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 4 });
      // One entry of the start table was unlinked, and its walk caches flushed.
      expect(space.count(C.PT_SYNCS) - syncs).toBe(coherent ? 0 : 1);
      expect(space.count(C.FLUSH_WALKS)).toBe(1);
      expect(space.tree()).toEqual([]);
      expect(space.reservations.counters()).toMatchObject({ live: 0, pinned: 0, pinnedPeak: 4 });
      expect(space.reservations.list[0]).toMatchObject({ freed: 4, live: false });
      space.destroy();
    }
  });

  it('wants the exact handle', () => {
    const space = new Space();
    space.reserve('a', G, 4 * M);
    space.reserve('b', G, 4 * M);
    expect(space.reservations.unreserve('c', null).ret).toBe(-ENOENT);
    expect(space.reservations.unreserve('a', space.range(G, 2 * M)).ret).toBe(-ENOENT);
    expect(space.reservations.unreserve(null, space.range(G, 2 * M)).ret).toBe(-ENOENT);
    expect(space.reservations.unreserve(null, null).ret).toBe(-ENOENT);
    expect(space.reservations.release('c', null)).toEqual({ ret: -ENOENT, unmapped: 0, freed: 0 });
    expect(space.reservations.unreserve(null, space.range(G, 4 * M))).toEqual({ ret: 0, freed: 0 });
    expect(space.reservations.find('b')).toBe(null);
    expect(space.reservations.unreserve('a', space.range(G, 4 * M))).toEqual({ ret: 0, freed: 4 });
    // An id that has ended may be used again.
    expect(space.reserve('a', 0, PAGE).ret).toBe(0);
    space.destroy();
  });

  it('leaves what is in use as ordinary tables', () => {
    const space = new Space();
    space.reserve('a', G, 6 * M);
    space.map(G + 2 * M, 0, PAGE);
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 2 });
    expect([...space.tables().keys()]).toEqual(['1@0', '2@262144', '3@262656']);
    // Two runs of one entry each were flushed.
    expect(space.count(C.FLUSH_WALKS)).toBe(2);
    expect(space.physical(G + 2 * M)).toBe(0);
    // The kernel's own unmap frees the table now.
    expect(space.unmap(G + 2 * M, 2 * M)).toBe(2 * M);
    expect(space.count(C.TABLE_FREES)).toBe(3);
    space.destroy();
  });

  it('flushes each maximal run under one parent once', () => {
    const space = new Space({ config: { coherent: false } });
    space.map(G - PAGE, 0, PAGE);
    space.map(G + 62 * M, 0, PAGE);
    const calls: string[] = [];
    const { tlb } = space.domain;
    const original = tlb.flushWalk.bind(tlb);
    tlb.flushWalk = (hi, lo, size, granule) => {
      calls.push(`${(lo - G) / M}M+${size / M}M`);
      original(hi, lo, size, granule);
    };
    space.reserve('a', G - 2 * M, 22 * M);
    space.map(G + 6 * M, 0, PAGE);
    const syncs = space.count(C.PT_SYNCS);
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 9 });
    expect(calls).toEqual(['0M+6M', '8M+12M']);
    expect(space.count(C.PT_SYNCS) - syncs).toBe(9);
    space.destroy();
  });

  it('frees only what the range covers once a map outside has been seen', () => {
    const space = new Space();
    space.reserve('a', G + M, 4 * M);
    space.map(0, 0, PAGE);
    expect(space.reservations.usage.outsideSeen).toBe(true);
    // Of three last-level tables the middle one is covered.
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 1 });
    expect([...space.tables().keys()]).toEqual(['1@0', '2@0', '3@0', '2@262144', '3@262144', '3@263168']);
    // A reservation that covers them takes the rest along, but not the one above that it shares.
    space.reserve('b', G, G);
    expect(space.reservations.unreserve('b', null)).toEqual({ ret: 0, freed: 513 });
    expect([...space.tables().keys()]).toEqual(['1@0', '2@0', '3@0']);
    space.destroy();
  });

  it('takes the boundary rule it is given', () => {
    for (const [boundary, freed] of [
      ['covered', 1],
      ['refcount', 4],
    ] as const) {
      const space = new Space({ options: { boundary } });
      space.map(0, 0, PAGE);
      space.reserve('a', G + M, 4 * M);
      expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed });
      space.destroy();
    }
  });

  it('counts maps from before it was there as outside', () => {
    const space = new Space();
    space.domain.map(0, 0, 0, 0, PAGE, 3);
    expect(space.reservations.usage.outsideSeen).toBe(false);
    expect(new Usage(space.table, new LiveRanges()).outsideSeen).toBe(true);
    space.destroy();
  });

  it('frees tables that were set aside', () => {
    const space = new Space();
    space.reserve('a', G, 4 * M);
    space.map(G, 0, 2 * M);
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 2 });
    expect(space.reservations.counters().parked).toBe(0);
    expect(space.physical(G)).toBe(0);
    space.destroy();
    // One that sticks out of the range stays aside, and goes with the table above it.
    const covered = new Space({ options: { boundary: 'covered' } });
    covered.reserve('a', G, M);
    covered.map(G, 0, 2 * M);
    expect(covered.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 0 });
    expect(covered.unmap(G, 2 * M)).toBe(2 * M);
    expect(covered.map(G, 0, G)).toBe(0);
    expect(covered.count(C.TABLE_FREES)).toBe(2);
    covered.destroy();
  });

  it('frees what only another reservation still needs no sooner', () => {
    const space = new Space();
    space.reserve('a', G, 4 * M);
    space.reserve('b', G + 2 * M, 4 * M);
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 1 });
    expect(space.reservations.unreserve('b', null)).toEqual({ ret: 0, freed: 4 });
    space.destroy();
  });

  it('frees nothing where nothing may be freed', () => {
    const space = new Space({ options: { freeEmpty: 'never' } });
    space.reserve('a', G, 4 * M);
    space.map(G, 0, 2 * PAGE);
    space.map(G + 2 * M, 0, 2 * M);
    expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 0 });
    expect(space.reservations.counters()).toMatchObject({ live: 0, pinned: 0, parked: 1 });
    space.reserve('b', G, 4 * M);
    expect(space.reservations.release('b', null)).toEqual({ ret: 0, unmapped: 2 * M + 2 * PAGE, freed: 0 });
    expect(space.count(C.TABLE_FREES)).toBe(0);
    // A block takes the place of an empty table that nothing pins.
    expect(space.map(G, 0, 2 * M)).toBe(0);
    expect(space.count(C.TABLE_FREES)).toBe(1);
    space.destroy();
  });

  it('leaves to destroy what still lives', () => {
    const space = new Space();
    space.reserve('a', G, 64 * M);
    space.map(G, 0, 2 * M);
    space.map(G + 2 * M, 0, PAGE);
    space.destroy();
    expect(space.reservations.list[0]).toMatchObject({ live: false, used: 3, mapped: 2 * M + PAGE });
    expect(space.reservations.counters()).toMatchObject({ made: 1, live: 0, pinned: 0, pinnedPeak: 34, parked: 0 });
    expect([space.grace.peaks.pinned, space.grace.peaks.parked]).toEqual([0, 0]);
  });
});

describe('release', () => {
  it('unmaps past holes and leaves the empty tree', () => {
    for (const kernel of ['7.1', '6.12'] as const) {
      const space = new Space({ config: { kernel, coherent: false } });
      space.reserve('a', G, 64 * M);
      for (let i = 0; i < 20; i++) space.map(G + i * 3 * M, i * 8 * M, (i % 3) * 5 * PAGE + 4 * PAGE);
      space.map(G + 62 * M, 0, 2 * M);
      const mapped = space.count(C.MAPPED_BYTES);
      expect(space.reservations.release('a', null)).toEqual({ ret: 0, unmapped: mapped, freed: 34 });
      expect(space.tree()).toEqual([]);
      expect(space.count(C.MAPPED_BYTES)).toBe(0);
      const [a] = space.reservations.list;
      expect(a).toMatchObject({ mapped: 0, mappedPeak: mapped, freed: 34, full: 34 });
      expect(a.used).toBeGreaterThan(20);
      space.destroy();
    }
  });

  it('leaves what lies outside', () => {
    const space = new Space();
    space.map(G - 2 * PAGE, 0, 4 * PAGE);
    space.reserve('a', G, 2 * M);
    expect(space.reservations.release('a', null)).toEqual({ ret: 0, unmapped: 2 * PAGE, freed: 1 });
    expect(space.physical(G - PAGE)).toBe(PAGE);
    expect(space.physical(G)).toBe(null);
    space.destroy();
  });

  it('meets a block that sticks out as the engine does', () => {
    for (const [partialUnmap, ret, unmapped, left] of [
      ['refuse', -EBUSY, 2 * M, 2 * M],
      ['split', 0, 3 * M, M],
      ['whole', 0, 4 * M, 0],
    ] as const) {
      const space = new Space({ config: { partialUnmap } });
      space.map(G, 0, 4 * M);
      space.reserve('a', G, 3 * M);
      expect(space.reservations.release('a', null)).toMatchObject({ ret, unmapped });
      expect(space.count(C.MAPPED_BYTES)).toBe(left);
      // It holds what it held until the rest has gone.
      const busy = ret !== 0;
      expect(space.reservations.counters()).toMatchObject({ live: busy ? 1 : 0, pinned: busy ? 4 : 0 });
      expect(space.reservations.list[0]).toMatchObject({ live: busy });
      if (busy) {
        space.unmap(G + 2 * M, 2 * M);
        // Maps came before it: only what it covers may go.
        expect(space.reservations.release('a', null)).toEqual({ ret: 0, unmapped: 0, freed: 1 });
      }
      space.destroy();
    }
  });
});
