import { EBUSY, EEXIST, ENOENT, ENOMEM } from '../base/vocabulary.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import type { TlbCallbacks } from '../lpae/callbacks.ts';
import * as C from '../lpae/counters.ts';
import { LAST_LEVEL } from '../lpae/format/geometry.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { Pinning } from '../lpae/pinning/pinning.ts';
import { unshare } from '../lpae/sharing/space-guard.ts';
import type { Grace } from './grace/grace.ts';
import { iovaHiAt, iovaLoAt, offsetOf, spanInRange } from './offsets.ts';
import type { ReservationOptions } from './options.ts';
import { fullCount } from './page-counts.ts';
import { mappedBytesIn, mappedStretches } from './range-walk.ts';
import { errorOf, type IovaRange, type PageBulk, type ReserveOutcome, type ReserveRequest } from './request.ts';
import { Reservation } from './reservation.ts';
import { ReservationBook } from './reservation-book.ts';
import { collapse } from './tables/collapse.ts';
import { makeTables } from './tables/make-tables.ts';
import { PinnedTables } from './tables/pinned-tables.ts';
import { planTables } from './tables/plan.ts';
import { type GuaranteeBreach, Usage } from './usage.ts';

export type { IovaRange, PageBulk, ReserveOutcome, ReserveRequest };

const NEVER = (): boolean => false;

/**
 * The IOVA reservations of one address space. While a reservation lives, the tables of its range exist and stay, so that
 * maps in it need no table and unmaps free none. Attaches itself to the page table (`pinning`, `reclaim`).
 */
export class Reservations {
  readonly pinning: Pinning;
  readonly usage: Usage;
  readonly #pt: PageTable;
  readonly #tlb: Pick<TlbCallbacks, 'flushWalk'>;
  readonly #domain: IommuDomain;
  readonly #options: ReservationOptions;
  readonly #grace: Grace;
  readonly #pinned: PinnedTables;
  readonly #book = new ReservationBook();
  #failed = 0;
  #full = 0;
  #missing = 0;
  #raced = 0;
  #retries = 0;
  #emptiedFreed = 0;

  constructor(
    table: PageTable,
    tlb: Pick<TlbCallbacks, 'flushWalk'>,
    domain: IommuDomain,
    options: ReservationOptions,
    grace: Grace,
  ) {
    this.#pt = table;
    this.#tlb = tlb;
    this.#domain = domain;
    this.#options = options;
    this.#grace = grace;
    this.#pinned = new PinnedTables(table, grace.peaks);
    this.pinning = new Pinning(options.blockPolicy, options.overTable, options.unpark, options.freeEmpty === 'never');
    this.pinning.clock = () => grace.moment;
    this.pinning.total = grace.peaks;
    this.usage = new Usage(table, this.#book.live);
    table.pinning = this.pinning;
    table.reclaim = grace;
  }

  /** In the order of making: all that live, and of those that ended the first ten thousand. */
  get list(): readonly Reservation[] {
    return this.#book.list;
  }

  /** Reservations that live now. */
  get liveCount(): number {
    return this.#book.live.size;
  }

  /** The live reservation of an id. */
  find(id: string): Reservation | null {
    return this.#book.find(id);
  }

  /**
   * Reserves a range: every table that it needs down to a depth exists afterwards and is pinned, or nothing has changed.
   * -EINVAL for an empty or unaligned range, -ERANGE beyond the address space, -EEXIST for the id of a live reservation
   * and for a block in the way that must not be covered, -ENOMEM, also where no arena could hold the tables. `raced` tells of a table's birth whether it fell into
   * the time that this reserve took; `retries`: walks that had to start anew because they met a dead table.
   */
  reserve(
    request: ReserveRequest,
    source: PageBulk,
    raced: (born: number) => boolean = NEVER,
    retries = 0,
  ): ReserveOutcome {
    const pt = this.#pt;
    const { iovaHi, iovaLo, size, depth } = request;
    const error = errorOf(request, pt) || (this.#book.find(request.id) === null ? 0 : -EEXIST);
    if (error !== 0) return this.#fail(error, 0, 0);
    this.#retries += retries;
    const start = offsetOf(pt, iovaHi, iovaLo);
    const end = start + size;
    // Whatever is pinned has one entry that points to it.
    if (!unshare(pt, start, end)) return this.#fail(-ENOMEM, 0, 0);
    const full = fullCount(pt, start, end, depth);
    const plan = planTables(pt, start, end, depth, this.#options.overBlock === 'park', raced);
    if (plan.blocked) return this.#fail(-EEXIST, full.total, 0);
    if (!makeTables(pt, plan, start, end, depth, source)) return this.#fail(-ENOMEM, full.total, plan.missing);
    const mapped = mappedBytesIn(pt, start, end);
    const now = pt.memory.now;
    const fetched = { missing: plan.missing, byLevel: plan.byLevel, raced: plan.raced };
    const reservation = new Reservation(
      request.id,
      iovaHi,
      iovaLo,
      size,
      start,
      depth,
      full,
      pt.granule,
      fetched,
      mapped,
      now,
    );
    this.#pinned.pin(reservation);
    this.#book.add(reservation);
    this.#full += full.total;
    this.#missing += plan.missing;
    this.#raced += plan.raced;
    const attachPoints = plan.attach.reduce((sum, at) => sum + (at.block ? 0 : 1), 0);
    const allocated = plan.missing - plan.raced;
    return { ret: 0, full: full.total, missing: plan.missing, attachPoints, raced: plan.raced, allocated };
  }

  /**
   * Ends a reservation: tables that nothing pins and nothing uses any more go, as far as the boundary rule allows. What
   * is mapped stays. -ENOENT unless the id, or without one the exact range, is that of a live reservation.
   */
  unreserve(id: string | null, range: IovaRange | null): { ret: number; freed: number } {
    const reservation = this.#book.named(id, range);
    if (reservation === null) return { ret: -ENOENT, freed: 0 };
    this.usage.survey(reservation);
    return { ret: 0, freed: this.#end(reservation) };
  }

  /**
   * As `unreserve` after an unmap of everything in the range; `freed` counts what that freed as well. `heard` is told
   * of each stretch that was unmapped. -EBUSY where something stays mapped, such as a block that reaches beyond the range
   * and that the engine does not split: the rest has been unmapped then, and the reservation lives on.
   */
  release(
    id: string | null,
    range: IovaRange | null,
    heard: (hi: number, lo: number, bytes: number) => void = () => {},
  ): { ret: number; unmapped: number; freed: number } {
    const reservation = this.#book.named(id, range);
    if (reservation === null) return { ret: -ENOENT, unmapped: 0, freed: 0 };
    const pt = this.#pt;
    this.usage.survey(reservation);
    const freesBefore = pt.counters[C.TABLE_FREES];
    let unmapped = 0;
    for (const { offset, size } of mappedStretches(pt, reservation.start, reservation.end)) {
      const hi = iovaHiAt(pt, offset);
      const lo = iovaLoAt(pt, offset);
      this.usage.beforeUnmap(hi, lo, size);
      const bytes = this.#domain.unmap(hi, lo, size);
      unmapped += bytes;
      this.#grace.sync();
      this.usage.afterUnmap(hi, lo, size, bytes);
      heard(hi, lo, bytes);
    }
    const ret = mappedBytesIn(pt, reservation.start, reservation.end) > 0 ? -EBUSY : 0;
    if (ret === 0) this.#end(reservation);
    const freed = pt.counters[C.TABLE_FREES] - freesBefore;
    if (ret === 0) reservation.freed = freed;
    return { ret, unmapped, freed };
  }

  /** To be called before a map of any kind, and `afterMap` with its result after it. */
  beforeMap(): void {
    this.usage.beforeMap();
  }

  /** The breach of the guarantee, if the map made a table that a reservation around it should have had. */
  afterMap(iovaHi: number, iovaLo: number, size: number, ret: number): GuaranteeBreach | null {
    return this.usage.afterMap(iovaHi, iovaLo, size, ret);
  }

  beforeUnmap(iovaHi: number, iovaLo: number, size: number): void {
    this.usage.beforeUnmap(iovaHi, iovaLo, size);
  }

  /** As `afterMap`; then frees, under `--free-empty eager`, the empty tables within reach of the unmap. */
  afterUnmap(iovaHi: number, iovaLo: number, size: number, unmapped: number): GuaranteeBreach | null {
    const breach = this.usage.afterUnmap(iovaHi, iovaLo, size, unmapped);
    const pt = this.#pt;
    if (this.#options.freeEmpty === 'eager' && size > 0 && spanInRange(pt, iovaHi, iovaLo, size)) {
      const start = offsetOf(pt, iovaHi, iovaLo);
      this.#emptiedFreed += this.#collapse(start, start + size, LAST_LEVEL);
    }
    return breach;
  }

  /** The end of the run, before the page table is destroyed: takes a last look at what lives. */
  finish(): void {
    for (const reservation of this.#book.live) this.usage.survey(reservation);
  }

  /** The address space is about to go, and every reservation with it: takes a last look at each and ends it. */
  destroyed(): void {
    // From the last one on, which is the cheap end to take them from.
    for (const reservation of [...this.#book.live].reverse()) {
      this.usage.survey(reservation);
      this.#unpin(reservation);
    }
  }

  /** Figures of the address space so far. Peaks are over its whole life; bytes are of table pages. */
  counters(): Record<string, number> {
    const { pinning, usage } = this;
    const pinned = this.#pinned;
    return {
      made: this.#book.made,
      failed: this.#failed,
      live: this.#book.live.size,
      full: this.#full,
      missing: this.#missing,
      raced: this.#raced,
      retries: this.#retries,
      pinned: pinned.now,
      pinnedPeak: pinned.peak,
      pinnedBytesPeak: pinned.peak * this.#pt.granule,
      parked: pinning.parkedNow,
      parkedPeak: pinning.parkedPeak,
      parks: pinning.parks,
      setAside: pinning.setAsides,
      unparks: pinning.unparks,
      splits: pinning.splits,
      keptUnmaps: pinning.keptUnmaps,
      refusals: pinning.refusals,
      straddlingMaps: usage.straddlingMaps,
      allocsInReserved: usage.allocsInReserved,
      emptiedFreed: this.#emptiedFreed,
    };
  }

  #fail(ret: number, full: number, missing: number): ReserveOutcome {
    this.#failed++;
    return { ret, full, missing, attachPoints: 0, raced: 0, allocated: 0 };
  }

  #unpin(reservation: Reservation): void {
    this.#book.remove(reservation);
    reservation.endedAt = this.#pt.memory.now;
    this.#pinned.unpin(reservation);
  }

  #end(reservation: Reservation): number {
    this.#unpin(reservation);
    if (this.#options.freeEmpty === 'never') return 0;
    const depth = this.#options.freeEmpty === 'eager' ? LAST_LEVEL : reservation.depth;
    reservation.freed = this.#collapse(reservation.start, reservation.end, depth);
    // The walk flush of what was unlinked has been waited for, which is all that mode gather waits for.
    this.#grace.sync();
    return reservation.freed;
  }

  #collapse(start: number, end: number, depth: number): number {
    const { boundary } = this.#options;
    const covered = boundary === 'covered' || (boundary === 'auto' && this.usage.outsideSeen);
    return collapse(this.#pt, this.#tlb, { start, end, depth, covered });
  }
}
