/** Where and when an event was recorded. */
export interface EventHead {
  /** Process id; idle tasks share pid 0 and are told apart by CPU: `0@1`. */
  readonly thread: string;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
  /** -1 when the recording does not say. */
  readonly cpu: number;
  /** Command name; empty when the recording does not say or nobody asked for it. */
  readonly comm: string;
  /** Its time in two parts; the seconds are NO_STAMP when the recording has no time in seconds. */
  readonly seconds: number;
  readonly nanos: number;
}
