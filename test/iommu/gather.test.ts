import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/base/vocabulary.ts';
import type { CommandLog } from '../../src/flush/command-log.ts';
import { NoFlush } from '../../src/flush/none.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import type { TlbLog } from '../../src/iommu/flush-policy.ts';
import { Gather } from '../../src/iommu/gather.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { configFor, halves, joined, makeDomain } from '../lpae/fixture.ts';

const K4 = 0x1000;
const M2 = 0x200000;
const TOP = 2n ** 64n;

/** Keeps gathered pages and syncs as short texts. */
class GatherLog implements TlbLog, CommandLog {
  readonly lines: string[] = [];

  flushWalk(hi: number, lo: number, size: number): void {
    this.lines.push(`walk ${joined(hi, lo).toString(16)} ${size.toString(16)}`);
  }
  addPages(hi: number, lo: number, size: number, count: number): void {
    for (let i = 0; i < count; i++) this.lines.push(addText(joined(hi, lo) + BigInt(i * size), size));
  }
  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    this.lines.push(syncText(joined(startHi, startLo), joined(endHi, endLo), pgsize));
  }
  flushAll(): void {}
  tlbiAddress(): void {}
  tlbiEach(): void {}
  tlbiAll(): void {}
  command(): void {}
  addressed(): void {}
  commandSync(): void {}
}

function addText(iova: bigint, size: number): string {
  return `add ${(iova % TOP).toString(16)} ${size.toString(16)}`;
}

function syncText(start: bigint, end: bigint, pgsize: number): string {
  return `sync ${start.toString(16)}..${end.toString(16)} ${pgsize.toString(16)}`;
}

/** A run of pages: first address, size, count. */
type Pages = readonly [bigint, number, number];

/** What the core makes of runs gathered one after the other and synced at the end. */
function gathered(kernel: Kernel, runs: readonly Pages[]): string[] {
  const log = new GatherLog();
  const tlb = new DomainTlb(kernel, new NoFlush(), log);
  const gather = new Gather();
  for (const [iova, size, count] of runs) tlb.addPages(gather, ...halves(iova % TOP), size, count);
  tlb.sync(gather);
  return log.lines;
}

/** The same page by page in exact arithmetic, as the specification words it (A.4). */
function specified(kernel: Kernel, runs: readonly Pages[]): string[] {
  const lines: string[] = [];
  const empty = { start: TOP - 1n, end: 0n, pgsize: 0 };
  let gather = { ...empty };
  const sync = (): void => {
    if (kernel === '6.12' || gather.start < gather.end) lines.push(syncText(gather.start, gather.end, gather.pgsize));
    gather = { ...empty };
  };
  for (const [first, size, count] of runs) {
    for (let i = 0; i < count; i++) {
      const iova = (first + BigInt(i * size)) % TOP;
      lines.push(addText(iova, size));
      const disjoint =
        gather.end !== 0n && ((iova + BigInt(size)) % TOP < gather.start || iova > (gather.end + 1n) % TOP);
      if ((gather.pgsize !== 0 && gather.pgsize !== size) || disjoint) sync();
      const last = (iova + BigInt(size) - 1n) % TOP;
      gather.pgsize = size;
      if (iova < gather.start) gather.start = iova;
      if (last > gather.end) gather.end = last;
    }
  }
  sync();
  return lines;
}

describe('what merges in a gather', () => {
  const syncs = (kernel: Kernel, ...runs: Pages[]): string[] =>
    gathered(kernel, runs).filter((line) => line.startsWith('sync'));

  it.each(['7.1', '6.12'] as const)('neighbours on either side and overlaps, %s', (kernel) => {
    expect(syncs(kernel, [0x10000n, K4, 1], [0x11000n, K4, 1])).toEqual(['sync 10000..11fff 1000']);
    expect(syncs(kernel, [0x11000n, K4, 1], [0x10000n, K4, 1])).toEqual(['sync 10000..11fff 1000']);
    expect(syncs(kernel, [0x10000n, K4, 4], [0x12000n, K4, 1])).toEqual(['sync 10000..13fff 1000']);
  });

  it.each(['7.1', '6.12'] as const)('not what lies apart, %s', (kernel) => {
    expect(syncs(kernel, [0x10000n, K4, 1], [0x12000n, K4, 1])).toEqual([
      'sync 10000..10fff 1000',
      'sync 12000..12fff 1000',
    ]);
    expect(syncs(kernel, [0x12000n, K4, 1], [0x10000n, K4, 1])).toEqual([
      'sync 12000..12fff 1000',
      'sync 10000..10fff 1000',
    ]);
  });

  it.each(['7.1', '6.12'] as const)('not pages of another size, %s', (kernel) => {
    expect(
      gathered(kernel, [
        [0x1ff000n, K4, 1],
        [0x200000n, M2, 1],
        [0x400000n, K4, 1],
      ]),
    ).toEqual([
      'add 1ff000 1000',
      'add 200000 200000',
      'sync 1ff000..1fffff 1000',
      'add 400000 1000',
      'sync 200000..3fffff 200000',
      'sync 400000..400fff 1000',
    ]);
  });

  it('counts a range that ends at the top of the address space as apart from everything', () => {
    // end + 1 wraps to 0, and so does the end of the last page.
    const last = TOP - BigInt(K4);
    expect(syncs('7.1', [last, K4, 1], [last - BigInt(K4), K4, 1])).toHaveLength(2);
    expect(syncs('7.1', [last - BigInt(K4), K4, 2])).toEqual([
      `sync ${(last - BigInt(K4)).toString(16)}..${(last - 1n).toString(16)} 1000`,
      `sync ${last.toString(16)}..${(TOP - 1n).toString(16)} 1000`,
    ]);
  });

  it.each(['7.1', '6.12'] as const)('as exact arithmetic says, on random runs, %s', (kernel) => {
    let state = 7;
    const random = (limit: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    for (let i = 0; i < 2000; i++) {
      // A third of the runs lie around the top of the address space, where the arithmetic wraps.
      const base = random(3) === 0 ? TOP - BigInt(4 * M2) : BigInt(random(4) * M2);
      const runs = Array.from({ length: 1 + random(5) }, (): Pages => {
        const size = random(3) === 0 ? M2 : K4;
        const offset = size === M2 ? random(4) * M2 : 3 * M2 + (496 + random(16)) * K4;
        return [base + BigInt(offset), size, 1 + random(4)];
      });
      expect(
        gathered(kernel, runs),
        JSON.stringify(runs.map(([iova, ...rest]) => [iova.toString(16), ...rest])),
      ).toEqual(specified(kernel, runs));
    }
  });
});

describe('the end of a gather', () => {
  it('reaches the driver on 7.1 only with a range, on 6.12 always', () => {
    expect(gathered('7.1', [])).toEqual([]);
    expect(gathered('6.12', [])).toEqual(['sync ffffffffffffffff..0 0']);
  });

  it.each(['7.1', '6.12'] as const)('forgets everything, the queued mark too, %s', (kernel) => {
    const gather = new Gather();
    const tlb = new DomainTlb(kernel, new NoFlush(), null);
    tlb.addPages(gather, 0, K4, K4, 1);
    gather.queued = true;
    tlb.sync(gather);
    expect(gather).toEqual(new Gather());
  });
});

describe.each(['7.1', '6.12'] as const)('iommu_unmap, %s', (kernel) => {
  const page = (table: Parameters<typeof mapPages>[0], iova: number, size = K4): void => {
    expect(mapPages(table, ...halves(iova), ...halves(0x80000000 + iova), size, 1, 3)).toBe(0);
  };

  it('stops at the first hole and leaves what lies behind it', () => {
    const log = new GatherLog();
    const { table, domain } = makeDomain(configFor(kernel), { log });
    for (const iova of [0x10000, 0x11000, 0x13000]) page(table, iova);
    expect(domain.unmap(0, 0x10000, 4 * K4)).toBe(2 * K4);
    expect(log.lines).toEqual(['add 10000 1000', 'add 11000 1000', 'sync 10000..11fff 1000']);
    expect(domain.unmap(0, 0x13000, K4)).toBe(K4);
  });

  it('gathers and syncs nothing for a queued unmap, but flushes walk caches at once', () => {
    const log = new GatherLog();
    const { table, domain } = makeDomain(configFor(kernel), { log });
    for (const iova of [M2 - K4, M2, M2 + K4]) page(table, iova);
    expect(domain.unmapQueued(0, M2 - K4, M2 + K4)).toBe(M2 + K4);
    expect(log.lines).toEqual([`walk ${M2.toString(16)} ${M2.toString(16)}`]);
  });

  it('widens an empty gather over the whole request on 7.1 only', () => {
    const { table, domain } = makeDomain(configFor(kernel));
    for (const iova of [M2 - K4, 2 * M2]) page(table, iova);
    page(table, M2, M2);
    const gather = new Gather();
    gather.queued = true;
    const size = M2 + 2 * K4;
    expect(domain.unmapInto(0, M2 - K4, size, gather)).toBe(size);
    const got = [joined(gather.startHi, gather.startLo), joined(gather.endHi, gather.endLo), gather.pgsize];
    expect(got).toEqual(kernel === '7.1' ? [BigInt(M2 - K4), BigInt(M2 - K4 + size - 1), 0] : [TOP - 1n, 0n, 0]);
    expect(gather.queued).toBe(true);
  });

  it('does not widen after a call that removed nothing', () => {
    const { domain } = makeDomain(configFor(kernel));
    const gather = new Gather();
    expect(domain.unmapInto(0, M2, M2, gather)).toBe(0);
    expect(gather).toEqual(new Gather());
  });
});
