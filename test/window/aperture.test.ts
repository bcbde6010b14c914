import { describe, expect, it } from 'vitest';
import { EADDRINUSE, EBUSY, EINVAL, ENOENT, ENOSPC, ERANGE } from '../../src/base/vocabulary.ts';
import { ConfigRefused, DEFAULT_CONFIG, restrictConfig } from '../../src/lpae/format/config.ts';
import { geometryOf } from '../../src/lpae/format/geometry.ts';
import { addressFrom, addressNumber } from '../../src/window/address.ts';
import { Aperture, united } from '../../src/window/aperture.ts';
import { configFor, requiredBits, savingOf } from '../../src/window/required-range.ts';
import { createRequired, TABLE_LIMIT } from '../../src/window/tce/required-window.ts';
import { Bench, G, group, K4, K64, M16, SECOND, T } from './tce/fixture.ts';

const LIMIT = 2 ** 48;
const NOBODY = (): boolean => false;
const anywhere = (size: number, page = K4) => ({ base: null, size, page, fixed: false });

describe('addresses', () => {
  it('are exact where they are multiples of a page, and stay none where they are not', () => {
    expect(addressNumber('0xfffffffffffff000')).toBe(2 ** 64 - 4096);
    expect(addressNumber('0x800000000000000')).toBe(SECOND);
    for (const text of ['0x800000000000001', '0xfffffffffffff7ff', '0xffffffffffffffff', '0x1001'])
      expect(addressNumber(text) % 4096).not.toBe(0);
    expect(addressNumber('0xffffffffffffffff')).toBeLessThan(2 ** 64);
    expect(addressFrom(-1, -4096)).toBe(2 ** 64 - 4096);
    expect(addressNumber('0x1001')).toBe(4097);
  });
});

describe('the IOVAs of an address space', () => {
  it('are all of them until a window is declared', () => {
    const open = new Aperture(LIMIT, [], false);
    expect([open.check(0, K4), open.check(LIMIT, K4)]).toEqual([0, 0]);
    const none = new Aperture(LIMIT, [], true);
    expect(none.check(0, K4)).toBe(-ERANGE);
    expect(open.create(anywhere(M16))).toMatchObject({ start: 0, end: M16 });
    expect([open.check(M16 - K4, K4), open.check(M16 - K4, 2 * K4), open.check(M16, K4)]).toEqual([
      0,
      -ERANGE,
      -ERANGE,
    ]);
  });

  it('go where they are wanted, else to the lowest free place', () => {
    const aperture = new Aperture(LIMIT, [], true);
    const at = (base: number, fixed = false, size = M16, page = K64) => aperture.create({ base, size, page, fixed });
    expect(at(G + 5)).toMatchObject({ start: G, end: G + M16 });
    expect(at(G)).toMatchObject({ start: 0 });
    expect(at(G, true)).toBe(-EADDRINUSE);
    expect(at(2 * G + 5, true)).toBe(-EADDRINUSE);
    expect(at(2 * G, true, 5)).toMatchObject({ start: 2 * G, end: 2 * G + K64 });
    expect(at(0, false, 0)).toBe(-EINVAL);
    expect(at(0, false, 2 * LIMIT)).toBe(-ENOSPC);
    expect(at(LIMIT, true)).toBe(-EADDRINUSE);
    expect(aperture.create(anywhere(M16))).toMatchObject({ start: M16 });
    expect(aperture.bytes).toBe(3 * M16 + K64);
  });

  it('end with their window, unless something is mapped', () => {
    const aperture = new Aperture(LIMIT, [], true);
    aperture.create(anywhere(M16));
    expect(aperture.remove(K4, NOBODY)).toBe(-ENOENT);
    expect(aperture.remove(0, () => true)).toBe(-EBUSY);
    expect(aperture.remove(0, NOBODY)).toBe(0);
    expect(aperture.check(0, K4)).toBe(-ERANGE);
  });

  it('exclude what a device reserves, which must meet nothing that is needed', () => {
    const aperture = new Aperture(LIMIT, [{ start: 0, end: G }], false);
    expect(aperture.reserve([{ start: G - K4, end: G + K4 }], NOBODY)).toBe(-EADDRINUSE);
    const open = new Aperture(LIMIT, [], false);
    expect(open.reserve([{ start: G, end: G + K64 }], () => true)).toBe(-EADDRINUSE);
    expect(open.reserve([{ start: G, end: G + K64 }], NOBODY)).toBe(0);
    expect([open.check(G - K4, K4), open.check(G - K4, 2 * K4), open.check(G + K64, K4)]).toEqual([0, -EADDRINUSE, 0]);
    expect(open.create({ base: G, size: K64, page: K64, fixed: false })).toMatchObject({ start: 0 });
  });

  it('join ranges that touch', () => {
    const ranges = [
      { start: 8, end: 12 },
      { start: 0, end: 4 },
      { start: 4, end: 8 },
      { start: 20, end: 24 },
    ];
    expect(united(ranges)).toEqual([
      { start: 0, end: 12 },
      { start: 20, end: 24 },
    ]);
  });
});

describe('the smallest configuration for a range', () => {
  const range = (end: number) => [{ start: 0, end }];
  const shape = (changes: object, end: number): string => {
    const { startLevel, pgdSize } = geometryOf(
      restrictConfig(configFor({ ...DEFAULT_CONFIG, ...changes }, range(end))),
    );
    return `L${startLevel}/${pgdSize}`;
  };

  it.each([
    [4 * G, {}, 'L1/32'],
    [T, {}, 'L0/16'],
    [T, { format: 'ARM_64_LPAE_S2', oas: 40 }, 'L1/8192'],
    [2 ** 48, {}, 'L0/4096'],
    [4 * G, { format: 'ARM_MALI_LPAE', oas: 40 }, 'L0/8'],
    [2 ** 42, { pgsizes: 0x20010000, cpuPageSize: 65536 }, 'L2/65536'],
  ] as const)('%d bytes under %o: %s', (end, changes, wanted) => {
    expect(shape(changes, end)).toBe(wanted);
  });

  it('has the bits of the highest end, 25 at least', () => {
    const bits = (end: number): number => requiredBits(range(end), false);
    expect([bits(4 * G), bits(4 * G + K4), bits(T), bits(K4), bits(2 ** 64)]).toEqual([32, 33, 40, 25, 64]);
    expect(requiredBits([{ start: 2 ** 64 - 4 * G, end: 2 ** 64 }], true)).toBe(32);
  });

  it('saves levels and the tables above', () => {
    const saved = (end: number, changes = {}): unknown => {
      const usual = { ...DEFAULT_CONFIG, ...changes };
      return savingOf(usual, configFor(usual, range(end)));
    };
    // 4096 bytes of the start table and a table of level 1 become a start table of 32 bytes.
    expect(saved(4 * G)).toEqual({ levels: 1, bytes: 8192 - 32 });
    expect(saved(T)).toEqual({ levels: 0, bytes: 4096 - 16 });
    expect(saved(2 ** 48)).toEqual({ levels: 0, bytes: 0 });
  });

  it('is refused where the format does not reach', () => {
    expect(() => configFor(DEFAULT_CONFIG, range(2 ** 49))).toThrow(ConfigRefused);
    expect(() => configFor({ ...DEFAULT_CONFIG, format: 'ARM_32_LPAE_S1' }, range(8 * G))).toThrow(ConfigRefused);
  });
});

describe('the smallest window for a range', () => {
  const create = (bench: Bench, start: number, end: number, page: number | null = null, limit = TABLE_LIMIT) =>
    createRequired(bench.container, bench.mm, [{ start, end }], page, limit);

  it('begins at 0 or at 2^59, with pages as large as the alignment and few levels', () => {
    const bench = new Bench();
    bench.container.attach(group(), bench.mm);
    expect(create(bench, 0, 64 * G)).toEqual({ slot: 0, start: 0, pageShift: 24, size: 64 * G, levels: 1 });
    expect(create(bench, SECOND, SECOND + 3 * G + K64)).toEqual({
      slot: 1,
      start: SECOND,
      pageShift: 16,
      size: 4 * G,
      levels: 1,
    });
    // What is there already will do.
    expect(create(bench, G, 2 * G)).toMatchObject({ slot: 0, size: 64 * G });
    expect(bench.system.tally.windowsCreated).toBe(2);
    expect(create(bench, 0, T)).toBe(-ENOSPC);
  });

  it('takes more levels where a table would be too large', () => {
    const levels = (limit: number): unknown => {
      const bench = Bench.ready();
      const made = create(bench, 0, T, K64, limit);
      return typeof made === 'number' ? made : made.levels;
    };
    expect([levels(2 ** 27), levels(TABLE_LIMIT), levels(K64), levels(K64 / 2)]).toEqual([1, 2, 2, -ENOSPC]);
  });

  it('finds none across both halves, without the first, or of pages that there are not', () => {
    const bench = Bench.ready();
    const both = [
      { start: 0, end: G },
      { start: SECOND, end: SECOND + G },
    ];
    expect(createRequired(bench.container, bench.mm, both, null, TABLE_LIMIT)).toBe(-ENOSPC);
    expect(create(bench, SECOND, SECOND + G)).toBe(-ENOSPC);
    expect(create(bench, 0, G, 2 ** 21)).toBe(-ENOSPC);
    expect(create(new Bench(1), 0, G)).toBe(-25);
    expect(create(new Bench(), 0, G)).toBe(-6);
  });

  it('leaves the default window pending when there is no memory for another', () => {
    const bench = new Bench();
    bench.container.attach(group(), bench.mm);
    bench.mm.rlimit = 0;
    expect([create(bench, 0, 64 * G), bench.container.defaultPending]).toEqual([-12, true]);
  });
});
