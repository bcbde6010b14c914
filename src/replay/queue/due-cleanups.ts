import type { BoundJob } from '../jobs/bound-job.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { QueueOptions } from './queue-options.ts';

/** Finished cleanups that may stand at the head of their list. */
const CLEANUPS_KEPT = 1024;

interface Cleanup {
  readonly space: AddressSpace;
  readonly ticket: number;
  /** Null for a plain operation. */
  readonly job: BoundJob | null;
  readonly tick: number;
  readonly time: number;
}

function clean(space: AddressSpace, ticket: number, job: BoundJob | null): void {
  if (job === null) space.cleanup(ticket);
  else job.cleanup();
}

/** Operations and jobs that have run: their surplus goes back when it is due, in the order in which they ran. */
export class DueCleanups {
  readonly #after: QueueOptions['cleanup'];
  readonly #list: Cleanup[] = [];
  /** Where the first stands that is still to be cleaned up. */
  #first = 0;

  /** `after`: how long surplus is kept, in operations or in nanoseconds. */
  constructor(after: QueueOptions['cleanup']) {
    this.#after = after;
  }

  /** Takes an operation by its ticket, or a job, that has run: at a tick, in operations, and a time, in nanoseconds of the trace. */
  add(space: AddressSpace, ticket: number, job: BoundJob | null, tick: number, time: number): void {
    if (this.#after.value === 0) clean(space, ticket, job);
    else this.#list.push({ space, ticket, job, tick, time });
  }

  /** Gives back what is due at a tick and a time. */
  runDue(tick: number, time: number): void {
    const { unit, value } = this.#after;
    while (this.#first < this.#list.length) {
      const next = this.#list[this.#first];
      const late = unit === 'ops' ? tick - next.tick : time - next.time;
      if (late < value) break;
      this.#runNext();
    }
  }

  /** Gives back the first surplus of an address space before its time; false when there is none. */
  runFirstOf(space: AddressSpace): boolean {
    let at = this.#first;
    while (at < this.#list.length && this.#list[at].space !== space) at++;
    if (at === this.#list.length) return false;
    const [{ ticket, job }] = this.#list.splice(at, 1);
    clean(space, ticket, job);
    return true;
  }

  /** Gives all back. */
  drain(): void {
    while (this.#first < this.#list.length) this.#runNext();
  }

  #runNext(): void {
    const { space, ticket, job } = this.#list[this.#first++];
    clean(space, ticket, job);
    if (this.#first < CLEANUPS_KEPT) return;
    this.#list.splice(0, CLEANUPS_KEPT);
    this.#first = 0;
  }
}
