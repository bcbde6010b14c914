/** Shared tables must mean what tables of their own mean, whatever is mapped and unmapped over them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROT_CONTIG } from '../../../src/base/extended-prot.ts';
import type { Format, PartialUnmap } from '../../../src/base/vocabulary.ts';
import type { IommuDomain } from '../../../src/iommu/domain.ts';
import * as C from '../../../src/lpae/counters.ts';
import { ADDRESS_HI_MASK, ADDRESS_LO_MASK } from '../../../src/lpae/format/descriptor.ts';
import { iovaToPhys } from '../../../src/lpae/lookup.ts';
import { iovaHiAt, iovaLoAt } from '../../../src/lpae/offsets.ts';
import type { PageTable } from '../../../src/lpae/page-table.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import { censusOf } from '../../../src/stats/census.ts';
import { configFor, makeDomain, type TestDomain } from '../fixture.ts';
import { linksByForce, mapAt, physical, RW, repeatAt, unmapAt } from './repeat-fixture.ts';

const SEED = 20261121;

interface Shape {
  readonly name: string;
  readonly format: Format;
  readonly pgsizes: number;
  readonly granule: number;
  readonly coherent: boolean;
  readonly partialUnmap: PartialUnmap;
}

const shape = (
  name: string,
  format: Format,
  bits: readonly number[],
  coherent = true,
  partialUnmap: PartialUnmap = 'refuse',
): Shape => ({
  name,
  format,
  pgsizes: bits.reduce((sum, bit) => sum + 2 ** bit, 0),
  granule: 2 ** bits[0],
  coherent,
  partialUnmap,
});

const SHAPES: readonly Shape[] = [
  shape('4K', 'ARM_64_LPAE_S1', [12, 21, 30]),
  shape('4K, non-coherent', 'ARM_64_LPAE_S1', [12, 21, 30], false),
  shape('Mali without 1G', 'ARM_MALI_LPAE', [12, 21]),
  shape('4K alone', 'ARM_64_LPAE_S2', [12]),
  shape('4K, splitting blocks', 'ARM_64_LPAE_S1', [12, 21, 30], true, 'split'),
  shape('4K, removing whole blocks', 'ARM_64_LPAE_S1', [12, 21, 30], false, 'whole'),
  shape('16K', 'ARM_64_LPAE_S1', [14, 25]),
  shape('64K', 'ARM_64_LPAE_S1', [16, 29]),
];

function domainOf({ format, pgsizes, granule, coherent, partialUnmap }: Shape): TestDomain {
  const ias = format === 'ARM_64_LPAE_S1' ? 48 : 40;
  return makeDomain(configFor('7.1', { format, pgsizes, coherent, cpuPageSize: granule, ias, oas: 40, partialUnmap }));
}

/** Every entry at every address, as numbers; of links all bits but the address, or with `leaves` none. */
function numbers(table: PageTable, leaves: boolean): number[] {
  const list: number[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (kid === 0) list.push(level, iovaHi, iovaLo, pteHi, pteLo);
    else if (!leaves) list.push(level, iovaHi, iovaLo, pteHi & ~ADDRESS_HI_MASK, pteLo & ~ADDRESS_LO_MASK);
    return true;
  });
  return list;
}

function expectSame(shared: PageTable, plain: PageTable, leaves: boolean): void {
  const a = numbers(shared, leaves);
  const b = numbers(plain, leaves);
  expect(a.length).toBe(b.length);
  const at = a.findIndex((value, i) => value !== b[i]);
  if (at >= 0) expect(a.slice(at - (at % 5), at - (at % 5) + 5)).toEqual(b.slice(at - (at % 5), at - (at % 5) + 5));
  expect(shared.counters[C.MAPPED_BYTES]).toBe(plain.counters[C.MAPPED_BYTES]);
}

/** What must hold of shared tables at any time. */
function expectSound({ table }: TestDomain): void {
  const { sharing, counters } = table;
  for (const [slot, links] of linksByForce(table)) expect(sharing?.of(slot) ?? 1).toBe(links);
  expect(sharing?.tables ?? 0).toBe([...linksByForce(table).values()].filter((links) => links > 1).length);
  const { tables, leaves } = physical(table);
  expect(counters[C.TABLES_LIVE]).toBe(tables.reduce((sum, count) => sum + count));
  expect(counters[C.LEAVES_WRITTEN] - counters[C.LEAVES_CLEARED]).toBe(leaves);
  const census = censusOf(table);
  expect(census.tables).toEqual(tables);
  expect(census.leaves.reduce((sum, count) => sum + count)).toBe(leaves);
}

/** A repeat mapping in pages of the granule: where it starts, how long a run is, how often it is mapped. */
interface Mapping {
  readonly start: number;
  readonly length: number;
  readonly times: number;
  readonly paddr: number;
  /** Runs get the contiguous hint, where there is one. */
  readonly contig: boolean;
}

/** Windows of pages, or runs with blocks in them. */
function mappings({ granule, pgsizes }: Shape): fc.Arbitrary<Mapping> {
  const entries = granule / 8;
  const block = entries;
  const near = fc.integer({ min: -2, max: 2 });
  const pages = fc
    .record({
      window: fc.nat({ max: 2 }),
      off: near,
      length: fc.constantFrom(1, 1, 2, 3, 5, 16, entries / 2, entries / 2 + 1, entries - 1),
      windows: fc.nat({ max: 3 }),
      more: fc.nat({ max: 3 }),
      paddr: fc.nat({ max: 7 }),
      contig: fc.boolean(),
    })
    .map(({ window, off, length, windows, more, paddr, contig }) => ({
      contig,
      start: Math.max(0, window * entries + off),
      length,
      times: Math.max(1, Math.ceil((windows * entries) / length) + more),
      paddr: 4 * entries + paddr,
    }));
  if (Math.floor(pgsizes / granule) === 1) return pages;
  const blocks = fc
    .record({
      start: fc.constantFrom(0, block, 2 * block, entries * block - 2 * block, 3),
      length: fc.constantFrom(block, 2 * block, 3 * block, block + block / 2, block + 1),
      windows: fc.integer({ min: 1, max: 600 }),
      paddr: fc.constantFrom(0, 1, block),
      contig: fc.boolean(),
    })
    .map(({ start, length, windows, paddr, contig }) => ({
      contig,
      start,
      length,
      // Runs that are mapped by pages alone, and so many of them, would take too long without sharing.
      times: length % block === 0 && start % block === 0 && paddr % block === 0 ? windows : 1 + (windows % 5),
      paddr: 4 * block + paddr,
    }));
  return fc.oneof(pages, pages, blocks);
}

/** An operation inside or around a mapping: where it begins and ends, in thousandths of it, and pages away from there. */
interface Change {
  readonly kind: 'unmap' | 'map' | 'mapBlock' | 'lookUp';
  readonly from: number;
  readonly off: number;
  readonly length: number;
  readonly round: boolean;
}

const changes: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('unmap', 'unmap', 'unmap', 'map', 'mapBlock', 'lookUp'),
  from: fc.nat({ max: 1000 }),
  off: fc.integer({ min: -1, max: 1 }),
  length: fc.nat({ max: 1000 }),
  round: fc.boolean(),
});

function apply(domain: IommuDomain, { granule }: Shape, { start, length, times }: Mapping, change: Change): number[] {
  const total = length * times;
  const block = granule / 8;
  const whole = change.round || change.kind === 'mapBlock';
  const grid = whole ? block : 1;
  const at = Math.max(0, Math.round((start + (change.from * total) / 1000) / grid) * grid + (whole ? 0 : change.off));
  const pages = Math.max(grid, Math.round((change.length * total) / 4000 / grid) * grid);
  const iova = at * granule;
  switch (change.kind) {
    case 'unmap':
      return [unmapAt(domain, iova, pages * granule)];
    case 'map':
      return [mapAt(domain, iova, 0x4000_0000 + iova, Math.min(pages, 3) * granule)];
    case 'mapBlock':
      return [mapAt(domain, iova, 0x4000_0000 + iova, block * granule)];
    case 'lookUp': {
      const { table } = domain;
      const found = iovaToPhys(table, iovaHiAt(table, iova), iovaLoAt(table, iova));
      return [Number(found), table.foundHi, table.foundLo];
    }
  }
}

/** The protection of a mapping: with the hint where the format has one. */
function protOf({ format }: Shape, { contig }: Mapping): number {
  return RW | (contig && format !== 'ARM_MALI_LPAE' ? PROT_CONTIG : 0);
}

function bothRepeated(kind: Shape, mapping: Mapping): { plain: TestDomain; shared: TestDomain } {
  const plain = domainOf(kind);
  const shared = domainOf(kind);
  const { granule } = kind;
  const { start, length, times, paddr } = mapping;
  const prot = protOf(kind, mapping);
  const args = [start * granule, length * times * granule, paddr * granule, length * granule, { prot }] as const;
  const a = repeatAt(plain.domain, 'plain', ...args);
  const b = repeatAt(shared.domain, 'shared', ...args);
  expect([b.ret, b.mapped]).toEqual([a.ret, a.mapped]);
  return { plain, shared };
}

function end(...all: readonly TestDomain[]): void {
  for (const { table } of all) {
    table.destroy();
    const { counters } = table;
    expect([counters[C.TABLES_LIVE], counters[C.MAPPED_BYTES]]).toEqual([0, 0]);
    expect(counters[C.LEAVES_CLEARED]).toBe(counters[C.LEAVES_WRITTEN]);
    expect(counters[C.BYTES_OCCUPIED]).toBe(0);
  }
}

describe.each(SHAPES)('shared tables, $name', (kind) => {
  const runs = kind.granule > 16384 ? 12 : 50;

  it('expand to tables of their own, entry for entry', () => {
    fc.assert(
      fc.property(mappings(kind), (mapping) => {
        const { plain, shared } = bothRepeated(kind, mapping);
        expectSame(shared.table, plain.table, false);
        expectSound(shared);
        end(plain, shared);
      }),
      { seed: SEED, numRuns: runs },
    );
  });

  it('stay the same through unmaps and maps', () => {
    fc.assert(
      fc.property(mappings(kind), fc.array(changes, { minLength: 1, maxLength: 12 }), (mapping, list) => {
        const { plain, shared } = bothRepeated(kind, mapping);
        for (const change of list) {
          expect(apply(shared.domain, kind, mapping, change)).toEqual(apply(plain.domain, kind, mapping, change));
          expectSound(shared);
        }
        expectSame(shared.table, plain.table, true);
        end(plain, shared);
      }),
      { seed: SEED + 1, numRuns: runs },
    );
  });

  it('can be made beside others, and where others were', () => {
    fc.assert(
      fc.property(
        mappings(kind),
        fc.array(changes, { maxLength: 3 }),
        mappings(kind),
        fc.boolean(),
        (mapping, list, other, whole) => {
          const { plain, shared } = bothRepeated(kind, mapping);
          for (const change of list) {
            for (const { domain } of [plain, shared]) apply(domain, kind, mapping, change);
          }
          const { granule } = kind;
          if (whole) {
            // What the unmap leaves of tables is in the way of the next mapping.
            for (
              let page = mapping.start;
              page < mapping.start + mapping.length * mapping.times;
              page += granule / 16
            ) {
              const size = (granule / 16) * granule;
              for (const { domain } of [plain, shared]) unmapAt(domain, page * granule, size);
            }
          }
          const { start, length, times, paddr } = other;
          const prot = protOf(kind, other);
          const args = [
            start * granule,
            length * times * granule,
            paddr * granule,
            length * granule,
            { prot },
          ] as const;
          const rets = [plain, shared].map(({ domain }, i) => repeatAt(domain, i === 0 ? 'plain' : 'shared', ...args));
          expectSound(shared);
          // A plain one that fails may have replaced tables by blocks before that.
          const pages = length < granule / 8 || rets[0].ret === 0;
          if (pages) {
            expect([rets[1].ret, rets[1].mapped]).toEqual([rets[0].ret, rets[0].mapped]);
            expectSame(shared.table, plain.table, true);
          }
          end(plain, shared);
        },
      ),
      { seed: SEED + 5, numRuns: runs },
    );
  });

  it('are whole or as before when a page cannot be had', () => {
    fc.assert(
      fc.property(mappings(kind), changes, fc.integer({ min: 1, max: 7 }), (mapping, change, nth) => {
        const { plain, shared } = bothRepeated(kind, mapping);
        shared.table.failAllocIn = nth;
        const unmap = { ...change, kind: 'unmap' as const };
        const [bytes] = apply(shared.domain, kind, mapping, unmap);
        shared.table.failAllocIn = 0;
        expectSound(shared);
        const [asked] = apply(plain.domain, kind, mapping, unmap);
        if (bytes === asked) expectSame(shared.table, plain.table, true);
        else {
          // A short count: exactly so many bytes from the start have gone.
          expect(bytes).toBeLessThan(asked);
          expect(plain.table.counters[C.MAPPED_BYTES] + asked - bytes).toBe(shared.table.counters[C.MAPPED_BYTES]);
        }
        end(plain, shared);
      }),
      { seed: SEED + 2, numRuns: runs },
    );
  });

  it('leave nothing behind when a page for them cannot be had', () => {
    fc.assert(
      fc.property(mappings(kind), fc.integer({ min: 1, max: 9 }), fc.boolean(), (mapping, nth, reserve) => {
        const made = domainOf(kind);
        const { granule } = kind;
        const { start, length, times, paddr } = mapping;
        made.table.failAllocIn = nth;
        const size = length * times * granule;
        const { ret, mapped } = repeatAt(
          made.domain,
          'shared',
          start * granule,
          size,
          paddr * granule,
          length * granule,
          { reserve },
        );
        if (ret === 0) expect(mapped).toBe(size);
        else {
          expect([ret, mapped, made.table.counters[C.TABLES_LIVE]]).toEqual([-12, 0, 1]);
          expect(numbers(made.table, false)).toEqual([]);
        }
        expectSound(made);
        end(made);
      }),
      { seed: SEED + 3, numRuns: runs },
    );
  });

  it('refuse a repeat over what is mapped and change nothing', () => {
    fc.assert(
      fc.property(mappings(kind), fc.nat({ max: 1000 }), (mapping, where) => {
        const made = domainOf(kind);
        const { granule } = kind;
        const { start, length, times, paddr } = mapping;
        const at = (start + Math.floor((where * (length * times - 1)) / 1000)) * granule;
        mapAt(made.domain, at, 0, granule);
        const before = numbers(made.table, false);
        const size = length * times * granule;
        const { ret } = repeatAt(made.domain, 'shared', start * granule, size, paddr * granule, length * granule);
        // Blocks replace tables with all that is below, as they do in a map.
        if (ret === 0) expect(length * granule).toBeGreaterThanOrEqual((granule / 8) * granule);
        else {
          expect(ret).toBe(-17);
          expect(numbers(made.table, false)).toEqual(before);
        }
        expectSound(made);
        end(made);
      }),
      { seed: SEED + 4, numRuns: runs },
    );
  });
});
