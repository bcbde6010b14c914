import type { Batch } from '../../trace/batch.ts';
import type { BindEvent, BoEvent, JobEvent } from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { BoundJob } from './bound-job.ts';
import { checkBind } from './check-bind.ts';
import { GpuBoundJob } from './gpu-bound-job.ts';
import { GpuVerdicts } from './gpu-verdicts.ts';
import { IommuJob } from './iommu-job.ts';
import { JobBook } from './job-book.ts';
import { JobLines, throttleFields } from './job-lines.ts';
import { type JobHost, JobPhases } from './job-phases.ts';
import { neededObjects } from './needed-objects.ts';

/**
 * `bo`, `bind`, `exec` and `cleanup`. An asynchronous job runs at its `exec` event in a trace that has any, else when the
 * queue says so, else at once. A synchronous one runs at once and overtakes what waits, unless its driver has one queue for both.
 */
export class JobEvents {
  readonly #host: JobHost;
  readonly #book: JobBook;
  readonly #lines: JobLines;
  readonly #verdicts: GpuVerdicts;
  readonly #phases: JobPhases;

  constructor(host: JobHost) {
    this.#host = host;
    this.#book = new JobBook(host.phase);
    this.#lines = new JobLines(host.results);
    this.#verdicts = new GpuVerdicts(host.findings);
    this.#phases = new JobPhases(host, this.#book, this.#lines, this.#verdicts);
  }

  /** Jobs that were bound and never executed. */
  get neverRan(): number {
    return this.#book.neverRan;
  }

  bo(event: BoEvent, seq: number): void {
    const { objects } = this.#host;
    objects.declare(event);
    if (objects.sweepDue) {
      const needed = neededObjects(this.#host.directory.spaces, this.#book.allWaiting());
      if (needed !== null) objects.sweep(needed);
    }
    this.#lines.declared(seq);
  }

  /** The `bind` at `i`; `space` is its address space. */
  bind(event: BindEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    this.#check(event, space, batch, i);
    const { queue, lookahead } = this.#host;
    const job = this.#make(event, space, batch, i, seq);
    const explicit = lookahead.explicit === true;
    this.#lines.beginAt(job, batch, i);
    if (event.mode === 'sync') this.#bindSync(job, batch, i, seq);
    else if (space.gpu?.immediate === true) this.#bindImmediate(job, batch, i, seq);
    else if (explicit) this.#bindExplicit(job, seq);
    else if (queue === null) {
      // The queue lets the tick pass by itself.
      space.tick();
      this.#phases.submit(job);
      if (space.allocator.throttles && job instanceof GpuBoundJob) job.throttle = this.#book.throttled.unfreed(job);
      this.#phases.run(job, batch, i, seq);
      job.cleanup();
      this.#lines.counted('bind', seq, job);
    } else {
      const before = queue.gaveWay;
      queue.add(space, batch, i, seq, 0, () => {
        const gaveWay = queue.gaveWay - before;
        this.#book.throttled.waited(job, gaveWay);
        this.#book.waits(job);
        this.#phases.submit(job, gaveWay > 0);
        return job;
      });
    }
  }

  /** A job that waited in the queue has its turn. */
  runQueued(job: BoundJob, batch: Batch, i: number, seq: number): void {
    this.#lines.begin(job.space, job.event.domain !== undefined);
    this.#phases.run(job, batch, i, seq);
    this.#lines.counted('bind', seq, job);
    this.#host.queue?.retireJob(job);
  }

  exec(event: JobEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const job = this.#known(event, space, batch, i);
    space.tick();
    const early = this.#book.throttled.ranEarly(job);
    if (job.state === 'ran' && early === null) {
      throw this.#host.directory.error(batch, i, `job ${name(event)} has run already`);
    }
    this.#lines.begin(space, event.domain !== undefined);
    for (const held of this.#book.throttled.upTo(job)) this.#phases.submit(held, true);
    if (early !== null) this.#lines.counted('exec', seq, job, () => `${early},"early":true`);
    else if (job.ret !== 0) {
      // Its ioctl was refused: there is nothing to run.
      job.state = 'ran';
      this.#lines.counted('exec', seq, job, () => (job instanceof GpuBoundJob ? `,"ret":${job.ret}` : job.fields()));
    } else {
      this.#verdicts.about(seq, batch.line[i]);
      this.#verdicts.order(job, this.#book.waitingIn(space));
      this.#phases.run(job, batch, i, seq);
      this.#lines.counted('exec', seq, job);
    }
  }

  cleanup(event: JobEvent, space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const job = this.#known(event, space, batch, i);
    space.tick();
    const before = space.stats.returned;
    this.#book.cleanup(job);
    const returned = space.stats.returned - before;
    this.#lines.begin(space, event.domain !== undefined);
    this.#lines.cleanedUp(seq, job, returned);
    for (const next of this.#book.throttled.admit(space)) this.#phases.submit(next, true);
  }

  /** The trace has been read. */
  finish(): void {
    this.#book.finish();
  }

  /** An address space has been destroyed. */
  destroyed(space: AddressSpace, seq: number, line: number): void {
    this.#verdicts.about(seq, line);
    if (space.gpu !== null) this.#verdicts.defects(space.gpu, space.id);
    space.noteOwnTables();
  }

  /** Forgets the jobs of an address space that is about to be destroyed. */
  forget(space: AddressSpace): void {
    this.#book.forget(space);
  }

  #make(event: BindEvent, space: AddressSpace, batch: Batch, i: number, seq: number): BoundJob {
    const { objects, watch, directory } = this.#host;
    const { lookahead, queue } = this.#host;
    const waits = event.mode === 'async' && (lookahead.explicit === true || queue !== null);
    if (space.gpu !== null) return new GpuBoundJob(space, space.gpu, event, objects, waits, seq, batch.line[i]);
    return new IommuJob(space, directory.usable(space, batch, i), event, objects, watch, seq, batch.line[i]);
  }

  #bindSync(job: BoundJob, batch: Batch, i: number, seq: number): void {
    const { space } = job;
    const { queue } = this.#host;
    if (queue === null) space.tick();
    else queue.passBy(space, batch, i);
    let blocked = space.allocator.mustWait();
    if (space.gpu !== null && !space.gpu.overtakes) this.#phases.runWaiting(space, batch, i, seq);
    if (queue?.letIn(space) === true) blocked = true;
    // What ran before it has had lines of its own.
    this.#lines.beginAt(job, batch, i);
    this.#host.before(space, batch, i, seq);
    this.#verdicts.about(seq, batch.line[i]);
    const waiting = this.#book.waitingIn(space);
    if (job instanceof GpuBoundJob) this.#verdicts.overtakes(job, waiting);
    job.runSync(waiting.size === 0 && (queue?.waiting ?? 0) === 0);
    job.throttle = throttleFields(space, blocked);
    this.#phases.ended(job);
    this.#lines.counted('bind', seq, job);
  }

  /** The driver does all of it in the ioctl: what the trace says of a later run comes to nothing. */
  #bindImmediate(job: BoundJob, batch: Batch, i: number, seq: number): void {
    this.#bindSync(job, batch, i, seq);
    if (this.#host.lookahead.explicit !== true) return;
    this.#book.enter(job);
    this.#book.throttled.runsEarly(job, `,"ret":${job.ret}`);
  }

  /** When the job runs is on record. */
  #bindExplicit(job: BoundJob, seq: number): void {
    const { space } = job;
    space.tick();
    this.#book.enter(job);
    this.#book.waits(job);
    const blocked = this.#book.throttled.holds(job);
    if (!blocked) this.#phases.submit(job);
    else job.throttle = throttleFields(space, true);
    this.#lines.submitted(seq, job);
    job.throttle = '';
  }

  #check(event: BindEvent, space: AddressSpace, batch: Batch, i: number): void {
    const { directory, objects } = this.#host;
    if (this.#book.find(space, String(event.job)) !== null) {
      const fix = 'give it a cleanup first, or the new one another name';
      throw directory.error(batch, i, `job ${name(event)} is still there; ${fix}`);
    }
    const wrong = checkBind(event, space, objects);
    if (wrong !== null) throw directory.error(batch, i, wrong);
  }

  #known(event: JobEvent, space: AddressSpace, batch: Batch, i: number): BoundJob {
    const job = this.#book.find(space, String(event.job));
    if (job !== null) return job;
    const why =
      this.#host.lookahead.explicit === false
        ? 'its bind ran at once, since no exec was in sight for a quarter of a million events'
        : 'bind it first, with "mode":"async"';
    throw this.#host.directory.error(batch, i, `no job ${name(event)} waits; ${why}`);
  }
}

function name(event: BindEvent | JobEvent): string {
  return JSON.stringify(String(event.job));
}
