import { describe, expect, it } from 'vitest';
import { EBUSY, EFAULT, EINVAL, ENOENT, ENOMEM, EPERM } from '../../../../src/base/vocabulary.ts';
import { DEFAULT_WINDOW_OPTIONS } from '../../../../src/window/tce/options.ts';
import { WindowSystem } from '../../../../src/window/tce/system.ts';
import { Bench, G, group, K4, K64, M16, USER } from '../fixture.ts';

describe('registering memory', () => {
  it('takes whole CPU pages that do not wrap', () => {
    const bench = Bench.ready();
    expect(bench.register(USER + K4, K64)).toBe(-EINVAL);
    expect(bench.register(USER, K4)).toBe(-EINVAL);
    expect(bench.register(2 ** 64 - K64, K64)).toBe(-EINVAL);
    expect(bench.register(2 ** 64 - 2 * K64, K64)).toBe(0);
    expect(bench.register(USER, 0)).toBe(-ENOMEM);
    expect(bench.container.enabled).toBe(true);
  });

  it('is enabled by the first success only', () => {
    const bench = Bench.ready();
    bench.create(16, G);
    expect(bench.map(0, USER, K64)).toBe(-EPERM);
    bench.register(USER, K64, [], 0);
    expect([bench.container.enabled, bench.map(0, USER, K64)]).toEqual([false, -EPERM]);
    bench.register(USER, K64);
    expect(bench.map(0, USER, K64)).toBe(0);
  });

  it('charges, pins, then looks for overlaps; and undoes all of it', () => {
    const bench = Bench.ready();
    bench.mm.rlimit = 4 * K64;
    expect(bench.register(USER, 4 * K64)).toBe(0);
    expect(bench.register(USER + K64, K64)).toBe(-ENOMEM);
    bench.mm.rlimit = 8 * K64;
    expect(bench.register(USER + K64, K64, [], 0)).toBe(-EFAULT);
    expect(bench.register(USER + K64, K64)).toBe(-EINVAL);
    expect(bench.register(USER - K64, 2 * K64)).toBe(-EINVAL);
    expect(bench.register(USER + 3 * K64, 2 * K64, [], K64 + 1)).toBe(-EFAULT);
    expect([bench.mm.lockedVm, bench.mm.lockedPeak, bench.mm.regions.length]).toEqual([4, 6, 1]);
    const { tally } = bench.system;
    expect(tally.pins - tally.unpins).toBe(4);
    expect(bench.register(USER - K64, K64)).toBe(0);
    expect(bench.register(USER + 4 * K64, K64)).toBe(0);
  });

  it('of the same range is shared between containers, and refused in one', () => {
    const system = new WindowSystem(DEFAULT_WINDOW_OPTIONS);
    const mm = system.mm('mm0');
    const [a, b] = ['a', 'b'].map((id) => {
      const container = system.container(id);
      container.attach(group(), mm);
      return container;
    });
    const request = { vaddr: USER, size: 2 * K64, backing: [], fault: null };
    expect([a.register(mm, request), a.register(mm, request), b.register(mm, request)]).toEqual([0, -EBUSY, 0]);
    expect([mm.lockedVm, mm.regions[0].used, system.tally.pins]).toEqual([2, 2, 2]);
    expect(a.unregister(USER, 2 * K64, null)).toBe(0);
    expect(a.unregister(USER, 2 * K64, null)).toBe(-ENOENT);
    expect([mm.lockedVm, mm.regions.length]).toEqual([2, 1]);
    expect(b.unregister(USER, K64, null)).toBe(-ENOENT);
    expect(b.unregister(USER + 1, K64, null)).toBe(-EINVAL);
    expect(b.unregister(USER, 2 * K64, null)).toBe(0);
    expect([mm.lockedVm, mm.regions.length, system.tally.unpins]).toEqual([0, 0, 2]);
  });
});

describe('pages that a region takes', () => {
  it('are as large as its alignment and its backing pages', () => {
    const bench = Bench.ready();
    bench.create(24, 64 * G);
    const base = 0x7f80_0000_0000;
    bench.register(base, M16, [{ size: M16, page: M16 }]);
    expect(bench.mm.regions[0].pageShift).toBe(24);
    expect(bench.map(0, base, M16)).toBe(0);
    bench.register(base + 2 * M16, M16);
    expect(bench.mm.regions[1].pageShift).toBe(16);
    expect(bench.map(0, base + 2 * M16, M16)).toBe(-EINVAL);
    bench.register(base + 4 * M16, M16 + K64, [{ size: 2 * M16, page: M16 }]);
    expect(bench.mm.regions[2].pageShift).toBe(16);
    expect(bench.map(0, base + 4 * M16, M16)).toBe(-EINVAL);
    expect(bench.system.tally).toMatchObject({ hits: 1, misses: 2, denied: 0 });
  });

  it('may be promised where small pages follow huge ones: a page too small is then -EPERM', () => {
    const bench = Bench.ready();
    bench.create(24, 64 * G);
    const mixed = [
      { size: M16, page: M16 },
      { size: M16, page: K64 },
    ];
    bench.register(USER, 2 * M16, mixed);
    expect(bench.mm.regions[0].pageShift).toBe(24);
    expect(bench.map(0, USER, M16)).toBe(0);
    expect(bench.mapAt(M16, USER, 2 * M16)).toMatchObject({ ret: -EPERM, mapped: 0 });
    expect(bench.map(0, USER + M16, M16)).toBe(-EPERM);
    // The first map is untouched, and the failing one has taken back its own.
    expect(bench.container.windows[0]?.live).toBe(1);
    expect(bench.system.tally).toMatchObject({ denied: 2, tcesWritten: 2, tcesCleared: 1 });
    bench.register(USER + 4 * M16, 2 * M16, [...mixed].reverse());
    expect(bench.mm.regions[1].pageShift).toBe(16);
  });
});

describe('giving memory back', () => {
  it('waits for its TCEs', () => {
    const bench = Bench.ready();
    bench.create(16, G);
    bench.register(USER, 4 * K64);
    bench.map(0, USER, 2 * K64);
    bench.map(G / 2, USER, K64);
    expect(bench.mm.regions[0].mapped).toBe(4);
    expect(bench.container.unregister(USER, 4 * K64, null)).toBe(-EBUSY);
    bench.container.unmap(0, 2 * K64);
    expect(bench.container.unregister(USER, 4 * K64, null)).toBe(-EBUSY);
    bench.container.unmap(G / 2, K64);
    expect(bench.container.unregister(USER, 4 * K64, null)).toBe(0);
    expect(bench.system.sums()).toMatchObject({ regions: 0, leakedRegions: 0 });
  });

  it('loses the region in the kernel: it answers 0, and stays with one user that nobody is', () => {
    const bench = Bench.ready({ unregister: 'kernel' });
    bench.create(16, G);
    bench.register(USER, 4 * K64);
    bench.map(0, USER, K64);
    expect(bench.container.unregister(USER, 4 * K64, null)).toBe(0);
    expect(bench.mm.regions[0]).toMatchObject({ used: 1, owners: 0, mapped: 2 });
    expect(bench.system.sums()).toMatchObject({ regions: 4, leakedRegions: 1, leakedRegionPages: 4 });
    // It can still be mapped, and no longer be given back, even when nothing points into it.
    expect(bench.map(0, USER + K64, K64)).toBe(0);
    bench.container.unmap(0, K64);
    expect(bench.container.unregister(USER, 4 * K64, null)).toBe(-ENOENT);
    expect(bench.mm.locked.regions).toBe(4);
    // Registered anew it has two users, of which one request takes one.
    expect(bench.register(USER, 4 * K64)).toBe(0);
    expect(bench.container.unregister(USER, 4 * K64, null)).toBe(0);
    expect(bench.mm.regions[0].used).toBe(1);
  });

  it('works in the kernel where nothing points into it', () => {
    const bench = Bench.ready({ unregister: 'kernel' });
    bench.register(USER, K64);
    expect(bench.container.unregister(USER, K64, null)).toBe(0);
    expect([bench.mm.lockedVm, bench.mm.regions.length]).toEqual([0, 0]);
  });

  it('makes maps between its two steps succeed without mapping', () => {
    const bench = Bench.ready();
    bench.create(16, G);
    bench.register(USER, K64);
    bench.register(USER + K64, K64);
    expect(bench.container.unregister(USER + K64, K64, 'begin')).toBe(0);
    const outcome = bench.mapAt(0, USER, 2 * K64);
    expect(outcome).toMatchObject({ ret: 0, mapped: K64, falseSuccess: true });
    expect(bench.system.tally.falseSuccesses).toBe(1);
    expect(bench.container.unregister(USER + K64, K64, 'end')).toBe(0);
    expect(bench.mapAt(0, USER, 2 * K64)).toMatchObject({ ret: -EINVAL, mapped: 0, lost: 1 });
    expect(bench.container.unregister(USER + K64, K64, 'end')).toBe(-ENOENT);
  });

  it('comes with the release of the container, unless another maps it', () => {
    const system = new WindowSystem(DEFAULT_WINDOW_OPTIONS);
    const mm = system.mm('mm0');
    const request = { vaddr: USER, size: K64, backing: [], fault: null };
    const other = { ...request, vaddr: USER + M16 };
    const [a, b] = ['a', 'b'].map((id) => system.container(id));
    for (const container of [a, b]) {
      container.attach(group(), mm);
      container.remove(mm, 0);
      container.create(mm, { pageShift: 16, size: G, levels: 1, fail: null });
    }
    a.register(mm, request);
    a.register(mm, other);
    b.register(mm, other);
    // Regions belong to the process: b maps what a alone has registered.
    b.map({ iova: 0, vaddr: USER, size: K64, direction: 1, fault: null });
    system.release('a');
    expect(system.sums()).toMatchObject({ regions: 2, leakedRegions: 1 });
    system.release('b');
    expect(system.sums()).toMatchObject({ total: 1, tables: 0, leakedRegions: 1, leakedRegionPages: 1 });
  });
});
