import { hex64, TWO_32 } from '../../base/u64.ts';
import { errnoName } from '../../base/vocabulary.ts';
import * as G from '../../gpuvm/gpu-counters.ts';
import { GPU_MAP, GPU_SYNC_ONLY, GPU_UNMAP, type GpuOp } from '../../gpuvm/gpu-job.ts';
import type { GpuVm } from '../../gpuvm/gpu-vm.ts';
import type { FindingKind, Findings } from '../results/findings.ts';
import type { BoundJob } from './bound-job.ts';
import { GpuBoundJob } from './gpu-bound-job.ts';

/** Holds the jobs of GPU drivers against their rules. */
export class GpuVerdicts {
  readonly #findings: Findings;
  readonly #told = new WeakSet<object>();
  #seq = 0;
  #line = 0;
  #callsBefore = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** The event that is judged: its number and line. */
  about(seq: number, line: number): void {
    this.#seq = seq;
    this.#line = line;
  }

  beforeRun(job: BoundJob): void {
    this.#callsBefore = job.space.stats.callsInRun;
  }

  /** What runs for an asynchronous job is in the way of memory reclaim: it may not allocate. */
  afterRun(job: BoundJob): void {
    const calls = job.space.stats.callsInRun - this.#callsBefore;
    if (calls === 0 || !(job instanceof GpuBoundJob)) return;
    const text = calls === 1 ? 'a page' : `${calls} pages`;
    this.#add(
      'run-allocation',
      job,
      null,
      `job ${JSON.stringify(job.id)} asked the page allocator for ${text} while it ran`,
    );
  }

  /** A synchronous job is about to run before `waiting` ones that were submitted earlier. */
  overtakes(job: GpuBoundJob, waiting: ReadonlySet<BoundJob>): void {
    if (waiting.size === 0) return;
    const { counters } = job.gpu;
    for (const op of job.job.ops) {
      if (op.kind === GPU_SYNC_ONLY || op.size === 0) continue;
      counters[G.OVERTAKES]++;
      const met = firstToMeet(waiting, op);
      if (met === null) continue;
      counters[G.OVERTAKES_MET]++;
      const message = `synchronous job ${JSON.stringify(job.id)} runs before job ${JSON.stringify(met.id)} of line ${met.line}, which was submitted earlier and meets its range`;
      this.#add('overtaken', job, op, message);
    }
  }

  /** A job is about to run; `waiting` are those that have not, in the order of their submission. */
  order(job: BoundJob, waiting: ReadonlySet<BoundJob>): void {
    if (!(job instanceof GpuBoundJob) || !job.gpu.inOrder) return;
    const [first] = waiting;
    if (first === undefined || first === job) return;
    const message = `job ${JSON.stringify(job.id)} runs before job ${JSON.stringify(first.id)} of line ${first.line}, which was submitted earlier; ${job.gpu.driver} runs the jobs of an address space in order`;
    this.#add('out-of-order', job, null, message);
  }

  /** A job has run, or failed to. */
  ended(job: BoundJob): void {
    job.space.noteOwnTables();
    if (!(job instanceof GpuBoundJob)) return;
    const { gpu } = job;
    this.defects(gpu, job.space.id);
    const { unusable } = gpu;
    if (unusable === null || this.#told.has(unusable)) return;
    this.#told.add(unusable);
    const op = unusable.job.ops[unusable.op] ?? null;
    const which = op === null ? '' : ` ops[${unusable.op}], ${opText(op)},`;
    const message = `job ${JSON.stringify(unusable.job.name)}${which} made the address space unusable with ${errnoName(unusable.ret)}: ${unusable.why}`;
    this.#add('vm-unusable', job, op, message);
  }

  /** What went wrong beyond an errno. */
  defects(gpu: GpuVm, domain: string): void {
    for (const [kind, message] of gpu.defects) {
      this.#findings.add({ kind, seq: this.#seq, line: this.#line, domain, message });
    }
    gpu.defects.length = 0;
  }

  #add(kind: FindingKind, job: BoundJob, op: GpuOp | null, message: string): void {
    const hi = op === null ? 0 : Math.floor(op.start / TWO_32) >>> 0;
    const lo = op === null ? 0 : op.start >>> 0;
    this.#findings.broken(kind, job.space.id, this.#seq, this.#line, hi, lo, op?.size ?? 0, message);
  }
}

function firstToMeet(waiting: ReadonlySet<BoundJob>, op: GpuOp): BoundJob | null {
  for (const job of waiting) {
    if (job instanceof GpuBoundJob && job.job.meets(op.start, op.start + op.size)) return job;
  }
  return null;
}

function opText(op: GpuOp): string {
  const verb = op.kind === GPU_MAP ? 'map' : op.kind === GPU_UNMAP ? 'unmap' : 'map_null';
  return `${verb} of ${op.size} bytes at ${hex64(Math.floor(op.start / TWO_32) >>> 0, op.start >>> 0)}`;
}
