import { hexHi, hexLo, TWO_32 } from '../../base/u64.ts';
import type { BufferObjects } from '../../gpuvm/buffer-object.ts';
import * as G from '../../gpuvm/gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, GpuJob, type GpuOp } from '../../gpuvm/gpu-job.ts';
import type { GpuVm } from '../../gpuvm/gpu-vm.ts';
import { addMergeEffect } from '../../gpuvm/merge-effect.ts';
import * as C from '../../lpae/counters.ts';
import type { BindEvent, BindOp } from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { BoundJob } from './bound-job.ts';

const PAGE = 4096;
const KINDS: Readonly<Record<BindOp['kind'], number>> = {
  map: GPU_MAP,
  unmap: GPU_UNMAP,
  map_null: GPU_MAP_NULL,
  sync_only: GPU_SYNC_ONLY,
};
/** Counters of the engine that a line tells as what the job added. */
const ENGINE_FIELDS: readonly (readonly [string, number])[] = [
  ['tableFrees', C.TABLE_FREES],
  ['mapCalls', C.MAP_CALLS],
  ['unmapCalls', C.UNMAP_CALLS],
];
/** Warnings that the kernel prints once, and that a line tells apart. */
const WARN_ONCES = [C.WARN_BY_PLACE + C.WARN_PARTIAL_UNMAP, C.WARN_BY_PLACE + C.WARN_DRIVER_ONCE];

/** A job that a GPU driver carries out by its own rules. */
export class GpuBoundJob extends BoundJob {
  readonly gpu: GpuVm;
  readonly job: GpuJob;
  readonly #engineBefore = new Float64Array(ENGINE_FIELDS.length);
  readonly #gpuBefore: Float64Array;
  #warnOncesBefore = 0;

  constructor(
    space: AddressSpace,
    gpu: GpuVm,
    event: BindEvent,
    objects: BufferObjects,
    waits: boolean,
    seq: number,
    line: number,
  ) {
    super(space, event, seq, line);
    this.gpu = gpu;
    const ops = event.ops.map((op) => gpuOp(op, objects));
    this.job = new GpuJob(this.id, event.mode === 'sync', ops, seq, line);
    this.#gpuBefore = new Float64Array(gpu.lineFields.length);
    this.job.waits = waits;
    gpu.counters[G.JOBS]++;
    if (event.mode === 'async') gpu.counters[G.ASYNC_JOBS]++;
  }

  get ret(): number {
    return this.job.ret;
  }

  get unused(): number {
    return Math.max(0, this.job.reserved - this.job.used);
  }

  submit(): void {
    this.#note();
    this.gpu.submit(this.job);
    if (this.job.ret === 0) addMergeEffect(this.gpu.counters, this.job.ops);
  }

  run(): void {
    this.#note();
    this.gpu.run(this.job);
    this.state = 'ran';
  }

  runSync(_alone: boolean): void {
    this.#note();
    this.gpu.runSync(this.job);
    if (this.job.ret === 0) addMergeEffect(this.gpu.counters, this.job.ops);
    this.state = 'done';
  }

  cleanup(): void {
    this.gpu.cleanup(this.job);
    this.space.noteOwnTables();
    this.state = 'done';
  }

  abandon(): void {
    this.gpu.abandon(this.job);
    this.space.noteOwnTables();
    this.state = 'done';
  }

  submitFields(): string {
    const { job } = this;
    const fields = `,"ret":${retText(job)}${this.#failedOp()},"reserved":${job.reserved}${this.#driverFields()}`;
    return `${fields},"vmas":${this.gpu.vmas.size}`;
  }

  fields(): string {
    const { job, gpu, space } = this;
    let fields = `,"ret":${retText(job)}${this.#failedOp()}`;
    fields += `,"reserved":${job.reserved},"used":${job.used},"returned":${this.unused}`;
    for (const [at, [name, counter]] of ENGINE_FIELDS.entries()) {
      fields += `,"${name}":${space.counters[counter] - this.#engineBefore[at]}`;
    }
    fields += this.#driverFields();
    return `${fields},"warnOnces":${this.warnOnces}${gpu.lineOfTables()}`;
  }

  /** What the job added to the driver's own counters. */
  #driverFields(): string {
    const { gpu } = this;
    return gpu.lineFields
      .map(([name, counter], at) => `,"${name}":${gpu.counters[counter] - this.#gpuBefore[at]}`)
      .join('');
  }

  /** Warnings printed once, counted at every hit. */
  get warnOnces(): number {
    return this.#warnOnces() - this.#warnOncesBefore;
  }

  #warnOnces(): number {
    const { counters } = this.space;
    return counters[WARN_ONCES[0]] + counters[WARN_ONCES[1]];
  }

  #failedOp(): string {
    const { failedOp, ops } = this.job;
    return failedOp < 0 || ops.length === 1 ? '' : `,"failedOp":${failedOp}`;
  }

  /** Where the counters stand before what the next line tells. */
  #note(): void {
    const { gpu, space } = this;
    gpu.beginLine();
    this.#warnOncesBefore = this.#warnOnces();
    for (const [at, [, counter]] of ENGINE_FIELDS.entries()) this.#engineBefore[at] = space.counters[counter];
    for (const [at, [, counter]] of gpu.lineFields.entries()) this.#gpuBefore[at] = gpu.counters[counter];
  }
}

/** A job that the kernel would not have survived has no errno. */
function retText(job: GpuJob): string {
  return job.oops ? '"oops"' : String(job.ret);
}

function gpuOp(op: BindOp, objects: BufferObjects): GpuOp {
  const iova = op.iova ?? '0x0';
  const size = op.size ?? 0;
  const offset = op.offset ?? 0;
  return {
    kind: KINDS[op.kind],
    start: hexHi(iova) * TWO_32 + hexLo(iova),
    size,
    object: op.bo === undefined ? null : objects.get(op.bo),
    offset,
    flags: op.flags ?? 0,
    aligned: hexLo(iova) % PAGE === 0 && size % PAGE === 0 && offset % PAGE === 0,
  };
}
