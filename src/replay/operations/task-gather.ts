import { Gather } from '../../iommu/gather.ts';
import { type Batch, FLAG_GATHER_QUEUED } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** Neighbouring unmaps of one task, and the gather they share. */
interface SharedGather {
  readonly space: AddressSpace;
  readonly thread: number;
  readonly gather: Gather;
}

/**
 * One gather for the neighbouring unmaps of a task, which a VFIO ioctl makes before it syncs once
 * (vfio_iommu_type1.c:vfio_unmap_unpin). Any other event ends it.
 */
export class TaskGather {
  readonly #results: ResultLines | null;
  #shared: SharedGather | null = null;

  constructor(results: ResultLines | null) {
    this.#results = results;
  }

  /** Unmaps have gone into a gather that is still to be synced. */
  get open(): boolean {
    return this.#shared !== null;
  }

  /** The gather for the unmap at `i`, which has been settled for. */
  of(space: AddressSpace, batch: Batch, i: number): Gather {
    this.#shared ??= { space, thread: batch.thread[i], gather: new Gather() };
    return this.#shared.gather;
  }

  /** Before an event of columns: syncs what earlier unmaps shared, unless this event goes on with it. */
  settle(batch: Batch, i: number, space: AddressSpace): void {
    const shared = this.#shared;
    if (shared === null) return;
    const goesOn =
      space === shared.space &&
      batch.op[i] === E.OP_UNMAP &&
      (batch.flags[i] & FLAG_GATHER_QUEUED) === 0 &&
      batch.thread[i] === shared.thread;
    if (goesOn) this.#results?.endOpenLine();
    else this.finish();
  }

  /** Syncs what is still open, and ends its line. */
  finish(): void {
    const shared = this.#shared;
    if (shared === null) return;
    this.#shared = null;
    shared.space.domain?.sync(shared.gather);
    this.#results?.endOpenLine();
  }
}
