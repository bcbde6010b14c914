/** The two engines behind the workloads. */
import { KernelAllocator } from '../../src/allocator/kernel.ts';
import { TWO_32 } from '../../src/base/u64.ts';
import { NoFlush } from '../../src/flush/none.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import { Gather } from '../../src/iommu/gather.ts';
import { DEFAULT_CONFIG } from '../../src/lpae/format/config.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { TableMemory } from '../../src/lpae/table/memory.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { NaiveEngine } from '../reference/naive-engine.ts';
import {
  BASE_IOVA,
  BASE_PADDR,
  MIX_LOOKUP,
  MIX_MAP,
  type Mix,
  PAGE,
  PAGES,
  PROT,
  RUN_PAGES,
  RUNS,
  type Subject,
} from './workloads.ts';

/** pgtrace's engine with the TLB side that a replay gives it: each unmap adds to a gather. */
export class PgtraceSubject implements Subject {
  readonly name = 'pgtrace';
  readonly #gather = new Gather();
  #table: PageTable;

  constructor() {
    this.#table = newTable();
  }

  renew(): void {
    this.#table = newTable();
  }

  mapPagesOneByOne(): void {
    const table = this.#table;
    for (let i = 0; i < PAGES; i++) this.#map(table, i, 1);
  }

  unmapPagesOneByOne(): void {
    const table = this.#table;
    this.#gather.reset();
    for (let i = 0; i < PAGES; i++) this.#unmap(table, i, 1);
  }

  mapRuns(): void {
    const table = this.#table;
    for (let i = 0; i < RUNS; i++) this.#map(table, i * RUN_PAGES, RUN_PAGES);
  }

  unmapRuns(): void {
    const table = this.#table;
    this.#gather.reset();
    for (let i = 0; i < RUNS; i++) this.#unmap(table, i * RUN_PAGES, RUN_PAGES);
  }

  mix(mix: Mix): void {
    const table = this.#table;
    const { kind, page } = mix;
    this.#gather.reset();
    for (let i = 0; i < kind.length; i++) {
      if (kind[i] === MIX_MAP) this.#map(table, page[i], 1);
      else if (kind[i] === MIX_LOOKUP) iovaToPhys(table, IOVA_HI, IOVA_LO + page[i] * PAGE);
      else this.#unmap(table, page[i], 1);
    }
  }

  lookUp(pages: Uint32Array): number {
    const table = this.#table;
    let sum = 0;
    for (let i = 0; i < pages.length; i++) {
      iovaToPhys(table, IOVA_HI, IOVA_LO + pages[i] * PAGE);
      sum += table.foundLo;
    }
    return sum;
  }

  #map(table: PageTable, page: number, count: number): void {
    const at = IOVA_LO + page * PAGE;
    const to = PADDR_LO + page * PAGE;
    const ret = mapPages(table, IOVA_HI, at, PADDR_HI + (to >= TWO_32 ? 1 : 0), to | 0, PAGE, count, PROT);
    if (ret !== 0) throw new Error(`map of page ${page}: ${ret}`);
  }

  #unmap(table: PageTable, page: number, count: number): void {
    const bytes = unmapPages(table, IOVA_HI, (IOVA_LO + page * PAGE) | 0, PAGE, count, this.#gather);
    if (bytes !== count * PAGE) throw new Error(`unmap of page ${page}: ${bytes}`);
  }
}

const IOVA_HI = Math.floor(BASE_IOVA / TWO_32);
const IOVA_LO = BASE_IOVA >>> 0;
const PADDR_HI = Math.floor(BASE_PADDR / TWO_32);
const PADDR_LO = BASE_PADDR >>> 0;

/** A table in an arena of its own, so that its memory has never been touched. */
function newTable(): PageTable {
  const tlb = new DomainTlb('7.1', new NoFlush(), null);
  const table = new PageTable(DEFAULT_CONFIG, new TableMemory(4096), new KernelAllocator(), tlb);
  tlb.counters = table.counters;
  return table;
}

/** The reference engine, without its record of events: only what it counts. Unmaps are given no gather. */
export class NaiveSubject implements Subject {
  readonly name = 'naive';
  readonly #iova: bigint[];
  readonly #paddr: bigint[];
  readonly #runIova: bigint[];
  readonly #runPaddr: bigint[];
  #engine: NaiveEngine;

  constructor() {
    this.#iova = addresses(BASE_IOVA, PAGE, PAGES);
    this.#paddr = addresses(BASE_PADDR, PAGE, PAGES);
    this.#runIova = addresses(BASE_IOVA, PAGE * RUN_PAGES, RUNS);
    this.#runPaddr = addresses(BASE_PADDR, PAGE * RUN_PAGES, RUNS);
    this.#engine = newNaive();
  }

  renew(): void {
    this.#engine = newNaive();
  }

  mapPagesOneByOne(): void {
    const engine = this.#engine;
    for (let i = 0; i < PAGES; i++) map(engine, this.#iova[i], this.#paddr[i], 1n);
  }

  unmapPagesOneByOne(): void {
    const engine = this.#engine;
    for (let i = 0; i < PAGES; i++) unmap(engine, this.#iova[i], 1n);
  }

  mapRuns(): void {
    const engine = this.#engine;
    for (let i = 0; i < RUNS; i++) map(engine, this.#runIova[i], this.#runPaddr[i], RUN_PAGES_N);
  }

  unmapRuns(): void {
    const engine = this.#engine;
    for (let i = 0; i < RUNS; i++) unmap(engine, this.#runIova[i], RUN_PAGES_N);
  }

  mix(mix: Mix): void {
    const engine = this.#engine;
    const { kind, page } = mix;
    for (let i = 0; i < kind.length; i++) {
      const iova = this.#iova[page[i]];
      if (kind[i] === MIX_MAP) map(engine, iova, this.#paddr[page[i]], 1n);
      else if (kind[i] === MIX_LOOKUP) engine.iovaToPhys(iova);
      else unmap(engine, iova, 1n);
    }
  }

  lookUp(pages: Uint32Array): number {
    const engine = this.#engine;
    let found = 0;
    for (let i = 0; i < pages.length; i++) if (engine.iovaToPhys(this.#iova[pages[i]]) !== null) found++;
    return found;
  }
}

const PAGE_N = BigInt(PAGE);
const RUN_PAGES_N = BigInt(RUN_PAGES);

function addresses(base: number, step: number, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => BigInt(base + i * step));
}

function newNaive(): NaiveEngine {
  return new NaiveEngine({
    format: DEFAULT_CONFIG.format,
    pgsizes: BigInt(DEFAULT_CONFIG.pgsizes),
    ias: DEFAULT_CONFIG.ias,
    oas: DEFAULT_CONFIG.oas,
    coherent: true,
    quirks: [],
    cpuPageSize: DEFAULT_CONFIG.cpuPageSize,
    kernel: '7.1',
  });
}

function map(engine: NaiveEngine, iova: bigint, paddr: bigint, count: bigint): void {
  const { ret } = engine.mapPages(iova, paddr, PAGE_N, count, PROT);
  if (ret !== 0) throw new Error(`map of ${iova}: ${ret}`);
}

function unmap(engine: NaiveEngine, iova: bigint, count: bigint): void {
  const bytes = engine.unmapPages(iova, PAGE_N, count, null);
  if (bytes !== count * PAGE_N) throw new Error(`unmap of ${iova}: ${bytes}`);
}
