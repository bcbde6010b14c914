/** A measured distance between the clocks of a guest and its host. */
export interface ClockSample {
  readonly time: bigint;
  readonly offset: bigint;
  readonly scaling: bigint;
  readonly fraction: bigint;
}

/** How the time stamps of a ring buffer become nanoseconds: what `trace-input.c:timestamp_calc` of trace-cmd does. */
export class TimeRules {
  /** Nanoseconds that are added at the end. */
  offset = 0n;
  /** Multiplier and shift that turn ticks of a TSC into nanoseconds; 0: they are nanoseconds. */
  multiplier = 0n;
  shift = 0n;
  /** Distances of a guest's clock by CPU; empty when the recording is no guest's. */
  samples: readonly (readonly ClockSample[])[] = [];
  interpolates = false;

  /** Nothing but a constant is added. */
  get isPlain(): boolean {
    return this.multiplier === 0n && this.samples.length === 0;
  }

  /** Nanoseconds of a time stamp of 64 bits. */
  apply(stamp: bigint, cpu: number): bigint {
    let ts = this.#atHost(stamp, this.samples[cpu] ?? []);
    if (this.multiplier !== 0n) ts = (((ts & LOW) * this.multiplier) >> this.shift) + this.#upper(ts);
    return BigInt.asUintN(64, ts + this.offset);
  }

  #upper(ts: bigint): bigint {
    const product = (ts >> 32n) * this.multiplier;
    return this.shift <= 32n ? product << (32n - this.shift) : product >> (this.shift - 32n);
  }

  #atHost(stamp: bigint, samples: readonly ClockSample[]): bigint {
    if (samples.length === 0) return stamp;
    if (samples.length === 1) return BigInt.asUintN(64, stamp + samples[0].offset);
    let next = samples.findIndex(({ time }) => time > stamp);
    if (next < 0) next = samples.length - 1;
    next = Math.max(1, next);
    return this.#corrected(stamp, samples[next - 1], samples[next]);
  }

  #corrected(stamp: bigint, from: ClockSample, to: ClockSample): bigint {
    let correction = from.offset;
    if (this.interpolates) {
      const distance = to.time - from.time;
      correction += ((stamp - from.time) * (to.offset - from.offset) + distance / 2n) / distance;
    }
    return BigInt.asUintN(64, (BigInt.asUintN(64, stamp * from.scaling) >> from.fraction) + correction);
  }
}

const LOW = 0xffffffffn;
