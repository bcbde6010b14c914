import { printableJson } from '../../base/printable.ts';
import type { Batch } from '../../trace/batch.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { BoundJob } from './bound-job.ts';
import { GpuBoundJob } from './gpu-bound-job.ts';

/** Writes the result lines of jobs, where somebody wants them. */
export class JobLines {
  readonly #results: ResultLines | null;

  constructor(results: ResultLines | null) {
    this.#results = results;
  }

  get wanted(): boolean {
    return this.#results !== null;
  }

  /** What the next line tells begins now. */
  begin(space: AddressSpace, named: boolean): void {
    this.#results?.begin(space, named);
  }

  /** The next line is about a job whose event stands at `i`: others may have had lines since that event came. */
  beginAt(job: BoundJob, batch: Batch, i: number): void {
    if (this.#results === null) return;
    this.#results.line = batch.line[i];
    this.begin(job.space, job.event.domain !== undefined);
  }

  /** A job has run; `fields` are made only where somebody wants lines. */
  counted(op: string, seq: number, job: BoundJob, fields = (): string => job.fields()): void {
    if (this.#results === null) return;
    const rest = `${name(job)}${fields()}${job.throttle}`;
    this.#results.counted(seq, op, job.space, rest, false, job instanceof GpuBoundJob ? job.warnOnces : 0);
  }

  /** A job waits for its run. */
  submitted(seq: number, job: BoundJob): void {
    this.#results?.lookup(seq, 'bind', job.space, `${name(job)}${job.submitFields()}${job.throttle}`);
  }

  cleanedUp(seq: number, job: BoundJob, returned: number): void {
    this.#results?.lookup(seq, 'cleanup', job.space, `${name(job)},"ret":0,"returned":${returned}`);
  }

  declared(seq: number): void {
    this.#results?.plain(seq, 'bo', ',"ret":0');
  }
}

function name(job: BoundJob): string {
  return `,"job":${printableJson(JSON.stringify(job.event.job))}`;
}

/** Whether a throttle held a job back, and the pages in flight behind it. */
export function throttleFields({ allocator }: AddressSpace, blocked: boolean): string {
  return allocator.throttles ? `,"blocked":${blocked},"inFlight":${allocator.inFlight}` : '';
}
