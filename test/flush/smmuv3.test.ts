import { describe, expect, it } from 'vitest';
import { Smmuv3Flush } from '../../src/flush/smmuv3.ts';
import { halves, joined } from '../lpae/fixture.ts';
import { CommandRecorder } from './command-recorder.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;

describe('range invalidation', () => {
  /** Commands of one callback for a granule: address, leaf, NUM, SCALE, TTL. */
  function commands(smallestPage: number, call: (flush: Smmuv3Flush) => void): (readonly (number | string)[])[] {
    const log = new CommandRecorder();
    call(new Smmuv3Flush({ kernel: '7.1', ril: true, smallestPage }, log));
    return log.ranges.map(({ iova, leaf, num, scale, ttl }) => [iova.toString(16), leaf, num, scale, ttl]);
  }

  it.each([
    [
      2 ** 12,
      [
        [2 ** 12, 3],
        [2 ** 21, 2],
        [2 ** 30, 1],
      ],
    ],
    [
      2 ** 14,
      [
        [2 ** 14, 3],
        [2 ** 25, 2],
      ],
    ],
    [
      2 ** 16,
      [
        [2 ** 16, 3],
        [2 ** 29, 2],
        [2 ** 42, 1],
      ],
    ],
  ] as const)('hints the level of the leaves, granule %i', (granule, sizes) => {
    for (const [size, ttl] of sizes) {
      const [command] = commands(granule, (flush) => flush.iotlbSync(...halves(0), ...halves(size - 1), size));
      expect(command?.at(-1), `pages of ${size}`).toBe(ttl);
    }
  });

  it('makes an odd walk flush one page longer: NUM 0, SCALE 0 without a level hint is reserved', () => {
    expect(commands(K4, (flush) => flush.flushWalk(0, 0, K4, K4))).toEqual([['0', 0, 0, 1, 0]]);
    expect(commands(K4, (flush) => flush.flushWalk(0, 0, 33 * K4, K4))).toEqual([['0', 0, 16, 1, 0]]);
    expect(commands(K4, (flush) => flush.flushWalk(0, 0, 3 * K4, K4))).toEqual([['0', 0, 2, 0, 0]]);
  });

  it('walks upward, low bits of the page count first', () => {
    expect(commands(K4, (flush) => flush.iotlbSync(0, 0xfffff000, ...halves(0xfffff000 + 513 * K4 - 1), K4))).toEqual([
      ['fffff000', 1, 0, 0, 3],
      ['100000000', 1, 0, 9, 3],
    ]);
  });
});

describe('without range invalidation', () => {
  /** Leaves from which 7.1 gives up the whole context: entries of one table. */
  it.each([
    [2 ** 12, 512],
    [2 ** 21, 2 ** 18],
    [2 ** 14, 2048],
    [2 ** 16, 8192],
  ])('7.1 invalidates everything from pages of %i bytes x %i', (page, threshold) => {
    for (const [kernel, count, commands, whole] of [
      ['7.1', threshold - 1, threshold - 1, 0],
      ['7.1', threshold, 1, 1],
      ['6.12', threshold, threshold, 0],
    ] as const) {
      const log = new CommandRecorder();
      const flush = new Smmuv3Flush({ kernel, ril: false, smallestPage: page }, log);
      flush.iotlbSync(0, 0, ...halves(page * count - 1), page);
      expect([flush.commands, log.wholeContexts, flush.commandSyncs], `${kernel}, ${count} pages`).toEqual([
        commands,
        whole,
        1,
      ]);
    }
  });

  it('measures a walk flush in the granule: 2M of 4K pages are the whole context on 7.1, 512 commands on 6.12', () => {
    for (const [kernel, commands] of [
      ['7.1', 1],
      ['6.12', 512],
    ] as const) {
      const flush = new Smmuv3Flush({ kernel, ril: false, smallestPage: K4 }, null);
      flush.flushWalk(0, M2, M2, K4);
      expect(flush.commands, kernel).toBe(commands);
    }
  });

  it('steps by the gathered page', () => {
    const log = new CommandRecorder();
    new Smmuv3Flush({ kernel: '7.1', ril: false, smallestPage: K4 }, log).iotlbSync(0, M2, 0, 3 * M2 - 1, M2);
    expect(log.steps).toEqual([{ iova: joined(0, M2), leaf: 1, step: M2, count: 2 }]);
  });
});

describe.each([true, false])('with range invalidation %s', (ril) => {
  it('issues nothing for a range without pages, as dirty tracking leaves it', () => {
    const flush = new Smmuv3Flush({ kernel: '6.12', ril, smallestPage: K4 }, null);
    flush.iotlbSync(0, 0x1000, 0, 0x1fff, 0);
    expect([flush.commands, flush.commandSyncs]).toEqual([0, 0]);
  });

  it('flushes an address space with one command and one sync', () => {
    const log = new CommandRecorder();
    const flush = new Smmuv3Flush({ kernel: '7.1', ril, smallestPage: K4 }, log);
    flush.flushAll();
    expect([flush.commands, flush.commandSyncs, log.wholeContexts]).toEqual([1, 1, 1]);
  });
});
