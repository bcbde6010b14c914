import type { Areas } from '../../reservation/areas/areas.ts';
import type { Grace } from '../../reservation/grace/grace.ts';
import type { Reservations } from '../../reservation/reservations.ts';

/** What is reserved in one address space, and who may still walk its freed tables. */
export class SpaceRanges {
  readonly grace: Grace;
  readonly reservations: Reservations | null = null;
  readonly areas: Areas | null = null;

  constructor(grace: Grace, reservations: Reservations | null, areas: Areas | null) {
    this.grace = grace;
    this.reservations = reservations;
    this.areas = areas;
  }
}
