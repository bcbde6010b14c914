import type { Format } from '../../base/vocabulary.ts';
import { DomainTlb } from '../../iommu/domain-tlb.ts';
import type { TableAllocator } from '../../lpae/callbacks.ts';
import * as C from '../../lpae/counters.ts';
import { DEFAULT_CONFIG } from '../../lpae/format/config.ts';
import { PageTable } from '../../lpae/page-table.ts';
import { defaultPlacement, type TableMemory } from '../../lpae/table/memory.ts';
import type { ModelFigures } from './model.ts';

/** Half of the IOVAs: where the second window lies, which POWER has at 2^59. */
const UPPER_HALF = 2 ** 47;
const SECOND_WINDOW = 2 ** 59;

/** Always memory; the tables' addresses do not matter. */
const PLENTY: TableAllocator = { alloc: () => 0, free: () => {} };
const SILENT = { commands: 0, commandSyncs: 0, flushWalk: () => {}, iotlbSync: () => {}, flushAll: () => {} };

/** A page table of the engine with its TLB side: stage 1 for devices, stage 2 for a root that hardware walks. */
export function lpaeTable(memory: TableMemory, format: Format): { readonly table: PageTable; readonly tlb: DomainTlb } {
  const tlb = new DomainTlb('7.1', SILENT, null);
  const config = { ...DEFAULT_CONFIG, format };
  return { table: new PageTable(config, memory, PLENTY, tlb, defaultPlacement()), tlb };
}

/** An IOVA as 48 bits hold it: the second window lies in the upper half. */
export function lpaeIova(iova: number): number {
  return iova >= SECOND_WINDOW ? UPPER_HALF + (iova - SECOND_WINDOW) : iova;
}

/** What page tables of the engine came to. */
export function tableFigures(
  tables: readonly PageTable[],
): Pick<ModelFigures, 'entriesWritten' | 'tableBytes' | 'tableBytesAccounted' | 'invalidations'> {
  const sum = (counter: number): number => tables.reduce((total, { counters }) => total + counters[counter], 0);
  return {
    entriesWritten: sum(C.LEAVES_WRITTEN),
    tableBytes: sum(C.BYTES_OCCUPIED_PEAK),
    tableBytesAccounted: 0,
    invalidations: sum(C.IOTLB_SYNCS) + sum(C.FLUSH_WALKS),
  };
}
