import type { AddressSpace } from '../spaces/address-space.ts';
import type { BoundJob } from './bound-job.ts';
import { Throttled } from './throttled.ts';

const NONE: ReadonlySet<BoundJob> = new Set();

/** The jobs between their bind and their cleanup: by name, and those that have not run, in the order of their ioctls. */
export class JobBook {
  readonly throttled = new Throttled();
  readonly #byName = new Map<string, BoundJob>();
  readonly #waiting = new Map<AddressSpace, Set<BoundJob>>();
  /** Jobs that were bound and never executed, other than refused ones. */
  neverRan = 0;
  readonly #phase: ((job: BoundJob) => void) | null;

  /** `phase` hears of every job that has been cleaned up or abandoned. */
  constructor(phase: ((job: BoundJob) => void) | null = null) {
    this.#phase = phase;
  }

  find(space: AddressSpace, id: string): BoundJob | null {
    return this.#byName.get(key(space, id)) ?? null;
  }

  /** A job is named by later events. */
  enter(job: BoundJob): void {
    this.#byName.set(key(job.space, job.id), job);
  }

  /** A job has been submitted and waits for its run. */
  waits(job: BoundJob): void {
    const waiting = this.#waiting.get(job.space);
    if (waiting === undefined) this.#waiting.set(job.space, new Set([job]));
    else waiting.add(job);
  }

  /** A job waits no longer. */
  runs(job: BoundJob): void {
    this.#waiting.get(job.space)?.delete(job);
  }

  waitingIn(space: AddressSpace): ReadonlySet<BoundJob> {
    return this.#waiting.get(space) ?? NONE;
  }

  /** Every job that waits, in whatever address space. */
  *allWaiting(): IterableIterator<BoundJob> {
    for (const waiting of this.#waiting.values()) yield* waiting;
  }

  /** What a job holds goes back, and nobody can name it any more; one that never ran is as if cancelled. */
  cleanup(job: BoundJob): void {
    if (job.state === 'submitted' && job.ret === 0) this.neverRan++;
    this.#drop(job);
  }

  /** The address space is about to be destroyed, its jobs with it. */
  forget(space: AddressSpace): void {
    for (const job of this.#byName.values()) if (job.space === space) this.cleanup(job);
    this.#waiting.delete(space);
  }

  /** Gives back what jobs still hold whose cleanup never came. */
  finish(): void {
    for (const job of this.#byName.values()) {
      if (job.state !== 'submitted') this.cleanup(job);
      else {
        if (job.ret === 0) this.neverRan++;
        job.abandon();
        this.#phase?.(job);
      }
    }
    this.#byName.clear();
  }

  #drop(job: BoundJob): void {
    this.#byName.delete(key(job.space, job.id));
    this.runs(job);
    this.throttled.forget(job);
    job.cleanup();
    this.#phase?.(job);
  }
}

function key(space: AddressSpace, id: string): string {
  return `${space.id}\n${id}`;
}
