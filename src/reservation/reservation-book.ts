import { LiveRanges } from './areas/live-ranges.ts';
import type { IovaRange } from './request.ts';
import type { Reservation } from './reservation.ts';

/** A long trace makes millions; memory must stay flat. */
const ENDED_KEPT = 10_000;

/** The reservations of one address space by id and by range. */
export class ReservationBook {
  readonly #known = new Set<Reservation>();
  readonly live = new LiveRanges<Reservation>();
  readonly #byId = new Map<string, Reservation>();
  /** Reservations made. */
  made = 0;
  #ended = 0;

  /** Reservations in the order of making: all that live, and of those that ended the first ENDED_KEPT. */
  get list(): readonly Reservation[] {
    return [...this.#known];
  }

  add(reservation: Reservation): void {
    this.made++;
    this.#known.add(reservation);
    this.live.add(reservation);
    this.#byId.set(reservation.id, reservation);
  }

  /** A reservation has ended. Its id may be used again. */
  remove(reservation: Reservation): void {
    this.live.remove(reservation);
    this.#byId.delete(reservation.id);
    if (++this.#ended > ENDED_KEPT) this.#known.delete(reservation);
  }

  /** The live reservation of an id. */
  find(id: string): Reservation | null {
    return this.#byId.get(id) ?? null;
  }

  /** The live reservation of an id, or without one of a range; with both, only when they agree. */
  named(id: string | null, range: IovaRange | null): Reservation | null {
    if (id !== null) {
      const reservation = this.find(id);
      return reservation !== null && (range === null || isOver(reservation, range)) ? reservation : null;
    }
    if (range === null) return null;
    // Of several over the same range, the one that was made last.
    let found: Reservation | null = null;
    for (const reservation of this.live) if (isOver(reservation, range)) found = reservation;
    return found;
  }
}

function isOver(reservation: Reservation, { iovaHi, iovaLo, size }: IovaRange): boolean {
  return reservation.iovaHi === iovaHi >>> 0 && reservation.iovaLo === iovaLo >>> 0 && reservation.size === size;
}
