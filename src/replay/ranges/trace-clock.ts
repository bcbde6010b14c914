import type { ReservationOptions } from '../../reservation/options.ts';
import { type Batch, FLAG_HAS_TS } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';

/**
 * The ticks that grace periods are counted in: nanoseconds of the trace once it has told some, numbers of events before and
 * otherwise. Never goes back. Refuses a latency whose unit is the other one.
 */
export class TraceClock {
  /** The tick that the trace has come to. */
  now = 0;
  readonly #options: Pick<ReservationOptions, 'rcuLatency' | 'rcuLatencyUnit'>;
  readonly #error: (batch: Batch, i: number, message: string) => Error;
  #timed = false;

  constructor(
    options: Pick<ReservationOptions, 'rcuLatency' | 'rcuLatencyUnit'>,
    error: (batch: Batch, i: number, message: string) => Error,
  ) {
    this.#options = options;
    this.#error = error;
  }

  /** The trace has come to the event at `i`, number `seq`. */
  at(batch: Batch, i: number, seq: number): void {
    if ((batch.flags[i] & FLAG_HAS_TS) !== 0) {
      if (!this.#timed) this.#beTimed(batch, i);
      this.now = Math.max(this.now, batch.ts[i]);
    } else if (!this.#timed) {
      this.now = seq;
      const { rcuLatency, rcuLatencyUnit } = this.#options;
      if (rcuLatency > 0 && rcuLatencyUnit === 'ns' && batch.op[i] <= E.LAST_COLUMN_OP) {
        throw this.#error(
          batch,
          i,
          'this event has no "ts", so --rcu-latency in nanoseconds means nothing; give it in events',
        );
      }
    }
  }

  /** The first time stamp: from now on ticks are nanoseconds. */
  #beTimed(batch: Batch, i: number): void {
    const { rcuLatency, rcuLatencyUnit } = this.#options;
    if (rcuLatency > 0 && rcuLatencyUnit === 'ops') {
      throw this.#error(batch, i, 'this trace has time stamps; give --rcu-latency as a time, such as 20us');
    }
    this.#timed = true;
  }
}
