/*
 * What events have in common.
 */

/** An address: `0x` and 1 to 16 hex digits, bytes. */
export type Hex = `0x${string}`;

/** A point in the order of things, by whatever name the trace gives it. */
export type FenceName = string | number;

/** What every event may have. */
export interface EventBase {
  /** Nanoseconds at which it began, on the clock of the trace. */
  readonly ts?: number;
  /** Nanoseconds at which it ended, not before `ts`. */
  readonly end?: number;
  /** Thread that did it, as the recording calls it. */
  readonly thread?: string | number;
  /** Queue that it came from. */
  readonly queue?: string | number;
  /** Fences that it waits for before it begins, and those that are signalled when it has ended. */
  readonly waits?: readonly FenceName[];
  /** Fences that are signalled when it has ended. */
  readonly signals?: readonly FenceName[];
  /** For the reader; of no consequence. */
  readonly comment?: string;
}

export interface DomainEventBase extends EventBase {
  /** May be left out when the trace has one domain. */
  readonly domain?: string;
}
