import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EINVAL, ENODEV, ENXIO, EPERM } from '../../../src/base/vocabulary.ts';
import { Bench, G, K4, K64, SECOND, T, USER } from './fixture.ts';

describe('mapping registered memory', () => {
  it('checks in the order: enabled, default window, window, alignment, direction, first page', () => {
    const bench = Bench.ready();
    expect(bench.map(1, 1, 1, 0)).toBe(-EPERM);
    bench.register(USER, 4 * K64);
    expect(bench.map(1, 1, 1, 0)).toBe(-ENXIO);
    bench.create(16, G);
    expect(bench.map(G, USER, K64)).toBe(-ENXIO);
    expect(bench.map(SECOND, USER, K64)).toBe(-ENXIO);
    for (const [iova, vaddr, size, direction] of [
      [0, USER, K4, 3],
      [0, USER + K4, K64, 3],
      [0, USER, K64, 0],
      [K4, USER, K64, 3],
      [0, USER + M, K64, 3],
    ] as const)
      expect(bench.map(iova, vaddr, size, direction)).toBe(-EINVAL);
    expect(bench.system.tally.tcesWritten).toBe(0);
    bench.container.detach('g0');
    bench.container.defaultPending = true;
    expect(bench.map(0, USER, K64)).toBe(-ENODEV);
  });

  it('holds only the first page against the window', () => {
    const bench = Bench.ready();
    bench.register(USER, 4 * K64);
    bench.create(16, G);
    const outcome = bench.mapAt(G - K64, USER, 3 * K64);
    expect(outcome).toMatchObject({ ret: 0, mapped: K64, overrun: true });
    expect(bench.mm.regions[0].mapped).toBe(2);
    expect(bench.container.unmap(G - K64, 3 * K64)).toMatchObject({ ret: 0, unmapped: K64, overrun: true });
  });

  it('replaces silently, and loses what it replaced when it fails', () => {
    const bench = Bench.ready();
    bench.register(USER, 4 * K64);
    bench.register(USER + 8 * K64, 2 * K64);
    bench.create(16, G);
    bench.map(K64, USER, 2 * K64);
    expect(bench.mapAt(2 * K64, USER + 8 * K64, K64)).toMatchObject({ ret: 0, replaced: 1, lost: 0 });
    expect(bench.mm.regions.map(({ mapped }) => mapped)).toEqual([2, 2]);
    // Pages 0 and 1 are written, page 2 is not registered: all three lose what they had.
    expect(bench.mapAt(0, USER + 8 * K64, 3 * K64)).toMatchObject({ ret: -EINVAL, replaced: 1, lost: 1 });
    expect(bench.mm.regions.map(({ mapped }) => mapped)).toEqual([1, 2]);
    expect([bench.container.windows[0]?.live, bench.system.tally.tcesLost]).toEqual([1, 1]);
  });

  it('crosses from one region to the next, page by page', () => {
    const bench = Bench.ready();
    bench.register(USER, K64);
    bench.register(USER + K64, K64);
    bench.create(16, G);
    expect(bench.mapAt(0, USER, 2 * K64)).toMatchObject({ ret: 0, mapped: 2 * K64 });
    expect(bench.mm.regions.map(({ mapped }) => mapped)).toEqual([2, 2]);
  });

  it('costs nothing by its size: 2^40 bytes at once', () => {
    const bench = Bench.ready();
    bench.create(16, T, 2);
    expect(bench.register(USER, T)).toBe(0);
    expect(bench.map(0, USER, T)).toBe(0);
    expect(bench.container.windows[0]?.tces.runs).toBe(1);
    expect(bench.system.tally).toMatchObject({ tcesLive: 2 ** 24, pins: 2 ** 24, pinsAvoided: 2 ** 24, kills: 1 });
    expect(bench.system.tally.allocatedBytes).toBe(2 * (1 + 2048) * K64);
    expect(bench.container.unmap(0, T)).toMatchObject({ unmapped: T });
    expect(bench.system.tally.clearSteps).toBe(2 ** 24);
  });

  it('passes over missing lower tables in one step', () => {
    const bench = Bench.ready();
    bench.create(16, T, 2);
    bench.register(USER, K64);
    bench.map(8192 * K64, USER, K64);
    bench.container.unmap(0, T);
    // Of 2048 lower tables one is there, with 8192 entries.
    expect(bench.system.tally.clearSteps).toBe(2047 + 8192);
  });
});

const M = 2 ** 20;
const PAGES = 24;

/** The same window with one entry a page, as the kernel's loops go through it. */
class NaiveWindow {
  /** User page of each TCE. */
  readonly tces = new Map<number, number>();
  /** First page and pages of each region, and its live TCEs. */
  readonly regions: { start: number; pages: number; tces: number }[] = [];
  lost = 0;

  regionOf(page: number): { start: number; pages: number; tces: number } | undefined {
    return this.regions.find(({ start, pages }) => page >= start && page < start + pages);
  }

  register(start: number, pages: number): boolean {
    const meets = this.regions.some((other) => start < other.start + other.pages && other.start < start + pages);
    if (!meets) this.regions.push({ start, pages, tces: 0 });
    return !meets;
  }

  unregister(start: number, pages: number): boolean {
    const at = this.regions.findIndex(
      (region) => region.start === start && region.pages === pages && region.tces === 0,
    );
    if (at >= 0) this.regions.splice(at, 1);
    return at >= 0;
  }

  map(entry: number, user: number, pages: number): boolean {
    let replaced = 0;
    for (let i = 0; i < pages; i++) {
      const region = this.regionOf(user + i);
      if (region === undefined) {
        this.unmap(entry, i);
        this.lost += replaced;
        return false;
      }
      if (entry + i >= PAGES) continue;
      if (this.tces.has(entry + i)) replaced++;
      this.#put(entry + i);
      region.tces++;
      this.tces.set(entry + i, user + i);
    }
    return true;
  }

  unmap(entry: number, pages: number): number {
    let live = 0;
    for (let at = entry; at < entry + pages; at++) if (this.#put(at)) live++;
    return live;
  }

  #put(entry: number): boolean {
    const user = this.tces.get(entry);
    if (user === undefined) return false;
    const region = this.regionOf(user);
    if (region !== undefined) region.tces--;
    return this.tces.delete(entry);
  }
}

describe('against a window that is kept page by page', () => {
  const place = fc.nat(PAGES - 1);
  const length = fc.integer({ min: 1, max: 6 });
  const step = fc.oneof(
    fc.record({ op: fc.constant('map' as const), entry: place, user: place, pages: length }),
    fc.record({ op: fc.constant('unmap' as const), entry: place, user: fc.constant(0), pages: length }),
    fc.record({ op: fc.constant('register' as const), entry: fc.constant(0), user: place, pages: length }),
    fc.record({ op: fc.constant('unregister' as const), entry: fc.constant(0), user: place, pages: length }),
  );

  it('comes to the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const bench = Bench.ready();
        // 32 pages are the least power of two; the naive window ends at PAGES, so that nothing goes beyond it.
        bench.create(16, 32 * K64);
        const naive = new NaiveWindow();
        for (const { op, entry, user, pages: wanted } of steps) {
          const pages = op === 'map' || op === 'unmap' ? Math.min(wanted, PAGES - entry) : wanted;
          const vaddr = USER + user * K64;
          const size = pages * K64;
          if (op === 'register') expect(bench.register(vaddr, size) === 0).toBe(naive.register(user, pages));
          else if (op === 'unregister')
            expect(bench.container.unregister(vaddr, size, null) === 0).toBe(naive.unregister(user, pages));
          else if (!bench.container.enabled) expect(bench.map(entry * K64, vaddr, size)).toBe(-EPERM);
          else if (op === 'map') expect(bench.map(entry * K64, vaddr, size) === 0).toBe(naive.map(entry, user, pages));
          else expect(bench.container.unmap(entry * K64, size).unmapped / K64).toBe(naive.unmap(entry, pages));
          const tces: [number, number][] = [];
          bench.container.windows[0]?.tces.forEach(0, G, (from, to, at) => {
            for (let key = from; key < to; key += K64) tces.push([key / K64, (at + key - from - USER) / K64]);
          });
          expect(tces).toEqual([...naive.tces].sort(([a], [b]) => a - b));
          const counts = [...naive.regions].sort((a, b) => a.start - b.start).map(({ tces: count }) => count);
          expect(bench.mm.regions.map(({ tces: count }) => count)).toEqual(counts);
          const { tally } = bench.system;
          expect(tally.tcesWritten - tally.tcesReplaced - tally.tcesCleared).toBe(tally.tcesLive);
          expect([tally.tcesLive, tally.tcesLost]).toEqual([naive.tces.size, naive.lost]);
          const covered = new Set(naive.tces.values()).size;
          expect(bench.system.sums().coveredBytes).toBe(covered * K64);
          expect(bench.mm.lockedVm - bench.mm.locked.tables).toBe(naive.regions.reduce((sum, r) => sum + r.pages, 0));
          expect(tally.pins - tally.unpins).toBe(bench.mm.locked.regions);
        }
      }),
      { seed: 29, numRuns: 300 },
    );
  });
});
