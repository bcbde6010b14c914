import { TWO_32 } from '../../base/u64.ts';
import type { FlushPolicy } from '../../iommu/flush-policy.ts';
import type { FreelistWatch } from '../../iommu/generic/unlinked-tables.ts';
import * as C from '../../lpae/counters.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { FreedTables, type StudyColumn } from './freed-tables.ts';
import { LeafChanges } from './leaf-changes.ts';
import { OpAtHand, type Operation } from './op-at-hand.ts';
import type { StalePages } from './stale-pages.ts';
import type { StudiedPolicy } from './studied-policy.ts';
import { TlbState } from './tlb-state.ts';
import { Verdict, type VerdictReport } from './verdict.ts';

/** What a study is made from. */
export interface StudyParts {
  /** The policies, 31 at most, each made for what it invalidates. */
  readonly columns: readonly { readonly name: string; readonly create: (tlb: TlbState) => StudiedPolicy }[];
  /** One for each policy, for all address spaces of a run. */
  readonly pages: readonly StalePages[];
  /** Number of the address space in its run. */
  readonly space: number;
  /** What the first policy counts when it is the only one, where that is another object; null: its column. */
  readonly front: FlushPolicy | null;
  /** The first policy is lazy: the engine's callbacks for leaves are not made. */
  readonly lazy: boolean;
  /** The driver gives the engine no gather and invalidates by itself. */
  readonly untold: boolean;
  /** Hears of what a policy (by its column) leaves open. */
  readonly report: VerdictReport;
  /** Something happens that nobody has announced: `settle` is to be called when it is over. */
  readonly unannounced: (study: FlushStudy) => void;
}

/**
 * Several flush policies over one address space in one pass: each is told what it would be told alone, and of each it is kept what
 * TLBs and walk caches may still hold, so that it can be said whether anything was used again too early. The translations that an
 * operation removed are found by looking at the tables before and after it, since what the engine tells depends on the policy.
 */
export class FlushStudy implements FlushPolicy, FreelistWatch {
  readonly columns: readonly StudyColumn[];
  readonly lazy: boolean;
  /** Bytes of translations that operations removed or replaced. */
  bytesChanged = 0;
  readonly #front: FlushPolicy | null;
  readonly #unannounced: StudyParts['unannounced'];
  readonly #op: OpAtHand;
  readonly #changes = new LeafChanges();
  #table: PageTable | null = null;
  #counters: Float64Array = new Float64Array(C.COUNTERS);
  /** Something happens; `#announced`: somebody has told of its beginning and will tell of its end. */
  #running = false;
  #announced = false;
  /** Calls of the engine before it. */
  #calls = 0;
  #freed!: FreedTables;
  /** A flush of everything that nobody has announced: the end of the address space, or its driver. */
  #wholePending = false;
  /** Bytes that were mapped at that flush, while policies are told of it; null: as many as now. */
  #mappedThen: number | null = null;
  #mappedAtWhole = 0;
  /** Tables made in the operation at hand of pages that it had freed. */
  #recycled = 0;

  constructor(parts: StudyParts) {
    this.lazy = parts.lazy;
    this.#front = parts.front;
    this.#unannounced = parts.unannounced;
    this.#op = new OpAtHand(parts.untold);
    const mapped = (): number => this.#mappedThen ?? this.#counters[C.MAPPED_BYTES];
    this.columns = parts.columns.map(({ name, create }, at) => {
      const tlb = new TlbState(parts.pages[at], parts.space, mapped);
      const policy = create(tlb);
      return { name, policy, tlb, verdict: new Verdict(at, tlb, policy, parts.report) };
    });
  }

  /** The page table that it is about, before its first operation. */
  attach(table: PageTable): void {
    this.#table = table;
    this.#counters = table.counters;
    this.#freed = new FreedTables(this.columns, table.counters);
  }

  /** The engine puts tables on the freelist of a gather, and tells of those that it frees without an invalidation. */
  watchFreelist(): void {
    this.#op.freelist = true;
  }

  get commands(): number {
    return (this.#front ?? this.columns[0].policy).commands;
  }

  get commandSyncs(): number {
    return (this.#front ?? this.columns[0].policy).commandSyncs;
  }

  /** The engine's callbacks for leaves are not made now: the first policy is lazy, and no map takes back what it did. */
  get hidesLeaves(): boolean {
    return this.lazy && this.#op.kind !== 'map';
  }

  /** When the first timer of a flush queue goes off; infinite: none is armed. */
  get deadline(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { policy } of this.columns) least = Math.min(least, policy.queue?.deadline ?? least);
    return least;
  }

  tick(now: number): void {
    this.settle();
    for (const { policy } of this.columns) policy.queue?.tick(now);
  }

  flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.#front?.flushWalk(hi, lo, size, granule);
    this.#callback();
    const start = hi * TWO_32 + lo;
    this.#op.widen(start, start + size);
    const op = this.#op;
    for (const { policy } of this.columns) {
      // Its gather is not synced: the flush queue takes it, with its freelist.
      if (!op.freelist || !policy.waits(op)) policy.flushWalk(hi, lo, size, granule, op.kind);
    }
    this.#freed.ask(start, start + size, true, op);
  }

  /** Tables of a range are freed next, and nobody has been asked to invalidate anything. */
  unlinked(hi: number, lo: number, size: number): void {
    this.#callback();
    const start = hi * TWO_32 + lo;
    this.#op.widen(start, start + size);
    this.#freed.ask(start, start + size, true, this.#op);
  }

  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    this.#front?.iotlbSync(startHi, startLo, endHi, endLo, pgsize);
    this.#callback();
    const { kind } = this.#op;
    for (const { policy } of this.columns) policy.iotlbSync(startHi, startLo, endHi, endLo, pgsize, kind);
    // The end is the last byte: one more fits the low half, and the sum is a multiple of a page.
    this.#freed.ask(startHi * TWO_32 + startLo, endHi * TWO_32 + (endLo + 1), false, this.#op);
  }

  flushAll(): void {
    this.#front?.flushAll();
    this.#callback();
    this.#freed.close(this.#op);
    if (this.#announced) this.#driverFlush();
    else {
      this.#wholePending = true;
      this.#mappedAtWhole = this.#counters[C.MAPPED_BYTES];
    }
  }

  /** An operation is about to run. */
  began(operation: Operation): void {
    this.settle();
    const table = this.#table as PageTable;
    const op = this.#op;
    op.begin(operation, table.granule);
    this.#begin();
    this.#announced = true;
    this.#changes.lookBefore(op, table, operation.pgsize);
  }

  /** It has run; `bytes`: what it mapped or unmapped. */
  ended(bytes: number): void {
    const op = this.#op;
    this.#freed.close(this.#op);
    op.bytes = bytes;
    op.called = this.#calls !== this.#callsNow;
    const table = this.#table as PageTable;
    const changes = this.#changes;
    changes.lookAfter(op, table, bytes);
    const { gone } = op;
    const { replaced } = changes;
    const from = op.askedStart;
    const isMap = op.kind === 'map' && bytes > 0;
    const fresh =
      isMap && this.columns.some(({ tlb }) => tlb.hasStalePages) ? changes.freshIn(table, from, from + bytes) : null;
    if (gone.length > 0) {
      op.widen(gone.start[0], gone.end[gone.length - 1]);
      this.bytesChanged = Math.min(this.bytesChanged + gone.bytes, Number.MAX_SAFE_INTEGER);
    }
    for (const { policy, tlb, verdict } of this.columns) {
      const again = isMap && verdict.mapped(from, from + bytes, fresh);
      policy.ended(op);
      tlb.removed(gone);
      verdict.tables(this.#recycled);
      if (replaced.length > 0 && !again) verdict.replaced(replaced);
    }
    this.#running = false;
    this.#announced = false;
    op.kind = 'other';
  }

  /** Ends what nobody has announced: what reservations, drivers and teardown do between operations. */
  settle(): void {
    if (!this.#running || this.#announced) return;
    const op = this.#op;
    const over = this.#table?.root === 0;
    if (this.#wholePending && over) {
      this.#wholePending = false;
      this.#teardown();
    } else this.#resolveWhole();
    this.#freed.close(this.#op);
    for (const { policy, verdict } of this.columns) {
      if (!over) policy.ended(op);
      verdict.tables(this.#recycled);
    }
    this.#running = false;
  }

  /** A table has been made of a page that was freed while the operation at hand ran. */
  pageRecycled(): void {
    if (this.#running) this.#recycled++;
  }

  /** True between the beginning of an operation and its end. */
  get running(): boolean {
    return this.#running;
  }

  get #callsNow(): number {
    return this.#counters[C.MAP_CALLS] + this.#counters[C.UNMAP_CALLS];
  }

  #begin(): void {
    this.#running = true;
    this.#recycled = 0;
    this.#calls = this.#callsNow;
    this.#freed.begin();
    this.#changes.begin();
    for (const { tlb } of this.columns) tlb.begin();
  }

  /** The engine calls back: maybe between operations. */
  #callback(): void {
    if (!this.#running) {
      this.#op.beginUnannounced();
      this.#begin();
      this.#unannounced(this);
    } else this.#resolveWhole();
  }

  #resolveWhole(): void {
    if (!this.#wholePending) return;
    this.#wholePending = false;
    this.#mappedThen = this.#mappedAtWhole;
    this.#driverFlush();
    this.#mappedThen = null;
  }

  #driverFlush(): void {
    this.#op.driverFlushed = true;
    for (const { policy } of this.columns) policy.driverFlush();
  }

  /** All tables have been freed, after a flush of everything that policies may have dropped. */
  #teardown(): void {
    const freed = this.#freed.take();
    this.#mappedThen = this.#mappedAtWhole;
    for (const { policy, tlb, verdict } of this.columns) {
      policy.teardown();
      if (!tlb.covers(0, Number.POSITIVE_INFINITY)) verdict.tornDown(freed);
    }
    this.#mappedThen = null;
  }
}
