import { EADDRINUSE, EBUSY, EEXIST } from '../base/vocabulary.ts';
import * as C from '../lpae/counters.ts';
import { LAST_LEVEL, LEVELS } from '../lpae/format/geometry.ts';
import type { PageTable } from '../lpae/page-table.ts';
import type { LiveRanges } from './areas/live-ranges.ts';
import { offsetOf } from './offsets.ts';
import { mappedBytesIn, tablesInUse } from './range-walk.ts';
import type { Reservation } from './reservation.ts';

/** An operation inside live reservations made a table that these should have had. */
export interface GuaranteeBreach {
  readonly rule: 'guarantee';
  /** The reservation around it; of several that it takes to go around it, the first. */
  readonly reservation: string;
  /** The uppermost level at which a table was made, and the tables made at the levels that were promised. */
  readonly level: number;
  readonly count: number;
  readonly message: string;
}

/** Errors of a map that has met something in a table. */
const WALKED: readonly number[] = [EEXIST, EBUSY, EADDRINUSE];

/** A look at a reservation is taken again when at least this much more is mapped in it. */
const GROWTH = 1.125;

/** Watches maps and unmaps pass by the live reservations of one address space; costs next to nothing without any. */
export class Usage {
  readonly #pt: PageTable;
  readonly #live: LiveRanges<Reservation>;
  readonly #before = new Float64Array(LEVELS);
  #mappedBefore = 0;
  #workBefore = 0;
  /**
   * A map has been seen that was not wholly inside reservations: its maker proves nothing about the tables it uses. Maps
   * from before anybody watched are taken for such; one that was refused before it looked at any table is none.
   */
  outsideSeen: boolean;
  /** Maps that reach from reservations to where there is none: their outer part may need tables. */
  straddlingMaps = 0;
  /** Tables made inside reservations at the levels that these promise; anything but 0 is a fault. */
  allocsInReserved = 0;

  constructor(pt: PageTable, live: LiveRanges<Reservation>) {
    this.#pt = pt;
    this.#live = live;
    this.outsideSeen = pt.counters[C.MAP_CALLS] > 0;
  }

  beforeMap(): void {
    if (this.#live.size > 0 || !this.outsideSeen) this.#snapshot();
  }

  /** A map of `size` bytes has ended with `ret`. */
  afterMap(iovaHi: number, iovaLo: number, size: number, ret: number): GuaranteeBreach | null {
    if (this.#live.size === 0) {
      if (!this.outsideSeen && this.#walked(ret)) this.outsideSeen = true;
      return null;
    }
    return this.#after(iovaHi, iovaLo, size, true, ret === 0, this.#walked(ret));
  }

  /** An unmap of `size` bytes is about to run: looks at reservations that have never been fuller. */
  beforeUnmap(iovaHi: number, iovaLo: number, size: number): void {
    if (this.#live.size === 0) return;
    this.#snapshot();
    const pt = this.#pt;
    if (!pt.iovaInRange(iovaHi, iovaLo)) return;
    const start = offsetOf(pt, iovaHi, iovaLo);
    this.#live.forEach(start, start + size, (reservation) => {
      const { mapped, surveyed } = reservation;
      const last = size >= mapped && mapped > surveyed;
      if (last || mapped > surveyed * GROWTH) this.survey(reservation);
    });
  }

  /** It has removed `unmapped` bytes. */
  afterUnmap(iovaHi: number, iovaLo: number, size: number, unmapped: number): GuaranteeBreach | null {
    if (this.#live.size === 0) return null;
    return this.#after(iovaHi, iovaLo, Math.max(size, unmapped), false, unmapped > 0, true);
  }

  /** Counts the tables of a reservation that translate something now. */
  survey(reservation: Reservation): void {
    if (this.#pt.root === 0) return;
    const used = tablesInUse(this.#pt, reservation.start, reservation.end, reservation.depth);
    reservation.used = Math.max(reservation.used, used);
    reservation.surveyed = Math.max(reservation.surveyed, reservation.mapped);
  }

  #snapshot(): void {
    const { counters } = this.#pt;
    for (let level = 0; level < LEVELS; level++) this.#before[level] = counters[C.LEVEL_ALLOCS + level];
    this.#mappedBefore = counters[C.MAPPED_BYTES];
    this.#workBefore = this.#work;
  }

  /** Grows with whatever a map does to tables. */
  get #work(): number {
    const { counters } = this.#pt;
    return (
      counters[C.LEAVES_WRITTEN] + counters[C.TABLE_ALLOCS] + counters[C.TABLE_ALLOC_FAILS] + counters[C.TABLE_FREES]
    );
  }

  /** True unless the map was refused before it came to a table, for its arguments or for want of reserved pages. */
  #walked(ret: number): boolean {
    return ret === 0 || WALKED.includes(-ret) || this.#work !== this.#workBefore;
  }

  /** `counts`: it did what it was asked; `walked`: it has looked at tables. */
  #after(
    iovaHi: number,
    iovaLo: number,
    size: number,
    isMap: boolean,
    counts: boolean,
    walked: boolean,
  ): GuaranteeBreach | null {
    const pt = this.#pt;
    if (size === 0 || !pt.iovaInRange(iovaHi, iovaLo)) return null;
    const start = offsetOf(pt, iovaHi, iovaLo);
    const end = start + size;
    // Where a partial unmap removes the whole block, more may have gone than the range.
    const reach = !isMap && pt.config.partialUnmap === 'whole' ? pt.sizes[Math.max(1, pt.startLevel)] : 1;
    const reachStart = start - (start % reach);
    const reachEnd = Math.ceil(end / reach) * reach;
    const change = pt.counters[C.MAPPED_BYTES] - this.#mappedBefore;
    const around: Reservation[] = [];
    let inside = false;
    this.#live.forEach(reachStart, reachEnd, (reservation) => {
      if (reservation.start < end && reservation.end > start) around.push(reservation);
      if (reservation.contains(reachStart, reachEnd)) reservation.setMapped(reservation.mapped + change);
      else reservation.setMapped(mappedBytesIn(pt, reservation.start, reservation.end));
      if (!reservation.contains(start, end)) return;
      inside = true;
      if (counts && isMap) reservation.maps++;
      else if (counts) reservation.unmaps++;
    });
    if (inside || this.#live.covers(start, end)) return this.#breach(around, start, end);
    if (!isMap || !walked) return null;
    if (around.length > 0) this.straddlingMaps++;
    this.outsideSeen = true;
    return null;
  }

  /** Every offset of [start, end) lies in one of the reservations `around`: down to which level, at the least? */
  #breach(around: readonly Reservation[], start: number, end: number): GuaranteeBreach | null {
    let depth = LAST_LEVEL;
    const reaches = (reservation: Reservation): boolean => reservation.depth >= depth;
    while (depth > 0 && !this.#live.covers(start, end, reaches)) depth--;
    const contains = (reservation: Reservation): boolean => reaches(reservation) && reservation.contains(start, end);
    const { id } = around.find(contains) ?? (around.find(reaches) as Reservation);
    const { counters, startLevel } = this.#pt;
    let count = 0;
    let first = 0;
    for (let level = depth; level > startLevel; level--) {
      const made = counters[C.LEVEL_ALLOCS + level] - this.#before[level];
      count += made;
      if (made > 0) first = level;
    }
    if (count === 0) return null;
    this.allocsInReserved += count;
    const tables = count === 1 ? '1 table' : `${count} tables`;
    const message = `${tables} made at level ${first} or below inside reservation ${id}, which holds the levels down to ${depth}`;
    return { rule: 'guarantee', reservation: id, level: first, count, message };
  }
}
