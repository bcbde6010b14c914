import { describe, expect, it } from 'vitest';
import { EBUSY, EINVAL, ENODEV, ENOMEM, ENOSPC, ENOTTY, ENXIO, EPERM } from '../../../src/base/vocabulary.ts';
import { Bench, G, group, K4, K64, SECOND, T, USER } from './fixture.ts';

describe('the default window', () => {
  it('is made by the first request that needs it', () => {
    const bench = new Bench();
    expect(bench.container.attach(group(), bench.mm)).toBe(0);
    expect([bench.container.defaultPending, bench.mm.lockedVm]).toEqual([true, 0]);
    bench.register(USER, K64);
    expect(bench.map(0, USER, K64)).toBe(0);
    // 2G of 4K pages: 128 pages for its tables, and the one that is registered.
    expect([bench.container.defaultPending, bench.mm.lockedVm]).toEqual([false, 129]);
    expect(bench.container.windows[0]?.shape).toMatchObject({ pageShift: 12, size: 2 * G, levels: 1 });
  });

  it('is made by an unmap and by a create, too, which then takes the second slot', () => {
    const unmapping = new Bench();
    unmapping.container.attach(group(), unmapping.mm);
    unmapping.register(USER, K64);
    expect(unmapping.container.unmap(0, K4)).toMatchObject({ ret: 0, unmapped: 0 });
    expect(unmapping.container.windows[0]).not.toBeNull();
    const creating = new Bench();
    creating.container.attach(group(), creating.mm);
    expect(creating.create(16, 64 * G)).toBe(1);
    expect(creating.container.windows.map((window) => window?.base)).toEqual([0, SECOND]);
  });

  it('removed while it is pending makes room at 0', () => {
    const bench = new Bench();
    bench.container.attach(group(), bench.mm);
    expect(bench.container.remove(bench.mm, 0)).toBe(0);
    expect(bench.create(16, 64 * G)).toBe(0);
    expect(bench.container.windows[0]?.base).toBe(0);
    expect(bench.system.tally.windowsRemoved).toBe(0);
    // Pending no more, address 0 means the window that stands there.
    expect(bench.container.remove(bench.mm, 0)).toBe(0);
    expect(bench.system.tally.windowsRemoved).toBe(1);
  });

  it('may fail for want of locked memory, and stays pending', () => {
    const bench = new Bench();
    bench.mm.rlimit = 128 * K64;
    bench.container.attach(group(), bench.mm);
    bench.register(USER, K64);
    expect(bench.map(0, USER, K4)).toBe(-ENOMEM);
    expect([bench.container.defaultPending, bench.mm.lockedVm]).toEqual([true, 1]);
  });
});

describe('creating a window', () => {
  it('checks in the order: version, groups, default, slot, page size, shape, limit', () => {
    const old = new Bench(1);
    expect(old.create(16, 3)).toBe(-ENOTTY);
    const bench = new Bench();
    expect(bench.create(13, 3, 0)).toBe(-ENXIO);
    bench.container.attach(group(), bench.mm);
    bench.mm.rlimit = 127 * K64;
    expect(bench.create(13, 3, 0)).toBe(-ENOMEM);
    bench.mm.rlimit = 4097 * K64;
    bench.container.remove(bench.mm, 0);
    expect(bench.create(13, T, 1)).toBe(-EINVAL);
    expect(bench.create(16, T, 0)).toBe(-EINVAL);
    expect(bench.create(16, T, 6)).toBe(-EINVAL);
    expect(bench.create(16, 3 * G, 1)).toBe(-EINVAL);
    expect(bench.create(16, T, 3)).toBe(-EINVAL);
    expect(bench.create(16, T, 2)).toBe(-ENOMEM);
    expect(bench.create(16, 2 ** 59, 1)).toBe(-EINVAL);
    bench.mm.rlimit = 4098 * K64;
    expect(bench.create(16, T, 2)).toBe(0);
    bench.mm.rlimit = null;
    expect(bench.create(24, 64 * G)).toBe(1);
    expect(bench.create(13, 3, 0)).toBe(-ENOSPC);
  });

  it('goes above the limit with CAP_IPC_LOCK', () => {
    const bench = Bench.ready();
    bench.mm.rlimit = 0;
    expect(bench.create(16, 64 * G)).toBe(-ENOMEM);
    bench.mm.capIpcLock = true;
    expect(bench.create(16, 64 * G)).toBe(0);
    expect(bench.mm.locked.tables).toBe(256);
  });

  it.each(['table', 'program'] as const)('takes the charge back when it fails (%s)', (fail) => {
    const bench = Bench.ready();
    expect(bench.create(16, T, 2, fail)).toBe(fail === 'table' ? -ENOMEM : -EINVAL);
    expect([bench.mm.lockedVm, bench.mm.leaked, bench.mm.lockedPeak]).toEqual([0, 0, 4098]);
  });

  it('keeps the charge upstream, where tables fail and where the shape does', () => {
    const bench = Bench.ready({ fixLeaks: false });
    expect(bench.create(16, T, 2, 'table')).toBe(-ENOMEM);
    expect([bench.mm.lockedVm, bench.mm.leaked]).toEqual([4098, 4098]);
    // 16 tables of 64K below 8192 of them... counted by the same formula, whether or not it can be encoded.
    expect(bench.create(16, T, 3)).toBe(-EINVAL);
    expect(bench.mm.leaked).toBeGreaterThan(4098);
    const before = bench.mm.leaked;
    expect(bench.create(16, T, 2, 'program')).toBe(-EINVAL);
    expect([bench.mm.leaked, bench.system.sums().leakedAccounting]).toEqual([before, before]);
  });

  it('accounts all tables and allocates as they are used', () => {
    const bench = Bench.ready();
    bench.register(USER, K64);
    bench.create(16, T, 2);
    expect(bench.system.tally).toMatchObject({ accountedBytes: 268_566_528, allocatedBytes: 131_072 });
    bench.map(0, USER, K64);
    expect(bench.system.tally).toMatchObject({ accountedBytes: 268_566_528, allocatedBytes: 262_144 });
    bench.map(8191 * K64, USER, K64);
    expect(bench.system.tally.allocatedBytes).toBe(262_144);
    bench.map(8192 * K64, USER, K64);
    expect(bench.system.tally.allocatedBytes).toBe(393_216);
    expect(bench.container.remove(bench.mm, 5)).toBe(0);
    expect(bench.system.tally).toMatchObject({ accountedBytes: 0, allocatedBytes: 0, tcesLive: 0, tcesCleared: 3 });
    expect(bench.mm.locked.tables).toBe(0);
  });
});

describe('removing a window', () => {
  it('takes any address inside of it, and no other', () => {
    const bench = Bench.ready();
    bench.create(16, 64 * G);
    bench.create(16, 64 * G);
    expect(bench.container.remove(bench.mm, 64 * G)).toBe(-EINVAL);
    expect(bench.container.remove(bench.mm, SECOND - K4)).toBe(-EINVAL);
    expect(bench.container.remove(bench.mm, SECOND + 64 * G - K4)).toBe(0);
    expect(bench.container.windows.map((window) => window?.slot ?? null)).toEqual([0, null]);
    expect(bench.container.remove(bench.mm, 64 * G - 1)).toBe(0);
    bench.container.detach('g0');
    expect(bench.container.remove(bench.mm, 0)).toBe(-ENXIO);
  });
});

describe('several groups', () => {
  it('share the tables, which the detaching of any of them clears', () => {
    const bench = Bench.ready();
    expect(bench.container.attach(group('g0'), bench.mm)).toBe(-EBUSY);
    expect(bench.container.attach(group('g1', { platform: 'other' }), bench.mm)).toBe(-EPERM);
    expect(bench.container.attach(group('g1'), bench.mm)).toBe(0);
    bench.register(USER, 4 * K64);
    bench.create(16, G);
    expect(bench.map(0, USER, 4 * K64)).toBe(0);
    expect(bench.container.detach('g1')).toBe(0);
    expect([bench.system.tally.tcesLive, bench.container.windows[0]?.live]).toEqual([0, 0]);
    expect(bench.mm.regions[0].mapped).toBe(1);
    expect(bench.container.detach('g1')).toBe(-ENODEV);
  });

  it('need dynamic windows with version 2, and are one with version 1', () => {
    const bench = new Bench();
    expect(bench.container.attach(group('g0', { ddw: false }), bench.mm)).toBe(-EINVAL);
    const old = new Bench(1);
    expect(old.container.attach(group('g0', { ddw: false }), old.mm)).toBe(0);
    expect(old.container.attach(group('g1'), old.mm)).toBe(-EBUSY);
  });
});

describe('what a container offers', () => {
  it('needs a group and room, and tells of windows only where there is room for it', () => {
    const bench = new Bench();
    expect(bench.container.info(0)).toBe(-ENXIO);
    bench.container.attach(group(), bench.mm);
    expect(bench.container.info(15)).toBe(-EINVAL);
    expect(bench.container.info(16)).toEqual({ flags: 1, window32Start: 0, window32Size: 2 * G, ddw: null });
    const ddw = { pgsizes: 0x1011000, maxWindows: 2, levels: 5 };
    expect(bench.container.info(32)).toMatchObject({ flags: 1, ddw });
    const old = new Bench(1);
    old.container.attach(group(), old.mm);
    expect(old.container.info(32)).toMatchObject({ flags: 0, ddw: null });
  });
});

describe('version 1', () => {
  it('accounts its whole window once: 32768 pages of 64K', () => {
    const bench = new Bench(1);
    expect(bench.container.enable(bench.mm)).toBe(-ENODEV);
    bench.container.attach(group(), bench.mm);
    bench.mm.rlimit = 2 * G - 1;
    expect(bench.container.enable(bench.mm)).toBe(-ENOMEM);
    bench.mm.rlimit = 2 * G;
    expect(bench.map(0, USER, K64)).toBe(-EPERM);
    expect(bench.container.enable(bench.mm)).toBe(0);
    expect(bench.container.enable(bench.mm)).toBe(-EBUSY);
    expect(bench.mm.locked).toEqual({ tables: 0, regions: 0, v1Window: 32768 });
    expect(bench.map(0, USER, K64)).toBe(0);
    expect(bench.system.tally).toMatchObject({ pins: 16, pinCalls: 16, unpins: 0, pinsAvoided: 0 });
    expect(bench.map(0, USER + K64, K4)).toBe(0);
    expect(bench.system.tally).toMatchObject({ pins: 17, unpins: 1, tcesReplaced: 1 });
    expect(bench.container.unmap(0, 2 * K64).unmapped).toBe(K64);
    expect(bench.system.tally).toMatchObject({ pins: 17, unpins: 17 });
    bench.container.disable();
    expect([bench.mm.lockedVm, bench.map(0, USER, K64)]).toEqual([0, -EPERM]);
    expect([bench.register(USER, K64), bench.container.unregister(USER, K64, null)]).toEqual([-ENOTTY, -ENOTTY]);
  });

  it('unpins what a failing map had pinned', () => {
    const bench = new Bench(1);
    bench.container.attach(group(), bench.mm);
    bench.container.enable(bench.mm);
    const request = { iova: 0, vaddr: USER, size: 4 * K4, direction: 3 as const, fault: 2 * K4 };
    expect(bench.container.map(request)).toMatchObject({ ret: -14, mapped: 0 });
    expect(bench.system.tally).toMatchObject({ pins: 2, unpins: 2, tcesLive: 0, tcesWritten: 2, tcesCleared: 2 });
  });

  it('has nothing to do with version 2', () => {
    const bench = Bench.ready();
    expect(bench.container.enable(bench.mm)).toBe(-ENOTTY);
  });
});
