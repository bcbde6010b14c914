import type { DomainEventBase, Hex } from './event-base.ts';

/*
 * Events about IOVA reservations.
 */

/** Makes and pins the tables of a range of IOVAs. */
export interface ReserveEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'reserve';
  /** Id of the reservation. */
  readonly id: string;
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** 1 to 3: the deepest level whose tables are made and pinned. */
  readonly depth?: number;
  /** Several address spaces in turn instead of `domain`: in all of them or in none. */
  readonly domains?: readonly string[];
}

/** `iova` and `size` come together or not at all. */
export interface UnreserveEvent extends DomainEventBase {
  /** The operation: unpin the tables, or unmap everything in the range as well. */
  readonly op: 'unreserve' | 'release';
  /** Id of the reservation. */
  readonly id: string;
  /** First IOVA of a part of it; left out: all of it. */
  readonly iova?: Hex;
  /** Bytes of that part. */
  readonly size?: number;
  /** The deepest level whose tables go, 1 to 3. */
  readonly depth?: number;
}

/** A reader under RCU: whole, with `begin` and `end`, or one of its ends, with `id` and `phase`. */
export interface RcuReadEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'rcu_read';
  /** Nanoseconds; `end` is the one that every event may have. */
  readonly begin?: number;
  /** Id of a reader that is told in two events. */
  readonly id?: string;
  /** Which of its ends this is. */
  readonly phase?: 'begin' | 'end';
  /** The address that the reader is walking to. */
  readonly iova?: Hex;
}
