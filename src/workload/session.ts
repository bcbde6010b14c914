import type { BindMap, BindOp, BindRange, Event } from '../trace/events.ts';
import type { Backing } from './memory/backing.ts';
import { pageAddress } from './memory/page-address.ts';
import { PAGE, PhysicalMemory } from './memory/physical-memory.ts';
import { Random } from './random.ts';

/** Jobs that have run and not been cleaned up: drivers return what a job did not use from a worker, a little later. */
const CLEANUP_LAG = 2;

/** A buffer object of the trace. */
export interface Bo {
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  readonly backing: Backing;
}

/** What a session is told beside the workload's own parameters. */
export interface SessionOptions {
  readonly seed: number;
  readonly mode: 'sync' | 'async';
  /** Jobs that wait between submission and execution. */
  readonly depth: number;
  /** Write down when asynchronous jobs run and are cleaned up. */
  readonly explicit: boolean;
  /** The driver can map a range to nothing (msm's MAP_NULL, sparse or NULL PTEs of nouveau and xe). */
  readonly nullMaps: boolean;
}

/**
 * One user of a GPU address space: declares buffer objects and binds them. Keeps the queue that its jobs go through, since
 * memory of an object that was given up is free for others only when the last job that names it has been cleaned up.
 */
export class Session {
  readonly random: Random;
  readonly memory = new PhysicalMemory();
  readonly nullMaps: boolean;
  readonly #options: SessionOptions;
  #events: Event[] = [];
  /** Jobs are numbered from 1 and run in order: counts are all there is to a queue. */
  #submitted = 0;
  #ran = 0;
  #cleaned = 0;
  /** Objects given up, and the job after whose cleanup their pages are free, oldest first. */
  #given: { readonly bo: Bo; readonly job: number }[] = [];
  #ids = 0;
  readonly #freeIds: string[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.nullMaps = options.nullMaps;
  }

  /** Declares an object over pages of `memory`. The id of an object whose pages are free again names a later one. */
  declare(backing: Backing): Bo {
    const id = this.#freeIds.pop() ?? `b${this.#ids++}`;
    const size = backing.pages * PAGE;
    this.#events.push({ op: 'bo', id, size, segments: backing.segments, folio: backing.folio });
    return { id, size, backing };
  }

  /** Nothing maps the object once the jobs submitted so far have run, and nothing will. */
  giveUp(bo: Bo): void {
    this.#given.push({ bo, job: this.#submitted });
    this.#collect();
  }

  /** One VM_BIND ioctl. */
  bind(ops: readonly BindOp[]): void {
    const { mode, depth } = this.#options;
    const job = ++this.#submitted;
    this.#events.push({ op: 'bind', job, mode, ops });
    if (mode === 'sync') {
      this.#ran = job;
      this.#cleaned = job;
    } else {
      this.#runUntil(job - depth);
      this.#cleanUntil(this.#ran - CLEANUP_LAG);
    }
    this.#collect();
  }

  /** The queue runs empty. */
  finish(): void {
    this.#runUntil(this.#submitted);
    this.#cleanUntil(this.#submitted);
  }

  /** The events since the last call. */
  drain(): readonly Event[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #runUntil(job: number): void {
    while (this.#ran < job) this.#note('exec', ++this.#ran);
  }

  #cleanUntil(job: number): void {
    while (this.#cleaned < job) this.#note('cleanup', ++this.#cleaned);
  }

  #note(op: 'exec' | 'cleanup', job: number): void {
    if (this.#options.explicit) this.#events.push({ op, job });
  }

  #collect(): void {
    let done = 0;
    while (done < this.#given.length && this.#given[done].job <= this.#cleaned) {
      const { bo } = this.#given[done++];
      bo.backing.release(this.memory);
      this.#freeIds.push(bo.id);
    }
    if (done > 0) this.#given.splice(0, done);
  }
}

/** Maps `size` bytes of an object, from `offset` on. All of them are bytes, multiples of 4096. */
export function map(iova: number, size: number, bo: Bo, offset = 0): BindMap {
  return { kind: 'map', iova: pageAddress(iova / PAGE), size, bo: bo.id, offset };
}

export function unmap(iova: number, size: number): BindRange {
  return { kind: 'unmap', iova: pageAddress(iova / PAGE), size };
}

/** A range that reads as zero and swallows writes: sparse memory that is not resident. */
export function mapNull(iova: number, size: number): BindRange {
  return { kind: 'map_null', iova: pageAddress(iova / PAGE), size };
}
