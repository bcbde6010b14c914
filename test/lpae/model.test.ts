/** The engine and the IOMMU core against a plain Map of pages, over all configurations. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KernelAllocator } from '../../src/allocator/kernel.ts';
import { bitmapSizes, sizesBitmap } from '../../src/base/sizes.ts';
import { TWO_32 } from '../../src/base/u64.ts';
import { NoFlush } from '../../src/flush/none.ts';
import { IommuDomain } from '../../src/iommu/domain.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import * as C from '../../src/lpae/counters.ts';
import { ConfigRefused, type PgtableConfig, restrictConfig } from '../../src/lpae/format/config.ts';
import { unpackHi, unpackLo } from '../../src/lpae/format/descriptor.ts';
import { blockSize, geometryOf } from '../../src/lpae/format/geometry.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../src/lpae/table/memory.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { censusOf } from '../../src/stats/census.ts';
import { type ModelLeaf, PageMapModel } from './page-map-model.ts';
import { abstractOps, concreteOp, configs, type Op } from './random-ops.ts';

/** Attribute bits of a leaf: all but the type and the address. */
const ATTRIBUTES = 0xffff_0000_0000_0ffcn;

let memory = new TableMemory(1024);

/** The engine beside the model. Addresses below are offsets; the engine's stand in the upper half under TTBR1. */
class Subject {
  readonly domain: IommuDomain;
  readonly table: PageTable;
  readonly model: PageMapModel;
  readonly sizes: readonly number[];
  readonly #upperHalf: boolean;

  /** Throws ConfigRefused. */
  constructor(config: PgtableConfig) {
    const tlb = new DomainTlb(config.kernel, new NoFlush(), null);
    this.table = new PageTable(config, memory, new KernelAllocator(), tlb, defaultPlacement());
    this.domain = new IommuDomain(this.table, tlb);
    this.sizes = bitmapSizes(this.table.config.pgsizes);
    this.#upperHalf = config.quirks.includes('TTBR1');
    this.model = new PageMapModel({
      config,
      sizes: this.sizes,
      startLevel: this.table.startLevel,
      entries: this.table.tableEntries,
      rootEntries: this.table.pgdEntries,
    });
  }

  iova(offset: number): [number, number] {
    const { ias } = this.table.config;
    const hi = Math.floor(offset / TWO_32);
    const lo = offset >>> 0;
    if (!this.#upperHalf) return [hi, lo];
    return ias >= 32 ? [(hi | (ias === 32 ? -1 : -1 << (ias - 32))) >>> 0, lo] : [0xffffffff, (lo | (-1 << ias)) >>> 0];
  }

  /** Performs an operation on both; the answers. */
  run(op: Op): { engine: unknown; model: unknown } {
    const { domain, table, model } = this;
    const at = this.iova(op.iova);
    const to = [Math.floor(op.paddr / TWO_32), op.paddr >>> 0] as const;
    const bytes = op.pgsize * op.count;
    // Requests past the end of the address space reach the kernel's range check, which the model does without.
    const beyond = op.iova + bytes > 2 ** table.config.ias || op.paddr + bytes > 2 ** table.config.oas;
    if (beyond && op.kind !== 'lookUp') return { engine: null, model: null };
    switch (op.kind) {
      case 'map':
        return {
          engine: domain.map(...at, ...to, bytes, op.prot),
          model: model.map(op.iova, op.paddr, bytes, op.prot),
        };
      case 'unmap': {
        const engine = op.gather === 'queued' ? domain.unmapQueued(...at, bytes) : domain.unmap(...at, bytes);
        return { engine, model: model.unmap(op.iova, bytes) };
      }
      case 'mapPages': {
        const ret = mapPages(table, ...at, ...to, op.pgsize, op.count, op.prot);
        const { mapped } = table;
        return { engine: { ret, mapped }, model: model.mapPages(op.iova, op.paddr, op.pgsize, op.count, op.prot) };
      }
      case 'unmapPages': {
        const engine =
          op.gather === 'none'
            ? unmapPages(table, ...at, op.pgsize, op.count, null)
            : domain.unmapPagesSynced(...at, op.pgsize, op.count);
        return { engine, model: model.unmapPages(op.iova, op.pgsize, op.count) };
      }
      default:
        return { engine: this.physical(op.iova), model: model.physical(op.iova) };
    }
  }

  physical(offset: number): number | null {
    const found = iovaToPhys(this.table, ...this.iova(offset));
    return found ? this.table.foundHi * TWO_32 + this.table.foundLo : null;
  }

  /** All leaves of the tree in ascending order. */
  leaves(): string[] {
    const { table } = this;
    const { granule, granule64K } = table;
    const leaves: string[] = [];
    const [baseHi, baseLo] = this.iova(0);
    visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
      if (kid !== 0) return true;
      const offset = (iovaHi - baseHi) * TWO_32 + (iovaLo - baseLo);
      const pa = unpackHi(pteHi, pteLo, granule64K) * TWO_32 + unpackLo(pteLo, granule64K);
      // Bits 12..15 of a 64K leaf belong to its address.
      const attributes = ((BigInt(pteHi) << 32n) | BigInt(pteLo)) & ATTRIBUTES;
      leaves.push(leafLine(offset / granule, { pa, attributes, size: table.sizes[level] }));
      return true;
    });
    return leaves;
  }

  check(): void {
    const { table, model } = this;
    const { counters } = table;
    const byPage = [...model.leaves].sort(([a], [b]) => a - b);
    expect(this.leaves()).toEqual(byPage.map(([page, leaf]) => leafLine(page, leaf)));
    expect(counters[C.MAPPED_BYTES]).toBe(model.mappedBytes);
    expect(counters[C.LEAVES_WRITTEN] - counters[C.LEAVES_CLEARED]).toBe(model.leaves.size);
    expect(counters[C.TABLES_LIVE]).toBe(counters[C.TABLE_ALLOCS] - counters[C.TABLE_FREES]);
    expect(counters[C.TABLES_LIVE]).toBe(model.tables.size + 1);
    expect(censusOf(table)).toEqual(censusOfModel(model, table.startLevel));
  }
}

/** Thousands of leaves compare faster as text. */
function leafLine(page: number, { pa, attributes, size }: ModelLeaf): string {
  return `page ${page} pa ${pa} attributes ${attributes} size ${size}`;
}

/** The census as the model sees it. */
function censusOfModel(model: PageMapModel, startLevel: number): ReturnType<typeof censusOf> {
  const tables = [0, 0, 0, 0];
  const leaves = [0, 0, 0, 0];
  tables[startLevel] = 1;
  const levels = [0, 1, 2, 3];
  for (const leaf of model.leaves.values()) leaves[levels.findIndex((level) => model.sizeAt(level) === leaf.size)]++;
  let emptyTables = 0;
  const starts = [...model.leaves.keys()].map((page) => page * model.sizeAt(3));
  for (const key of model.tables) {
    const [level, first] = key.split(':').map(Number);
    tables[level]++;
    const span = model.sizeAt(level - 1);
    if (!starts.some((start) => start >= first && start < first + span)) emptyTables++;
  }
  return { tables, leaves, emptyTables };
}

function newSubject(config: PgtableConfig): Subject | null {
  // What a failed sequence left must not fail the smaller ones that are tried after it.
  if (memory.tables > 0) memory = new TableMemory(1024);
  try {
    // Page sizes above the reach of the start table only make calls fail; the model does without them.
    const restricted = restrictConfig(config);
    const geometry = geometryOf(restricted);
    const usable = bitmapSizes(restricted.pgsizes).filter((size) => size <= blockSize(geometry, geometry.startLevel));
    return new Subject({ ...config, pgsizes: sizesBitmap(usable) });
  } catch (error) {
    if (error instanceof ConfigRefused) return null;
    throw error;
  }
}

const sequences = fc.array(abstractOps, { minLength: 1, maxLength: 60, size: 'max' });
const probes = fc.array(abstractOps, { minLength: 20, maxLength: 20 });

it('maps, unmaps and finds what a plain Map of pages says', () => {
  const seen = { accepted: 0, split: 0, tablesRemoved: 0, refused: 0, exists: 0 };
  fc.assert(
    fc.property(configs(['refuse', 'split', 'whole']), sequences, probes, (config, sequence, lookUps) => {
      const subject = newSubject(config);
      if (subject === null) return;
      seen.accepted++;
      const { table, model, sizes } = subject;
      const { ias, oas } = table.config;
      for (const abstract of sequence) {
        const op = concreteOp(abstract, sizes, ias, oas);
        const { engine, model: wanted } = subject.run(op);
        expect({ config, op, result: engine }).toEqual({ config, op, result: wanted });
      }
      subject.check();
      for (const abstract of lookUps) {
        const { iova, prot } = concreteOp({ ...abstract, kind: 'lookUp' }, sizes, ias, oas);
        // Any byte of the page.
        const at = Math.min(iova + prot * 63, 2 ** ias - 1);
        expect(subject.physical(at)).toBe(model.physical(at));
      }
      seen.split += table.counters[C.BLOCKS_SPLIT];
      seen.tablesRemoved += table.counters[C.SUBTREES_FREED];
      seen.refused += table.counters[C.WARN_BY_PLACE + C.WARN_PARTIAL_UNMAP];
      seen.exists += table.counters[C.WARN_BY_PLACE + C.WARN_ALREADY_MAPPED];
      unmapAll(subject);
    }),
    { seed: 20240602, numRuns: 300 },
  );
  // The sequences must keep meeting the cases that they are for.
  expect(seen.accepted).toBeGreaterThan(200);
  expect(Math.min(seen.split, seen.tablesRemoved, seen.refused, seen.exists)).toBeGreaterThan(100);
});

/** Unmaps leaf by leaf, then destroys: nothing may be left. */
function unmapAll(subject: Subject): void {
  const { table, model } = subject;
  const { counters } = table;
  let wrong = 0;
  for (const [page, { size }] of [...model.leaves]) {
    const at = page * table.granule;
    if (subject.domain.unmapPagesSynced(...subject.iova(at), size, 1) !== size) wrong++;
    if (model.unmapPages(at, size, 1) !== size) wrong++;
  }
  expect(wrong).toBe(0);
  subject.check();
  expect(counters[C.MAPPED_BYTES]).toBe(0);
  expect(counters[C.LEAVES_WRITTEN]).toBe(counters[C.LEAVES_CLEARED]);
  table.destroy();
  expect(counters[C.TABLES_LIVE]).toBe(0);
  expect(counters[C.TABLE_ALLOCS]).toBe(counters[C.TABLE_FREES]);
  expect([counters[C.BYTES_LOGICAL], counters[C.BYTES_REQUESTED], counters[C.BYTES_OCCUPIED]]).toEqual([0, 0, 0]);
  expect(counters[C.DMA_MAPS]).toBe(counters[C.DMA_UNMAPS]);
  expect(memory.tables).toBe(0);
}

it('leaves its counters balanced and its pages unmapped when any one allocation fails', () => {
  fc.assert(
    fc.property(configs(['refuse', 'split']), sequences, (config, sequence) => {
      const subject = newSubject(config);
      if (subject === null) return;
      const { table, domain, sizes } = subject;
      for (const abstract of sequence.slice(0, 8)) {
        const op = concreteOp({ ...abstract, kind: 'map' }, sizes, table.config.ias, table.config.oas);
        const bytes = op.pgsize * op.count;
        if (op.iova + bytes > 2 ** table.config.ias || op.paddr + bytes > 2 ** table.config.oas) continue;
        const at = subject.iova(op.iova);
        // The first allocation fails, then the second, until the request needs no more than came before the failure.
        for (let nth = 1; ; nth++) {
          const { counters } = table;
          const before = counters[C.MAPPED_BYTES];
          const allocated = counters[C.TABLE_ALLOCS];
          table.failAllocIn = nth;
          const ret = domain.map(...at, Math.floor(op.paddr / TWO_32), op.paddr >>> 0, bytes, op.prot);
          const failed = table.failAllocIn === 0;
          table.failAllocIn = 0;
          const { tables, leaves } = censusOf(table);
          expect(tables.reduce((sum, n) => sum + n)).toBe(counters[C.TABLES_LIVE]);
          expect(counters[C.TABLE_ALLOCS] - counters[C.TABLE_FREES]).toBe(counters[C.TABLES_LIVE]);
          expect(leaves.reduce((sum, n) => sum + n)).toBe(counters[C.LEAVES_WRITTEN] - counters[C.LEAVES_CLEARED]);
          if (!failed) break;
          expect(ret).toBe(-12);
          // Tables that were linked before the failure stay, so that each attempt comes further.
          expect(counters[C.TABLE_ALLOCS] - allocated).toBe(nth - 1);
          expect(counters[C.MAPPED_BYTES]).toBeLessThanOrEqual(before);
        }
      }
      table.destroy();
      expect(table.counters[C.TABLE_ALLOCS]).toBe(table.counters[C.TABLE_FREES]);
      expect(memory.tables).toBe(0);
    }),
    { seed: 20240603, numRuns: 200 },
  );
});
