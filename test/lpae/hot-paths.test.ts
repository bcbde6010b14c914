import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addHi, addLo } from '../../src/base/u64.ts';
import { Gather } from '../../src/iommu/gather.ts';
import * as C from '../../src/lpae/counters.ts';
import { ConfigRefused, type PgtableConfig } from '../../src/lpae/format/config.ts';
import { unpackHi, unpackLo } from '../../src/lpae/format/descriptor.ts';
import { LAST_LEVEL } from '../../src/lpae/format/geometry.ts';
import { iovaToPhys, walkPageTable } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { iovaHiAt, iovaLoAt } from '../../src/lpae/offsets.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { expectEqual, expectSame } from '../same.ts';
import { configFor, joined, makeDomain, type TestDomain, treeLines } from './fixture.ts';
import { abstractOps, concreteOp, configs, type Op } from './random-ops.ts';

/*
 * Single pages, and walks of the shapes that are spelled out, go by ways of their own for speed. Here they are held against the
 * plain ways: a walk that computes every index, a run of pages.
 */

function domainOrNull(config: PgtableConfig): TestDomain | null {
  try {
    return makeDomain(config);
  } catch (error) {
    if (error instanceof ConfigRefused) return null;
    throw error;
  }
}

/** Slot of the last-level table by a walk over all levels, 0 where it ends above. */
function plainLastTable(table: PageTable, hi: number, lo: number): number {
  let slot = table.root;
  for (let level = table.startLevel; level < LAST_LEVEL && slot !== 0; level++)
    slot = table.memory.kid[slot + table.indexAt(level, hi, lo)];
  return slot;
}

/** Where the walk of all entries ends, as an address; null where nothing is mapped. */
function plainLookup(table: PageTable, hi: number, lo: number): bigint | null {
  const { entries, last, leaf } = walkPageTable(table, hi, lo);
  if (!leaf) return null;
  const { memory, granule64K } = table;
  const pteLo = memory.lo[entries[last]];
  const base = joined(unpackHi(memory.hi[entries[last]], pteLo, granule64K), unpackLo(pteLo, granule64K));
  return base | (joined(hi, lo) & (BigInt(table.sizes[last]) - 1n));
}

function perform({ table, domain }: TestDomain, op: Op): void {
  const { kind, iova, paddr, pgsize, count, prot, gather } = op;
  const [hi, lo] = [iovaHiAt(table, iova), iovaLoAt(table, iova)];
  const [toHi, toLo] = [addHi(0, 0, paddr), addLo(0, paddr)];
  if (kind === 'map') domain.map(hi, lo, toHi, toLo, pgsize * count, prot);
  else if (kind === 'mapPages') mapPages(table, hi, lo, toHi, toLo, pgsize, count, prot);
  else if (kind === 'unmap' && gather === 'queued') domain.unmapQueued(hi, lo, pgsize * count);
  else if (kind === 'unmap') domain.unmap(hi, lo, pgsize * count);
  else if (kind === 'unmapPages') domain.unmapPages(hi, lo, pgsize, count);
}

describe('walks', () => {
  it('find the table, the entry and the address that a walk over all levels finds, whatever came and went', () => {
    let found = 0;
    let pages = 0;
    fc.assert(
      fc.property(
        configs(['refuse', 'split', 'whole']),
        fc.array(abstractOps, { minLength: 1, maxLength: 24 }),
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (config, abstract, random) => {
          const built = domainOrNull(config);
          if (built === null) return;
          const { table } = built;
          const sizes = [LAST_LEVEL, 2, 1].filter((level) => table.acceptsPgsize(table.sizes[level]));
          const { ias, oas } = table.config;
          const ops = abstract.map((op) =>
            concreteOp(
              op,
              sizes.map((level) => table.sizes[level]),
              ias,
              oas,
            ),
          );
          const places = [...ops.map(({ iova }) => iova), ...random.map((part) => Math.floor(part * 2 ** ias))];
          for (const op of ops) {
            perform(built, op);
            for (const place of places) {
              const at = place - (place % table.granule) + ((9001 * op.count + 5) % table.granule);
              const [hi, lo] = [iovaHiAt(table, at), iovaLoAt(table, at)];
              const last = plainLastTable(table, hi, lo);
              expectSame(table.lastTable(hi, lo), last);
              expectSame(table.lastTable(hi | 0, lo | 0), last);
              expectSame(table.pageIndex(lo), table.indexAt(LAST_LEVEL, hi, lo));
              const address = plainLookup(table, hi, lo);
              expectSame(iovaToPhys(table, hi | 0, lo | 0) ? joined(table.foundHi, table.foundLo) : null, address);
              if (address !== null) found++;
              if (last !== 0) pages++;
            }
          }
        },
      ),
      { seed: 20, numRuns: 300 },
    );
    // Not a test of empty tables.
    expect(Math.min(found, pages)).toBeGreaterThan(2000);
  });
});

/** Counters that must not depend on how pages were cut into calls. */
const SAME = [C.TABLE_ALLOCS, C.TABLES_LIVE, C.MAPPED_BYTES, C.MAPPED_BYTES_PEAK, C.LEAVES_WRITTEN] as const;
const AND_CLEARED = [...SAME, C.LEAVES_CLEARED, C.ADD_PAGES, C.WARNS, C.FLUSH_WALKS] as const;

describe('single pages', () => {
  it('come to what a run of them comes to: descriptors, live entries, counters, what is gathered', () => {
    fc.assert(
      fc.property(
        configs(['refuse']),
        fc.record({ from: fc.nat({ max: 600 }), pages: fc.integer({ min: 1, max: 40 }), prot: fc.nat({ max: 63 }) }),
        fc.record({ skip: fc.nat({ max: 40 }), pages: fc.integer({ min: 1, max: 40 }) }),
        fc.boolean(),
        (config, map, unmap, queued) => {
          const [one, run] = [domainOrNull(config), domainOrNull(config)];
          if (one === null || run === null) return;
          const { granule, tableEntries } = run.table;
          // Within one table, as a raw call is.
          const first = map.from % Math.min(tableEntries, run.table.pgdEntries * tableEntries);
          const pages = Math.min(map.pages, tableEntries - first, 2 ** run.table.config.ias / granule - first);
          if (pages < 1) return;
          const prot = map.prot | 1;
          const call = (table: PageTable, page: number, count: number): number =>
            mapPages(
              table,
              iovaHiAt(table, page * granule),
              iovaLoAt(table, page * granule),
              0,
              page * granule,
              granule,
              count,
              prot,
            );
          expectSame(call(run.table, first, pages), 0);
          for (let i = 0; i < pages; i++) expectSame(call(one.table, first + i, 1), 0);
          expectSameTables(one.table, run.table, SAME);

          const from = first + (unmap.skip % pages);
          const gone = Math.min(unmap.pages, first + pages - from);
          const [ofOne, ofRun] = [new Gather(), new Gather()];
          ofOne.queued = queued;
          ofRun.queued = queued;
          const cut = (table: PageTable, page: number, count: number, gather: Gather): number =>
            unmapPages(table, iovaHiAt(table, page * granule), iovaLoAt(table, page * granule), granule, count, gather);
          expectSame(cut(run.table, from, gone, ofRun), gone * granule);
          for (let i = 0; i < gone; i++) expectSame(cut(one.table, from + i, 1, ofOne), granule);
          expectSameTables(one.table, run.table, AND_CLEARED);
          expectEqual(ofOne, ofRun);
        },
      ),
      { seed: 21, numRuns: 300 },
    );
  });

  it('are refused as runs are: mapped twice, unmapped twice, and nothing changes', () => {
    const { table } = makeDomain(configFor('7.1'));
    expect(mapPages(table, 0x7f00, 0x5000, 0, 0x9000, 4096, 1, 3)).toBe(0);
    const before = treeLines(table);
    expect(mapPages(table, 0x7f00, 0x5000, 0, 0xa000, 4096, 1, 3)).toBe(-17);
    expect(table.mapped).toBe(0);
    expect(treeLines(table)).toEqual(before);
    expect(unmapPages(table, 0x7f00, 0x5000, 4096, 1, null)).toBe(4096);
    expect(unmapPages(table, 0x7f00, 0x5000, 4096, 1, null)).toBe(0);
    expect(table.counters[C.WARN_BY_PLACE + C.WARN_ALREADY_MAPPED]).toBe(1);
    expect(table.counters[C.WARN_BY_PLACE + C.WARN_NOT_MAPPED]).toBe(1);
  });

  it('clean the cache once each where walks do not snoop', () => {
    const { table } = makeDomain(configFor('7.1', { coherent: false }));
    mapPages(table, 0, 0x5000, 0, 0x9000, 4096, 1, 3);
    const before = table.counters[C.PT_SYNCS];
    mapPages(table, 0, 0x6000, 0, 0xa000, 4096, 1, 3);
    expect(table.counters[C.PT_SYNCS]).toBe(before + 1);
    unmapPages(table, 0, 0x6000, 4096, 1, null);
    expect(table.counters[C.PT_SYNCS]).toBe(before + 2);
  });
});

/** The same leaves, tables in the same places with as many live entries, the same in `counters`. */
function expectSameTables(one: PageTable, run: PageTable, counters: readonly number[]): void {
  expectEqual(shapeOf(one), shapeOf(run));
  for (const counter of counters) expectSame(one.counters[counter], run.counters[counter], `counter ${counter}`);
}

/** Every entry of a tree, and the live entries of the table that holds it; `makeDomain` places the tables of both trees alike. */
function shapeOf(table: PageTable): string[] {
  const lines = treeLines(table);
  visitEntries(table, (entry) => {
    lines.push(`L${entry.level} ${entry.index} of ${table.memory.liveOf(entry.table)}`);
    return true;
  });
  return lines;
}
