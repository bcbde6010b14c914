import type { PageTable } from '../../lpae/page-table.ts';
import { unitOf } from '../../lpae/table/memory.ts';
import type { RangePeaks } from '../areas/range-peaks.ts';
import { forEachTable } from '../range-walk.ts';
import type { Reservation } from '../reservation.ts';

/** The tables of one address space that reservations pin, each once however many of them meet it. */
export class PinnedTables {
  /** Tables that are pinned now, and the most there ever were. */
  now = 0;
  peak = 0;
  readonly #pt: PageTable;
  readonly #peaks: RangePeaks;

  /** `peaks` are those of all address spaces of a run. */
  constructor(pt: PageTable, peaks: RangePeaks) {
    this.#pt = pt;
    this.#peaks = peaks;
  }

  /** Pins every table that a reservation meets once more, from the top down. */
  pin(reservation: Reservation): void {
    this.#add(reservation, 1);
  }

  /** Takes the pins of a reservation away. What nobody pins any more stays until it is collapsed. */
  unpin(reservation: Reservation): void {
    this.#add(reservation, -1);
  }

  #add({ start, end, depth }: Reservation, change: number): void {
    const { pins } = this.#pt.memory;
    const before = this.now;
    forEachTable(this.#pt, start, end, depth, (slot) => {
      const unit = unitOf(slot);
      const pinsBefore = pins[unit];
      pins[unit] = pinsBefore + change;
      if (pinsBefore === 0) this.now++;
      else if (pinsBefore + change === 0) this.now--;
    });
    if (this.now > this.peak) this.peak = this.now;
    const pinned = this.now - before;
    this.#peaks.pin(pinned, pinned * this.#pt.granule);
  }
}
