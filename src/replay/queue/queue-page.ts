import { Batch } from '../../trace/batch.ts';
import type { BoundJob } from '../jobs/bound-job.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** What the queue keeps of a waiting event beside its columns. */
export interface Waiting {
  readonly ticket: number;
  readonly reserved: number;
  readonly job: BoundJob | null;
  /** Bytes of the mapped area that begins with this event; 0: none does. */
  readonly area: number;
}

/** Events in the order of their submission, as many as one batch holds. */
export class QueuePage {
  readonly events = new Batch();
  readonly spaces: AddressSpace[] = [];
  readonly jobs: (BoundJob | null)[] = [];
  readonly seq: Float64Array;
  readonly ticket: Int32Array;
  readonly reserved: Float64Array;
  readonly area: Float64Array;
  readonly tick: Float64Array;
  readonly time: Float64Array;
  /** 1: it ran before its turn. */
  readonly done: Uint8Array;
  /** The next to run. */
  head = 0;

  constructor() {
    const capacity = this.events.op.length;
    this.seq = new Float64Array(capacity);
    this.ticket = new Int32Array(capacity);
    this.reserved = new Float64Array(capacity);
    this.area = new Float64Array(capacity);
    this.tick = new Float64Array(capacity);
    this.time = new Float64Array(capacity);
    this.done = new Uint8Array(capacity);
  }

  clear(): void {
    this.events.clear();
    this.spaces.length = 0;
    this.jobs.length = 0;
    this.head = 0;
  }
}
