import type { Batch } from '../../trace/batch.ts';
import type { BindEvent, BoEvent, JobEvent } from '../../trace/events.ts';
import type { AddressSpace } from '../address-space.ts';
import type { OpQueue } from '../op-queue.ts';
import type { Watch } from '../ranges/watch.ts';
import type { ResultLines } from '../result-lines.ts';
import type { SpaceDirectory } from '../space-directory.ts';
import { BufferObjects } from './buffer-objects.ts';
import { cleanupJob, Job, runJob, runSyncJob, submitJob } from './job.ts';
import type { JobLookahead } from './job-lookahead.ts';

/** What the events of jobs need of the replay around them. */
export interface JobHost {
  readonly directory: SpaceDirectory;
  readonly results: ResultLines | null;
  readonly queue: OpQueue | null;
  readonly watch: Watch;
  readonly lookahead: JobLookahead;
  /** A job is about to run in the time of its event. */
  before(space: AddressSpace, batch: Batch, i: number, seq: number): void;
}

/**
 * `bo`, `bind`, `exec` and `cleanup` for address spaces without a GPU driver's rules: a job maps and unmaps through the
 * IOMMU core, operation by operation. An asynchronous job runs at its `exec` event in a trace that has any, else when the
 * queue says so, else at once; a synchronous one runs at once and overtakes what waits.
 */
export class JobEvents {
  readonly #host: JobHost;
  readonly #objects = new BufferObjects();
  readonly #jobs = new Map<string, Job>();

  /** Jobs that were bound and never executed. */
  neverRan = 0;

  constructor(host: JobHost) {
    this.#host = host;
  }

  bo(event: BoEvent, seq: number): void {
    this.#objects.declare(event);
    this.#host.results?.plain(seq, 'bo', ',"ret":0');
  }

  /** The `bind` at `i`; `space` is its address space. */
  bind(event: BindEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    this.#check(event, space, batch, i);
    this.#host.results?.begin(space, event.domain !== undefined);
    const job = new Job(space, event, this.#objects, seq, batch.line[i]);
    const queued = event.mode === 'async' && this.#host.lookahead.explicit !== true && this.#host.queue !== null;
    // The queue lets the tick pass by itself.
    if (!queued) space.tick();
    if (event.mode === 'sync') {
      this.#host.before(space, batch, i, seq);
      const domain = this.#host.directory.usable(space, batch, i);
      runSyncJob(job, this.#jobsWaiting(space) === 0, domain, this.#host.watch);
      if (job.ret !== 0) space.failed(job.ret);
      this.#line('bind', seq, job);
      return;
    }
    if (this.#host.lookahead.explicit === true) {
      // When the job ran is on record: a throttle cannot hold it back here, only count that it would have.
      space.allocator.mustWait();
      submitJob(job, false);
      this.#jobs.set(key(space, job.id), job);
      if (job.ret !== 0) space.failed(job.ret);
      this.#host.results?.lookup(
        seq,
        'bind',
        space,
        `,"job":${JSON.stringify(event.job)},"ret":${job.ret},"reserved":${job.reserved}`,
      );
      return;
    }
    const { queue } = this.#host;
    if (queue === null) {
      submitJob(job, true);
      if (job.ret !== 0) space.failed(job.ret);
      this.run(job, batch, i, seq);
      cleanupJob(job);
      this.#line('bind', seq, job);
    } else {
      queue.add(space, batch, i, seq, 0, () => {
        submitJob(job, false);
        if (job.ret !== 0) space.failed(job.ret);
        return job;
      });
    }
  }

  /** A job that waited in the queue has its turn. */
  runQueued(job: Job, batch: Batch, i: number, seq: number): void {
    this.#host.results?.begin(job.space, job.event.domain !== undefined);
    this.run(job, batch, i, seq);
    for (const ticket of job.tickets) this.#host.queue?.retire(job.space, ticket);
    job.tickets.length = 0;
    this.#line('bind', seq, job);
  }

  exec(event: JobEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const job = this.#known(event, space, batch, i);
    space.tick();
    if (job.state === 'ran') throw this.#host.directory.error(batch, i, `job ${name(event)} has run already`);
    this.#host.results?.begin(space, event.domain !== undefined);
    this.run(job, batch, i, seq);
    this.#line('exec', seq, job);
  }

  cleanup(event: JobEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const job = this.#known(event, space, batch, i);
    this.#jobs.delete(key(space, job.id));
    space.tick();
    const before = space.stats.returned;
    if (job.state === 'submitted') this.neverRan++;
    cleanupJob(job);
    const returned = space.stats.returned - before;
    this.#host.results?.begin(space, event.domain !== undefined);
    this.#host.results?.lookup(
      seq,
      'cleanup',
      space,
      `,"job":${JSON.stringify(event.job)},"ret":0,"returned":${returned}`,
    );
  }

  /** Gives back what jobs still hold whose cleanup never came; those that never ran are as if cancelled. */
  finish(): void {
    for (const job of this.#jobs.values()) {
      if (job.state === 'submitted') this.neverRan++;
      cleanupJob(job);
    }
    this.#jobs.clear();
  }

  /** Forgets the jobs of an address space that is destroyed. */
  forget(space: AddressSpace): void {
    for (const [id, job] of this.#jobs) {
      if (job.space !== space) continue;
      cleanupJob(job);
      this.#jobs.delete(id);
    }
  }

  run(job: Job, batch: Batch, i: number, seq: number): void {
    const { space } = job;
    this.#host.before(space, batch, i, seq);
    const domain = this.#host.directory.usable(space, batch, i);
    if (job.ret !== 0) return;
    runJob(job, domain, this.#host.watch);
    if (job.ret !== 0) space.failed(job.ret);
  }

  #jobsWaiting(space: AddressSpace): number {
    let waiting = this.#host.queue?.waiting ?? 0;
    for (const job of this.#jobs.values()) if (job.space === space && job.state === 'submitted') waiting++;
    return waiting;
  }

  #line(op: string, seq: number, job: Job): void {
    this.#host.results?.counted(seq, op, job.space, job.fields());
  }

  #check(event: BindEvent, space: AddressSpace, batch: Batch, i: number): void {
    const fail = (message: string): Error => this.#host.directory.error(batch, i, message);
    if (space.driver !== 'iommu') throw fail(`not supported yet: bind for driver "${space.driver}"`);
    if (this.#jobs.has(key(space, String(event.job)))) {
      throw fail(`job ${name(event)} is still there; give it a cleanup first, or the new one another name`);
    }
    for (const [at, op] of event.ops.entries()) {
      if (op.kind === 'map_null') throw fail(`ops[${at}]: map_null needs a GPU driver; the domain's driver is "iommu"`);
      if (op.kind !== 'map') continue;
      const bo = op.bo;
      if (!this.#objects.has(bo)) {
        throw fail(`ops[${at}]: no buffer object ${JSON.stringify(bo)}; declare it first: {"op":"bo","id":...}`);
      }
      const reach = (op.offset ?? 0) + op.size;
      const backing = this.#objects.backing(bo);
      if (reach > backing) {
        throw fail(
          `ops[${at}]: buffer object ${JSON.stringify(bo)} has ${backing} bytes in its segments; this map needs ${reach}`,
        );
      }
    }
  }

  #known(event: JobEvent, space: AddressSpace, batch: Batch, i: number): Job {
    const job = this.#jobs.get(key(space, String(event.job)));
    if (job !== undefined) return job;
    const why =
      this.#host.lookahead.explicit === false
        ? 'its bind ran at once, since no exec was in sight for a quarter of a million events'
        : 'bind it first, with "mode":"async"';
    throw this.#host.directory.error(batch, i, `no job ${name(event)} waits; ${why}`);
  }
}

function key(space: AddressSpace, id: string): string {
  return `${space.id}\n${id}`;
}

function name(event: BindEvent | JobEvent): string {
  return JSON.stringify(String(event.job));
}
