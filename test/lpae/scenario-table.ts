import type { Kernel } from '../../src/base/vocabulary.ts';
import { Smmuv3Flush } from '../../src/flush/smmuv3.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import { type GatherState, NO_PAGE, type TableAllocator } from '../../src/lpae/callbacks.ts';
import * as C from '../../src/lpae/counters.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { type EventPrinter, entryAddress } from './event-printer.ts';

/** The page allocator of the vectors; it can be told to refuse its n-th request from now. */
export class ScenarioAllocator implements TableAllocator {
  failIn = 0;
  logical = 0;
  requested = 0;
  occupied = 0;

  alloc(logical: number, requested: number, occupied: number): number {
    Object.assign(this, { logical, requested, occupied });
    return this.failIn > 0 && --this.failIn === 0 ? NO_PAGE : 0;
  }

  free(_token: number, logical: number): void {
    this.logical = logical;
  }
}

/** The vectors' driver issues no command when the whole address space is flushed. */
export class ScenarioFlush extends Smmuv3Flush {
  override flushAll(): void {}
}

/** Prints the cache clean that ends a run before the leaves of the run are gathered. */
export class ScenarioTlb extends DomainTlb {
  readonly printer: EventPrinter;
  readonly allocator: ScenarioAllocator;
  table: PageTable | null = null;

  constructor(kernel: Kernel, policy: Smmuv3Flush, printer: EventPrinter, allocator: ScenarioAllocator) {
    super(kernel, policy, printer);
    this.printer = printer;
    this.allocator = allocator;
  }

  override addPages(state: GatherState | null, hi: number, lo: number, size: number, count: number): void {
    if (this.table !== null) this.printer.settle(this.table, count);
    super.addPages(state, hi, lo, size, count);
  }
}

/** Reports each step. Its hooks run inside the constructor of PageTable too, so what they need hangs on `tlb`. */
export class ScenarioTable extends PageTable {
  override allocTable(level: number, bytes: number, gfp: number): number {
    const slot = super.allocTable(level, bytes, gfp);
    const { requested, occupied, logical } = (this.tlb as ScenarioTlb).allocator;
    // Up to 6.12 the engine asks for an order of pages, so that the vectors see whole pages there.
    const asked = this.config.kernel === '6.12' ? occupied : requested;
    if (slot === 0) {
      printerOf(this).event(`ALLOCFAIL size=${asked}`);
      return slot;
    }
    const pa = this.memory.addressOf(slot).toString(16);
    printerOf(this).event(`ALLOC req=${asked} got=${occupied} pa=${pa}`);
    if (!this.coherent) printerOf(this).event(`DMAMAP pa=${pa} len=${logical}`);
    return slot;
  }

  override freeTable(slot: number, level: number): void {
    const pa = this.memory.addressOf(slot).toString(16);
    super.freeTable(slot, level);
    if (!this.coherent) printerOf(this).event(`DMAUNMAP pa=${pa} len=${(this.tlb as ScenarioTlb).allocator.logical}`);
    printerOf(this).event(`FREE pa=${pa}`);
  }

  override linkTable(parent: number, entry: number, slot: number): void {
    super.linkTable(parent, entry, slot);
    if (!this.coherent) printerOf(this).sync(entryAddress(this, parent, entry), 1);
  }

  override syncTable(): void {
    super.syncTable();
    if (!this.coherent) printerOf(this).sync(printerOf(this).unlinkedEntry(this), 1);
  }

  override warn(place: number): void {
    super.warn(place);
    printerOf(this).event(place === C.WARN_PARTIAL_UNMAP ? 'WARN_ONCE' : 'WARN');
  }
}

function printerOf(table: PageTable): EventPrinter {
  return (table.tlb as ScenarioTlb).printer;
}
