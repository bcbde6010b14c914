import { describe, expect, it } from 'vitest';
import { atcSpan, Smmuv3Flush, type Smmuv3Options } from '../../src/flush/smmuv3.ts';
import { halves } from '../lpae/fixture.ts';
import { CommandRecorder } from './command-recorder.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;

/** An SMMU and what it was told. */
function smmu(options: Partial<Smmuv3Options> = {}): { flush: Smmuv3Flush; told: CommandRecorder; reached: string[] } {
  const told = new CommandRecorder();
  const reached: string[] = [];
  const reach = {
    range: (start: number, end: number) => reached.push(`${start / K4}..${end / K4}`),
    all: () => reached.push('all'),
  };
  const flush = new Smmuv3Flush({ kernel: '7.1', ril: true, smallestPage: K4, ...options }, told, reach);
  return { flush, told, reached };
}

/** A gather of `count` pages from page number `first`. */
function gather(flush: Smmuv3Flush, first: number, count: number, page = K4): void {
  const start = BigInt(first) * 4096n;
  flush.iotlbSync(...halves(start), ...halves(start + BigInt(count * page) - 1n), page);
}

describe('caches of devices (ATS)', () => {
  it.each([
    [8, 11, 4],
    [7, 10, 16],
    [0, 0, 1],
    [5, 5, 1],
    [2 ** 40, 2 ** 40 + 1, 2],
    [2 ** 40 - 1, 2 ** 40, 2 ** 41],
    // The last page of 64 bits.
    [2 ** 52 - 2, 2 ** 52 - 1, 2],
  ])('pages %i to %i make a span of %i pages', (first, last, pages) => {
    const size = (last - first + 1) * K4;
    expect(atcSpan(...halves(BigInt(first) * 4096n), size)).toBe(pages * K4);
  });

  it('take a batch of their own, with a sync of its own: one command for each stream', () => {
    const { flush, told } = smmu({ ats: 3 });
    gather(flush, 7, 4);
    expect([flush.commands, flush.atcCommands, flush.commandSyncs]).toEqual([4, 3, 2]);
    expect(told.named).toEqual([0, 1, 2].map(() => ['ATC_INV', 0n, 16 * K4]));
    gather(flush, 8, 4);
    expect(told.named.at(-1)).toEqual(['ATC_INV', BigInt(8 * K4), 4 * K4]);
    flush.flushAll();
    expect(told.named.at(-1)).toEqual(['ATC_INV']);
    expect([flush.commands, flush.atcCommands, flush.commandSyncs]).toEqual([12, 9, 6]);
    expect([told.commands, told.syncs]).toEqual([12, 6]);
    flush.flushWalk(0, M2, M2, K4);
    expect(told.named.at(-1)).toEqual(['ATC_INV', BigInt(M2), M2]);
  });

  it('of no stream cost nothing', () => {
    const { flush, told } = smmu();
    gather(flush, 7, 4);
    expect([flush.commands, flush.atcCommands, flush.commandSyncs, told.named.length]).toEqual([1, 0, 1, 0]);
  });
});

describe('the erratum that wants a sync in every batch', () => {
  it.each([
    [1, 1],
    [63, 1],
    [64, 2],
    [126, 2],
    [127, 3],
    [511, 9],
  ])('%i commands take %i syncs', (pages, syncs) => {
    const { flush, told } = smmu({ ril: false, forceSync: true });
    gather(flush, 1, pages);
    expect([flush.commands, flush.commandSyncs, told.syncs]).toEqual([pages, syncs, syncs]);
    const without = smmu({ ril: false });
    gather(without.flush, 1, pages);
    expect(without.flush.commandSyncs).toBe(1);
  });

  it('counts the commands to devices in batches of their own', () => {
    const { flush } = smmu({ ril: false, forceSync: true, ats: 100 });
    gather(flush, 1, 64);
    expect([flush.commands, flush.commandSyncs]).toEqual([164, 4]);
  });
});

describe('the parent of nested domains', () => {
  it('takes one command more, unless everything goes anyway', () => {
    const { flush, told } = smmu({ nested: true });
    gather(flush, 1, 33);
    expect([flush.commands, flush.commandSyncs, told.named]).toEqual([3, 1, [['TLBI_NH_ALL']]]);
    flush.flushAll();
    expect([flush.commands, flush.commandSyncs]).toEqual([4, 2]);
    const tooBig = smmu({ nested: true, ril: false });
    gather(tooBig.flush, 1, 512);
    expect([tooBig.flush.commands, tooBig.told.wholeContexts]).toEqual([1, 1]);
    gather(tooBig.flush, 1, 511);
    expect(tooBig.flush.commands).toBe(1 + 512);
  });
});

describe('what is invalidated', () => {
  it('is the range, a page more where a walk flush would end in a reserved encoding, or everything', () => {
    const { flush, reached } = smmu();
    gather(flush, 3, 5);
    flush.flushWalk(0, 0, 33 * K4, K4);
    flush.flushWalk(0, M2, M2, K4);
    flush.flushAll();
    expect(reached).toEqual(['3..8', '0..34', '512..1024', 'all']);
    const without = smmu({ ril: false });
    gather(without.flush, 1, 3);
    gather(without.flush, 1, 600);
    expect(without.reached).toEqual(['1..4', 'all']);
  });
});
