import type { Areas } from '../reservation/areas.ts';
import type { Grace } from '../reservation/grace.ts';
import type { Reservations } from '../reservation/reservations.ts';

/** An operation that was listed before the one at hand and ended after that began. */
interface Overlap {
  readonly seq: number;
  readonly end: number;
}

/** What is reserved in one address space, and who may still walk its freed tables. */
export class SpaceRanges {
  readonly grace: Grace;
  readonly reservations: Reservations | null = null;
  readonly areas: Areas | null = null;
  readonly overlaps: Overlap[] = [];

  constructor(grace: Grace, reservations: Reservations | null, areas: Areas | null) {
    this.grace = grace;
    this.reservations = reservations;
    this.areas = areas;
  }
}
