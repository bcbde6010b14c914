import type { BufferObjects } from '../../gpuvm/buffer-object.ts';
import type { Batch } from '../../trace/batch.ts';
import type { OpQueue } from '../queue/op-queue.ts';
import type { Watch } from '../ranges/watch.ts';
import type { Findings } from '../results/findings.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { BoundJob } from './bound-job.ts';
import type { GpuVerdicts } from './gpu-verdicts.ts';
import type { JobBook } from './job-book.ts';
import { type JobLines, throttleFields } from './job-lines.ts';
import type { JobLookahead } from './job-lookahead.ts';

/** What events and phases of jobs need of the replay around them. */
export interface JobHost {
  readonly directory: SpaceDirectory;
  readonly results: ResultLines | null;
  readonly queue: OpQueue | null;
  readonly watch: Watch;
  readonly lookahead: JobLookahead;
  readonly findings: Findings;
  readonly objects: BufferObjects;
  /** A job is about to run in the time of its event. */
  before(space: AddressSpace, batch: Batch, i: number, seq: number): void;
  /** Hears of every job that was submitted, ran or is gone; null: nobody does. */
  readonly phase: ((job: BoundJob) => void) | null;
}

/** Takes jobs through their submission and their run, and holds against them and their allocator what these come to. */
export class JobPhases {
  readonly #host: JobHost;
  readonly #book: JobBook;
  readonly #lines: JobLines;
  readonly #verdicts: GpuVerdicts;

  constructor(host: JobHost, book: JobBook, lines: JobLines, verdicts: GpuVerdicts) {
    this.#host = host;
    this.#book = book;
    this.#lines = lines;
    this.#verdicts = verdicts;
  }

  /** The reservation of a job, and what an ioctl that fails comes to. `blocked`: a throttle held it back until now. */
  submit(job: BoundJob, blocked = false): void {
    this.#verdicts.about(job.seq, job.line);
    job.submit();
    this.#verdicts.ended(job);
    job.throttle = throttleFields(job.space, blocked);
    this.#host.phase?.(job);
    if (job.ret === 0) return;
    // The ioctl has failed: nothing of it waits.
    this.#book.runs(job);
    job.space.failed(job.ret);
  }

  /** A job runs, in the time of the event at `i`. */
  run(job: BoundJob, batch: Batch, i: number, seq: number): void {
    const { space } = job;
    this.#book.runs(job);
    this.#host.before(space, batch, i, seq);
    this.#host.directory.alive(space, batch, i);
    if (job.ret !== 0) return;
    this.#verdicts.about(seq, batch.line[i]);
    this.#verdicts.beforeRun(job);
    job.run();
    this.#verdicts.afterRun(job);
    this.ended(job);
  }

  /** A job has run, or a synchronous one has done all of it: what it left behind. */
  ended(job: BoundJob): void {
    const { space } = job;
    if (job.ret !== 0) space.failed(job.ret);
    this.#host.watch.allocator(space);
    this.#verdicts.ended(job);
    this.#host.phase?.(job);
  }

  /** A synchronous job waits for those before it: they run now. */
  runWaiting(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    this.#host.queue?.runAllOf(space);
    for (const job of this.#book.waitingIn(space)) {
      for (const held of this.#book.throttled.upTo(job)) this.submit(held, true);
      this.run(job, batch, i, seq);
      this.#book.throttled.runsEarly(job, this.#lines.wanted ? job.fields() : '');
    }
  }
}
