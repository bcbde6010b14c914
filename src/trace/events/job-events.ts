import type { DomainEventBase, EventBase, Hex } from './event-base.ts';

/*
 * Events about GPU buffer objects and binds.
 */

/** Physically contiguous memory. */
export interface Segment {
  /** First physical address. */
  readonly paddr: Hex;
  /** Bytes. */
  readonly size: number;
}

/** A buffer object: where its pages lie. */
export interface BoEvent extends EventBase {
  /** The operation. */
  readonly op: 'bo';
  /** Its id. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** Its memory, in the order of its offsets. */
  readonly segments: readonly Segment[];
  /** Bytes of the folios behind it; 4096 unless it says. */
  readonly folio?: number;
}

/** What operations of a job have in common. */
interface BindOpBase {
  /** Bytes into the buffer object; 0 unless it says. */
  readonly offset?: number;
  /** The driver's flags; of panthor 1 read only, 2 no execute, 4 uncached. */
  readonly flags?: number;
}

/** Maps a part of a buffer object. */
export interface BindMap extends BindOpBase {
  /** What it does. */
  readonly kind: 'map';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** Id of the buffer object. */
  readonly bo: string;
}

/** Unmaps a range, or maps it to nothing. */
export interface BindRange extends BindOpBase {
  /** What it does. */
  readonly kind: 'unmap' | 'map_null';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** Id of a buffer object, which the driver may look at. */
  readonly bo?: string;
}

/** Only waits and signals. */
export interface BindSync extends BindOpBase {
  /** What it does. */
  readonly kind: 'sync_only';
  /** Of no consequence. */
  readonly iova?: Hex;
  /** Of no consequence. */
  readonly size?: number;
  /** Of no consequence. */
  readonly bo?: string;
}

/** One operation of a job. */
export type BindOp = BindMap | BindRange | BindSync;

/** A VM_BIND ioctl: pages are reserved here. */
export interface BindEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'bind';
  /** Id of the job. */
  readonly job: string | number;
  /** Whether the caller waits until it has run. */
  readonly mode: 'sync' | 'async';
  /** Its operations, in order. */
  readonly ops: readonly BindOp[];
}

/** A job of a queue runs (`exec`), or gives back what it reserved and did not use (`cleanup`). */
export interface JobEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'exec' | 'cleanup';
  /** Id of the job. */
  readonly job: string | number;
}
