import { DEMAND_TABLES, DEMAND_UNMAP, Demand } from '../../allocator/demand.ts';
import { REFUSED } from '../../allocator/strategy.ts';
import { address } from '../../base/u64.ts';
import { ENOMEM } from '../../base/vocabulary.ts';
import { type Area, Areas } from '../../reservation/areas/areas.ts';
import { RangePeaks } from '../../reservation/areas/range-peaks.ts';
import { type FreePage, Grace } from '../../reservation/grace/grace.ts';
import type { ReservationOptions } from '../../reservation/options.ts';
import type { IovaRange, PageBulk, ReserveOutcome } from '../../reservation/request.ts';
import { Reservations } from '../../reservation/reservations.ts';
import { type Batch, FLAG_HAS_END, FLAG_HAS_TS } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { BrokenPromises } from './broken-promises.ts';
import { Overlaps } from './overlaps.ts';
import { SpaceRanges } from './space-ranges.ts';
import { TraceClock } from './trace-clock.ts';

const NOBODY: ReadonlySet<number> = new Set();

/**
 * Looks on while operations run: keeps the time, lets deferred pages go when it has come, holds the promises of IOVA
 * reservations and allocators against what happened, and reserves around mapped areas if asked to.
 */
export class Watch {
  readonly #options: ReservationOptions;
  readonly #around: boolean;
  readonly #clock: TraceClock;
  readonly #broken: BrokenPromises;
  readonly #watched: AddressSpace[] = [];
  readonly #demand = new Demand();
  readonly #peaks = new RangePeaks();

  constructor(
    options: ReservationOptions,
    around: boolean,
    findings: Findings,
    error: (batch: Batch, i: number, message: string) => Error,
  ) {
    this.#options = options;
    this.#around = around;
    this.#clock = new TraceClock(options, error);
    this.#broken = new BrokenPromises(findings);
  }

  /** A new address space: watched from the start where the options reach every map and unmap. */
  created(space: AddressSpace): void {
    if (space.table === null) return;
    const { freeEmpty, overTable, rcu, rcuLatency } = this.#options;
    if (this.#around || freeEmpty !== 'kernel' || overTable !== 'drop') this.reservationsOf(space);
    else if (rcu !== 'list' || rcuLatency > 0) this.graceOf(space);
  }

  /** What follows is about the event at `i`. */
  about(batch: Batch, i: number, seq: number): void {
    this.#broken.seq = seq;
    this.#broken.line = batch.line[i];
  }

  /** The trace has come to the event at `i`. */
  at(batch: Batch, i: number, seq: number): void {
    this.about(batch, i, seq);
    this.#clock.at(batch, i, seq);
    for (const space of this.#watched) space.ranges?.grace.advance(this.#clock.now);
  }

  /** The grace periods of an address space, from now on. */
  graceOf(space: AddressSpace): Grace {
    if (space.ranges !== null) return space.ranges.grace;
    const grace = this.#newGrace(space);
    this.#attach(space, new SpaceRanges(grace, null, null));
    return grace;
  }

  /** The IOVA reservations of an address space, from now on. */
  reservationsOf(space: AddressSpace): Reservations {
    const known = space.ranges?.reservations;
    if (known !== undefined && known !== null) return known;
    const { domain } = space;
    if (domain === null) throw new Error('a refused address space has no reservations');
    const grace = space.ranges?.grace ?? this.#newGrace(space);
    const reservations = new Reservations(domain.table, domain.tlb, domain, this.#options, grace);
    this.#attach(space, new SpaceRanges(grace, reservations, this.#around ? new Areas() : null));
    return reservations;
  }

  #attach(space: AddressSpace, ranges: SpaceRanges): void {
    if (space.ranges === null) this.#watched.push(space);
    space.ranges = ranges;
    if (space.table !== null) space.table.reclaim = ranges.grace;
  }

  #newGrace(space: AddressSpace): Grace {
    const { rcu, rcuLatency } = this.#options;
    const free: FreePage = (token, logical, occupied) => space.allocator.free(token, logical, occupied);
    const grace = new Grace(rcu, rcuLatency, free, this.#peaks);
    grace.advance(this.#clock.now);
    return grace;
  }

  /** An operation of the trace is about to run: what overlaps it in time matters to later reserves. */
  overlapping(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const ends = (batch.flags[i] & FLAG_HAS_END) !== 0;
    space.ranges?.grace.noteUnlinks(ends ? batch.end[i] : this.#clock.now);
    if (!ends) return;
    space.overlaps ??= new Overlaps();
    space.overlaps.add(seq, batch.end[i]);
  }

  /** A look-up that is known to last: a reader of the tables of its address. */
  reader(space: AddressSpace, batch: Batch, i: number): void {
    const flags = batch.flags[i];
    if ((flags & FLAG_HAS_TS) === 0 || (flags & FLAG_HAS_END) === 0) return;
    const op = batch.op[i];
    if (op !== E.OP_IOVA_TO_PHYS && op !== E.OP_WALK && op !== E.OP_READ_DIRTY) return;
    const path = op === E.OP_READ_DIRTY ? null : address(batch.iovaHi[i], batch.iovaLo[i]);
    this.graceOf(space).readerInterval(batch.ts[i], batch.end[i], path);
    this.#broken.ofGrace(space);
  }

  beforeMap(space: AddressSpace): void {
    space.ranges?.reservations?.beforeMap();
  }

  /** A map of `size` bytes ended with `ret`. */
  afterMap(space: AddressSpace, hi: number, lo: number, size: number, ret: number): void {
    const { ranges } = space;
    if (ranges === null) return;
    const breach = ranges.reservations?.afterMap(hi, lo, size, ret) ?? null;
    if (breach !== null) this.#broken.add('guarantee', space, hi, lo, size, breach.message);
    if (ret === 0) ranges.areas?.mapped(hi, lo, size);
    else this.#dropAreas(ranges, hi, lo, size);
    this.#broken.ofGrace(space);
  }

  /** The first map of areas has failed: nothing of them is mapped, and nothing stays reserved. */
  #dropAreas({ areas, reservations }: SpaceRanges, hi: number, lo: number, size: number): void {
    if (areas === null) return;
    for (const area of areas.bare(hi, lo, size)) {
      areas.drop(area);
      reservations?.unreserve(area.id, null);
    }
  }

  beforeUnmap(space: AddressSpace, hi: number, lo: number, size: number): void {
    space.ranges?.reservations?.beforeUnmap(hi, lo, size);
  }

  /** An unmap of `size` bytes removed `unmapped`; `synced`: its TLB invalidation is complete. */
  afterUnmap(space: AddressSpace, hi: number, lo: number, size: number, unmapped: number, synced: boolean): void {
    const { ranges } = space;
    if (ranges === null) return;
    const { reservations, areas, grace } = ranges;
    const breach = reservations?.afterUnmap(hi, lo, size, unmapped) ?? null;
    if (breach !== null) this.#broken.add('guarantee', space, hi, lo, size, breach.message);
    if (synced) grace.sync();
    if (areas !== null) for (const area of areas.unmapped(hi, lo, unmapped)) reservations?.unreserve(area.id, null);
    this.#broken.ofGrace(space);
  }

  /**
   * The first map of an area of `size` bytes is about to run: reserves around it. False when there is no memory for that:
   * the map fails with -ENOMEM before it touches the tree (iommufd fails the whole area).
   */
  beforeArea(space: AddressSpace, hi: number, lo: number, size: number): boolean {
    const { ranges } = space;
    if (ranges === null || ranges.areas === null || ranges.reservations === null) return true;
    // What the map itself has reserved is still to be told.
    const { reserved } = space;
    let granted = true;
    for (const area of ranges.areas.open(hi, lo, size)) {
      const { ret } = granted ? this.reserve(space, { ...area, depth: 3 }) : { ret: -ENOMEM };
      if (ret === 0) continue;
      ranges.areas.drop(area);
      if (ret === -ENOMEM) granted = false;
    }
    space.reserved = reserved;
    return granted;
  }

  /** Reserves a range at the event at hand, which began at `begin` where that is known. */
  reserve(
    space: AddressSpace,
    request: { id: string; iovaHi: number; iovaLo: number; size: number; depth: number },
    begin: number | null = null,
  ): ReserveOutcome {
    const reservations = this.reservationsOf(space);
    const ranges = space.ranges as SpaceRanges;
    const meanwhile = begin === null || space.overlaps === null ? NOBODY : space.overlaps.runningAt(begin);
    const { iovaHi, iovaLo, size } = request;
    const retries = begin === null ? 0 : ranges.grace.unlinkedSince(begin, iovaHi, iovaLo, size);
    const outcome = reservations.reserve(request, this.#bulk(space, request), (born) => meanwhile.has(born), retries);
    if (outcome.ret === -ENOMEM && space.allocator.refused) space.denied = true;
    this.#broken.ofGrace(space);
    return outcome;
  }

  /** Unmaps a reserved range and ends its reservation; areas that the unmap emptied end after it. */
  release(space: AddressSpace, id: string, range: IovaRange | null): ReturnType<Reservations['release']> {
    const reservations = this.reservationsOf(space);
    const reservation = reservations.find(id);
    if (reservation === null || !space.announced) return this.#release(space, id, range);
    // Its unmaps may split blocks: an operation like any other for the allocator.
    const demand = new Demand();
    const { iovaHi, iovaLo, size } = reservation;
    demand.set(DEMAND_UNMAP, iovaHi, iovaLo, size, this.#broken.seq, this.#broken.line);
    const ticket = space.submit([demand]);
    const outcome = space.begin(ticket) ? this.#release(space, id, range) : { ret: -ENOMEM, unmapped: 0, freed: 0 };
    space.end(ticket);
    space.cleanup(ticket);
    return outcome;
  }

  #release(space: AddressSpace, id: string, range: IovaRange | null): ReturnType<Reservations['release']> {
    const reservations = this.reservationsOf(space);
    const areas = space.ranges?.areas ?? null;
    const emptied: Area[] = [];
    const outcome = reservations.release(id, range, (hi, lo, bytes) => {
      if (areas !== null) emptied.push(...areas.unmapped(hi, lo, bytes));
    });
    for (const area of emptied) reservations.unreserve(area.id, null);
    return outcome;
  }

  /** Notes the broken promises of an allocator. */
  allocator(space: AddressSpace): void {
    this.#broken.ofAllocator(space);
  }

  /** A reservation has ended, or a reader has come. */
  ended(space: AddressSpace): void {
    this.#broken.ofGrace(space);
  }

  /** The tables of a reservation, asked of the allocator all at once. */
  #bulk(space: AddressSpace, range: { iovaHi: number; iovaLo: number; size: number }): PageBulk {
    let ticket = REFUSED;
    return {
      take: (pages) => {
        const demand = this.#demand;
        demand.set(DEMAND_TABLES, range.iovaHi, range.iovaLo, range.size, this.#broken.seq, this.#broken.line);
        demand.pages = pages;
        ticket = space.submit([demand]);
        if (ticket === REFUSED) return false;
        if (space.begin(ticket)) return true;
        space.end(ticket);
        space.cleanup(ticket);
        return false;
      },
      done: () => {
        space.end(ticket);
        space.cleanup(ticket);
      },
    };
  }

  /** Takes a last look at what lives in an address space. */
  finish(space: AddressSpace): void {
    if (!space.destroyed) space.ranges?.reservations?.finish();
  }

  /** The address space goes: nobody walks its tables any more. */
  destroyed(space: AddressSpace): void {
    const { ranges } = space;
    if (ranges === null) return;
    this.#broken.ofDestroyed(space);
    ranges.reservations?.destroyed();
    ranges.grace.finish();
    this.#watched.splice(this.#watched.indexOf(space), 1);
  }
}
