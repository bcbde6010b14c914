import type { Kernel } from '../../../src/base/vocabulary.ts';
import { NoFlush } from '../../../src/flush/none.ts';
import { DomainTlb } from '../../../src/iommu/domain-tlb.ts';
import type { TlbLog } from '../../../src/iommu/flush-policy.ts';
import { type FlushFeature, GenericDomain } from '../../../src/iommu/generic/generic-domain.ts';
import { NO_PAGE, type TableAllocator } from '../../../src/lpae/callbacks.ts';
import type { PgtableConfig } from '../../../src/lpae/format/config.ts';
import { PageTable } from '../../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../../src/lpae/table/memory.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import { configFor, halves, treeLines } from '../../lpae/fixture.ts';

const memory = new TableMemory(4096);

/** What happens around the engine, in order. */
export type Happening =
  | { readonly kind: 'alloc' | 'free' }
  | { readonly kind: 'walk' | 'leaf'; readonly start: number; readonly size: number; readonly pgsize: number };

/** The generic engine with eyes on its allocator and its flushes. Addresses are doubles. */
export class GenericSubject {
  readonly happened: Happening[] = [];
  readonly table: PageTable;
  readonly domain: GenericDomain;
  /** Pages that the allocator has given and not got back. */
  pagesOut = 0;
  /** The n-th allocation from now fails, 0: none. */
  failIn = 0;

  constructor(changes: Partial<PgtableConfig> = {}, feature: FlushFeature = 'range', kernel: Kernel = '7.1') {
    const config = configFor(kernel, changes);
    const allocator: TableAllocator = {
      alloc: () => {
        if (this.failIn > 0 && --this.failIn === 0) return NO_PAGE;
        this.pagesOut++;
        this.happened.push({ kind: 'alloc' });
        return 0;
      },
      free: () => {
        this.pagesOut--;
        this.happened.push({ kind: 'free' });
      },
    };
    const log: TlbLog = {
      flushWalk: (hi, lo, size, pgsize) => this.happened.push({ kind: 'walk', start: hi * 2 ** 32 + lo, size, pgsize }),
      addPages: () => {},
      iotlbSync: (hi, lo, endHi, endLo, pgsize) => {
        const start = hi * 2 ** 32 + lo;
        this.happened.push({ kind: 'leaf', start, size: endHi * 2 ** 32 + endLo - start + 1, pgsize });
      },
      flushAll: () => {},
    };
    const tlb = new DomainTlb(kernel, new NoFlush(), log);
    this.table = new PageTable(config, memory, allocator, tlb, defaultPlacement());
    this.domain = new GenericDomain(this.table, tlb, feature);
    this.happened.length = 0;
  }

  map(iova: number, paddr: number, size: number, prot = 3): number {
    return this.domain.map(...halves(iova), ...halves(paddr), size, prot);
  }

  unmap(iova: number, size: number): number {
    return this.domain.unmap(...halves(iova), size);
  }

  /** Every non-zero descriptor, addresses of tables included. */
  tree(): string {
    return treeLines(this.table).join('\n');
  }

  /** A number over every non-zero descriptor and where it stands, for trees too large to print at every step. */
  checksum(): number {
    let sum = 0;
    visitEntries(this.table, ({ level, index, iovaHi, iovaLo, pteHi, pteLo }) => {
      for (const part of [level, index, iovaHi, iovaLo, pteHi, pteLo]) sum = (Math.imul(sum, 31) + part) | 0;
      return true;
    });
    return sum;
  }

  /** What happened since the last call. */
  takeHappened(): Happening[] {
    return this.happened.splice(0);
  }
}
