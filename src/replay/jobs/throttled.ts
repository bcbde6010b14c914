import { THROTTLE_PAGES } from '../../allocator/reserve.ts';
import * as G from '../../gpuvm/gpu-counters.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { BoundJob } from './bound-job.ts';
import { GpuBoundJob } from './gpu-bound-job.ts';

/**
 * Submissions that a throttle holds back where a trace says itself when jobs run (msm_gem_vma.c:msm_ioctl_vm_bind): the ioctl sleeps
 * until earlier jobs are cleaned up, and everything behind it waits with it. One whose run is on record has got through.
 */
export class Throttled {
  /** Held back, in the order of their ioctls; how many submissions there were when each came. */
  readonly #held = new Map<BoundJob, number>();
  /** How many of an address space are held back. */
  readonly #heldIn = new Map<AddressSpace, number>();
  /** Jobs that ran before the trace says so, with the fields of their lines. */
  readonly #early = new Map<BoundJob, string>();
  #submissions = 0;
  /** Pages in flight by address space, if no job were ever cleaned up. */
  readonly #unfreed = new Map<AddressSpace, number>();

  /** A job comes in: true when it must wait. */
  holds(job: BoundJob): boolean {
    this.#submissions++;
    const { space } = job;
    const before = this.#heldIn.get(space) ?? 0;
    if (before === 0 && !space.allocator.mustWait()) return false;
    this.#held.set(job, this.#submissions);
    this.#heldIn.set(space, before + 1);
    return true;
  }

  /**
   * Where a trace does not say when jobs are cleaned up: what the throttle would say to a job if none of those before it had
   * been yet, as fields of its line. From the first that it holds back on all sleep.
   */
  unfreed({ space, job }: GpuBoundJob): string {
    let inFlight = this.#unfreed.get(space) ?? 0;
    const blocked = inFlight > THROTTLE_PAGES;
    if (!blocked) inFlight += job.reserved;
    this.#unfreed.set(space, inFlight);
    return `,"blocked":${blocked},"inFlight":${inFlight}`;
  }

  /** The jobs that may go on now that pages have come back, each when the one before it has been submitted. */
  *admit(space: AddressSpace): IterableIterator<BoundJob> {
    for (const job of this.#held.keys()) {
      if (job.space !== space) continue;
      if (space.allocator.mustWait()) return;
      this.release(job);
      yield job;
    }
  }

  /** Lets a job go; true when it had been held back. */
  release(job: BoundJob): boolean {
    const since = this.#held.get(job);
    if (since === undefined) return false;
    this.#drop(job);
    this.waited(job, this.#submissions - since + 1);
    return true;
  }

  /** Lets go what is held back of an address space up to a job: what got through after them had to wait for them. */
  *upTo(job: BoundJob): IterableIterator<BoundJob> {
    if (!this.#held.has(job)) return;
    for (const held of this.#held.keys()) {
      if (held.space !== job.space) continue;
      this.release(held);
      yield held;
      if (held === job) return;
    }
  }

  #drop(job: BoundJob): void {
    if (!this.#held.delete(job)) return;
    this.#heldIn.set(job.space, (this.#heldIn.get(job.space) ?? 1) - 1);
  }

  /** The job is gone. */
  forget(job: BoundJob): void {
    this.#drop(job);
    this.#early.delete(job);
  }

  /** A submission was held back while `ops` others came or ran; 0: it was not. */
  waited(job: BoundJob, ops: number): void {
    if (ops === 0 || !(job instanceof GpuBoundJob)) return;
    job.gpu.counters[G.BLOCKED]++;
    job.gpu.counters[G.BLOCKED_OPS] += ops;
  }

  /** The job ran before the trace says so, for one that waited for it. */
  runsEarly(job: BoundJob, fields: string): void {
    this.#early.set(job, fields);
  }

  /** The fields of a job that ran before its event; null for one that did not. */
  ranEarly(job: BoundJob): string | null {
    const fields = this.#early.get(job) ?? null;
    this.#early.delete(job);
    return fields;
  }
}
