import type { Kernel } from '../../src/base/vocabulary.ts';
import { IommuDomain } from '../../src/iommu/domain.ts';
import * as C from '../../src/lpae/counters.ts';
import { readDirty } from '../../src/lpae/dirty.ts';
import { type PgtableConfig, restrictConfig } from '../../src/lpae/format/config.ts';
import { geometryOf } from '../../src/lpae/format/geometry.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../src/lpae/table/memory.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { EventPrinter } from './event-printer.ts';
import { configFor, halves, joined, treeLines } from './fixture.ts';
import { rawCalls } from './raw-calls.ts';
import { ScenarioAllocator, ScenarioFlush, ScenarioTable, ScenarioTlb } from './scenario-table.ts';

const RW = 3;

const memory = new TableMemory(4096);

/** One scenario of the vectors as it runs: operations on the engine, and the log in the vectors' form. */
export class Scenario {
  readonly kernel: Kernel;
  readonly #printer = new EventPrinter();
  readonly #allocator = new ScenarioAllocator();
  #table: PageTable | null = null;
  #domain: IommuDomain | null = null;
  #policy: ScenarioFlush | null = null;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    rawCalls.observer = this.#printer;
  }

  get lines(): readonly string[] {
    return this.#printer.lines;
  }

  get table(): PageTable {
    if (this.#table === null) throw new Error('create a table first');
    return this.#table;
  }

  get #core(): IommuDomain {
    if (this.#domain === null) throw new Error('create a table first');
    return this.#domain;
  }

  /** A new table; each starts anew at the first address. */
  create(changes: Partial<PgtableConfig> = {}, ril = true): void {
    const config = configFor(this.kernel, changes);
    const { granule: smallestPage } = geometryOf(restrictConfig(config));
    const printer = this.#printer;
    printer.reset();
    this.#policy = new ScenarioFlush({ kernel: this.kernel, ril, smallestPage }, printer);
    const tlb = new ScenarioTlb(this.kernel, this.#policy, printer, this.#allocator);
    this.#table = new ScenarioTable(config, memory, this.#allocator, tlb, defaultPlacement());
    tlb.table = this.#table;
    this.#domain = new IommuDomain(this.#table, tlb);
  }

  /** The n-th table allocation from now fails. */
  failAlloc(nth: number): void {
    this.#allocator.failIn = nth;
  }

  print(line: string): void {
    this.#printer.lines.push(line);
  }

  /** Runs operations that the vectors do not log. */
  quietly(operations: () => void): void {
    this.#printer.quiet = true;
    operations();
    this.#printer.quiet = false;
  }

  counters(label: string, prefix = ''): void {
    const { counters } = this.table;
    const { commands, commandSyncs } = this.#policy as ScenarioFlush;
    const values = {
      alloc: counters[C.TABLE_ALLOCS],
      free: counters[C.TABLE_FREES],
      live: counters[C.TABLES_LIVE],
      sync: counters[C.PT_SYNCS],
      dmamap: counters[C.DMA_MAPS],
      dmaunmap: counters[C.DMA_UNMAPS],
      walk: counters[C.FLUSH_WALKS],
      add: counters[C.ADD_PAGES],
      flushall: counters[C.FLUSH_ALLS],
      iosync: counters[C.IOTLB_SYNCS],
      tlbi: commands,
      cmdsync: commandSyncs,
      warn: counters[C.WARNS],
    };
    const text = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    this.print(`${prefix}  [${label}] ${text.join(' ')}`);
  }

  dump(): void {
    for (const line of treeLines(this.table)) this.print(`    ${line}`);
  }

  mapPages(iova: number | bigint, paddr: number, pgsize: number, count: number, prot = RW): number {
    return mapPages(this.table, ...halves(iova), ...halves(paddr), pgsize, count, prot);
  }

  /** A raw call without gather. */
  unmapPages(iova: number, pgsize: number, count: number): number {
    return unmapPages(this.table, ...halves(iova), pgsize, count, null);
  }

  /** A raw call with a gather that is synced after it. */
  unmapPagesSynced(iova: number, pgsize: number, count: number): number {
    return this.#core.unmapPagesSynced(...halves(iova), pgsize, count);
  }

  /** iommu_map(). */
  map(iova: number, paddr: number, size: number, prot = RW): number {
    this.#noteAlignment(iova, paddr, size);
    return this.#core.map(...halves(iova), ...halves(paddr), size, prot);
  }

  /** iommu_unmap(). */
  unmap(iova: number, size: number): number {
    this.#noteAlignment(iova, 0, size);
    return this.#core.unmap(...halves(iova), size);
  }

  /** iova_to_phys() in hex. */
  lookup(iova: number | bigint): string {
    iovaToPhys(this.table, ...halves(iova));
    return joined(this.table.foundHi, this.table.foundLo).toString(16);
  }

  readDirty(iova: number, size: number, clear: boolean): number {
    return readDirty(this.table, ...halves(iova), size, clear, (hi, lo, length) => {
      this.#printer.event(`DIRTY iova=${joined(hi, lo).toString(16)} len=${length.toString(16)}`);
    });
  }

  /** An entry of the start table in hex. */
  rootEntry(index: number): string {
    const { memory: words, root } = this.table;
    return joined(words.hi[root + index], words.lo[root + index]).toString(16);
  }

  destroy(): void {
    this.table.destroy();
  }

  // The kernel's core prints an error of its own before it turns such a request down.
  #noteAlignment(iova: number, paddr: number, size: number): void {
    if (!this.#core.chooser.isAligned(...halves(iova), ...halves(paddr), size)) this.#printer.event('pr_err unaligned');
  }
}
