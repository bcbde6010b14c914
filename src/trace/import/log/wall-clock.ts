import { type Stamp, UNSTAMPED } from './line-reader.ts';

/** Seconds from which nanoseconds are no longer exact: 104 days, more than clocks that start with the kernel often show. */
const LONGEST_UPTIME = Math.floor(Number.MAX_SAFE_INTEGER / 1e9);

/** Makes times of day relative to the first second of the input: since 1970 there were more nanoseconds than are exact. */
export class WallClock {
  #base: number | null = null;

  /** The time since the base; a time before the base is no stamp. */
  relative(stamp: Stamp): Stamp {
    if (stamp.seconds < 0) return stamp;
    this.#base ??= stamp.seconds;
    const seconds = stamp.seconds - this.#base;
    return seconds < 0 ? UNSTAMPED : { seconds, nanos: stamp.nanos };
  }

  /** Likewise for a time of which only its size tells that it is one of day. */
  relativeIfLong(stamp: Stamp): Stamp {
    return stamp.seconds < LONGEST_UPTIME ? stamp : this.relative(stamp);
  }
}
