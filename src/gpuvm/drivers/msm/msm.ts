import { DEMAND_MAP, DEMAND_UNMAP, Demand } from '../../../allocator/demand.ts';
import { REFUSED } from '../../../allocator/strategy.ts';
import { TWO_32 } from '../../../base/u64.ts';
import { EINVAL, ENOMEM, EPIPE } from '../../../base/vocabulary.ts';
import * as C from '../../../lpae/counters.ts';
import { LAST_LEVEL } from '../../../lpae/format/geometry.ts';
import type { PageTable } from '../../../lpae/page-table.ts';
import * as G from '../../gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, type GpuJob, type GpuOp, requestOf } from '../../gpu-job.ts';
import { GpuVm, type GpuVmParts, type LineField } from '../../gpu-vm.ts';
import { type SplitSteps, splitForMap, splitForUnmap } from '../../split.ts';
import { TABLE, tableState } from '../../table-windows.ts';
import { rangeValid, type VaBounds } from '../../va-range.ts';
import { NO_OBJECT } from '../../vma-space.ts';
import { tableFields, translateLpae } from '../lpae-tables.ts';
import { MsmPages } from './pages.ts';

/** Where the address space of a process begins (adreno_gpu.c:adreno_private_vm_size). */
export const MSM_VA_START = 2 ** 32;

/** Numbers that one change of the page table takes in a job's queue: first address, bytes, object, offset. */
const QUEUED = 4;
/** In place of an object: the range is unmapped. */
const UNMAPPED = -2;

const NOTHING = (): number => 0;

const FIELDS: readonly LineField[] = [['flushAlls', G.FLUSH_ALLS]];

/**
 * Adreno's msm, of address spaces that user space manages (msm_gem_vma.c, msm_iommu.c): VMAs change at submission, the page table
 * when the job runs, with pages that were reserved for the job as a whole. 4K pages only.
 */
export class MsmVm extends GpuVm implements SplitSteps {
  readonly driver = 'msm';
  override readonly inOrder = true;
  readonly lineFields = FIELDS;
  readonly #table: PageTable;
  readonly #bounds: VaBounds;
  readonly #pages: MsmPages;
  #job: GpuJob | null = null;
  #op: GpuOp | null = null;
  /** The mapping asked for is there already: its map step has nothing to do. */
  #inPlace = false;

  constructor(parts: GpuVmParts & { readonly table: PageTable }) {
    super(parts);
    this.#table = parts.table;
    const size = 2 ** parts.table.config.ias - MSM_VA_START;
    this.#bounds = { start: MSM_VA_START, size, kernelStart: 0, kernelSize: 0 };
    this.#pages = new MsmPages(parts.table, this.counters);
  }

  submit(job: GpuJob): void {
    const { counters } = this;
    if (this.unusable !== null) {
      job.fail(-EPIPE, 0);
      return;
    }
    for (let at = 0; at < job.ops.length; at++) if (!isSound(job.ops[at])) job.fail(-EINVAL, at);
    if (job.ret !== 0) return;
    if (job.waits) job.estimates.push(this.#missingTables(job));
    if (!this.#reserve(job)) {
      job.fail(-ENOMEM, 0);
      return;
    }
    this.#job = job;
    for (let at = 0; at < job.ops.length; at++) {
      const op = job.ops[at];
      if (op.kind === GPU_SYNC_ONLY) continue;
      counters[op.kind === GPU_UNMAP ? G.OPS_UNMAP : G.OPS_MAP]++;
      counters[G.VMAS_PREALLOCATED] += op.kind === GPU_UNMAP ? 2 : 3;
      const end = op.start + op.size;
      if (!rangeValid(this.#bounds, op.start, op.size)) {
        job.fail(-EINVAL, at);
        // What earlier operations did to the VMAs has no counterpart in the page table.
        if (at > 0) this.#declareUnusable(job, at, -EINVAL, 'the job failed after some of its VMAs had changed');
        break;
      }
      this.#op = op;
      this.#inPlace = false;
      if (op.kind === GPU_UNMAP) splitForUnmap(this.vmas, op.start, end, this);
      else splitForMap(this.vmas, requestOf(op), this);
    }
    this.noteVmas();
    if (job.ret !== 0) this.abandon(job);
  }

  run(job: GpuJob): void {
    const { desk } = this;
    const [ticket] = job.tickets;
    const told = ticket !== undefined;
    let failed = this.unusable !== null;
    if (told && !desk.begin(ticket)) {
      failed = true;
      this.#declareUnusable(job, 0, -ENOMEM, 'there were no pages when the job ran');
    }
    if (told) job.reserved += desk.granted;
    const { counters } = this.#table;
    const allocs = counters[C.TABLE_ALLOCS];
    const fails = counters[C.TABLE_ALLOC_FAILS];
    const { queued } = job;
    for (let at = 0; at < queued.length; at += QUEUED) {
      const start = queued[at];
      const size = queued[at + 1];
      const object = queued[at + 2];
      if (object === UNMAPPED) {
        this.lookOn?.began(job, false, start, size);
        const whole = this.#pages.unmap(start, size);
        this.lookOn?.ended(whole ? 0 : -EINVAL);
        if (whole) continue;
        this.#declareUnusable(job, 0, -EINVAL, 'an unmap found holes');
      } else if (!failed) {
        this.lookOn?.began(job, true, start, size);
        const ret =
          object === NO_OBJECT
            ? this.#pages.mapNull(start, size)
            : this.#pages.map(start, size, this.objects.all[object], queued[at + 3]);
        this.lookOn?.ended(ret);
        if (ret === 0) continue;
        failed = true;
        // Of the driver's own making: the job has used up its pages (msm_iommu.c:msm_iommu_pagetable_alloc_pt).
        if (told && counters[C.TABLE_ALLOC_FAILS] > fails) this.#table.warn(C.WARN_DRIVER);
        this.#declareUnusable(job, 0, ret, 'a map failed when the job ran');
      }
    }
    queued.length = 0;
    this.judgeEstimate(job.estimates[0], counters[C.TABLE_ALLOCS] - allocs);
    if (!told) return;
    desk.end(ticket);
    job.used += desk.used;
  }

  /** A scheduler frees a job only after it ran: one that is cleaned up before runs now. */
  override cleanup(job: GpuJob): void {
    if (job.queued.length > 0) this.run(job);
    super.cleanup(job);
  }

  translate(address: number): number {
    return translateLpae(this.#table, address);
  }

  lineOfTables(): string {
    return `${tableFields(this.#table, false)},"vmas":${this.vmas.size},"unusable":${this.unusable === null ? 0 : 1}`;
  }

  /** Everything is unmapped as by one operation (msm_gem_vma.c:msm_gem_vm_close). */
  destroy(): void {
    for (const vma of [...this.vmas]) {
      this.#pages.unmap(this.vmas.start[vma], this.vmas.end[vma] - this.vmas.start[vma]);
      this.vmas.remove(vma);
    }
  }

  unmap(vma: number, keep: boolean): void {
    const { vmas, counters } = this;
    counters[G.STEPS_UNMAP]++;
    counters[G.BYTES_CHANGED] += vmas.end[vma] - vmas.start[vma];
    const start = vmas.start[vma];
    const end = vmas.end[vma];
    const op = this.#op as GpuOp;
    if (keep && start === op.start && end === op.start + op.size) {
      counters[G.STEPS_KEPT]++;
      this.#inPlace = true;
      return;
    }
    vmas.remove(vma);
    this.#queue(start, end - start, UNMAPPED, 0);
  }

  remap(vma: number, holeStart: number, holeEnd: number): void {
    const { vmas, counters } = this;
    counters[G.STEPS_REMAP]++;
    counters[G.BYTES_CHANGED] += holeEnd - holeStart;
    counters[G.VMAS_USED] += vmas.cut(vma, holeStart, holeEnd);
    this.#queue(holeStart, holeEnd - holeStart, UNMAPPED, 0);
  }

  map(start: number, end: number, object: number, offset: number): void {
    this.counters[G.STEPS_MAP]++;
    this.counters[G.BYTES_CHANGED] += end - start;
    // An operation of no length is accepted and maps nothing.
    if (this.#inPlace || start === end) return;
    this.vmas.add(start, end, object, offset, 0);
    this.counters[G.VMAS_USED]++;
    this.#queue(start, end - start, object, offset);
  }

  #queue(start: number, size: number, object: number, offset: number): void {
    (this.#job as GpuJob).queued.push(start, size, object, offset);
  }

  /** One reservation for the whole job (msm_gem_vma.c:vm_bind_prealloc_count). */
  #reserve(job: GpuJob): boolean {
    const { desk } = this;
    if (!desk.announced) return true;
    const demands: Demand[] = [];
    // Of the job as a whole, for the first of its maps.
    let estimate = (): number => this.#missingTables(job);
    for (const op of job.ops) {
      if (op.kind === GPU_SYNC_ONLY) continue;
      const demand = new Demand();
      const kind = op.kind === GPU_UNMAP ? DEMAND_UNMAP : DEMAND_MAP;
      demand.set(kind, Math.floor(op.start / TWO_32) >>> 0, op.start >>> 0, op.size, job.seq, job.line);
      demand.estimate = kind === DEMAND_MAP ? estimate : NOTHING;
      if (kind === DEMAND_MAP) estimate = NOTHING;
      demands.push(demand);
    }
    const ticket = desk.submit(demands);
    if (ticket === REFUSED) return false;
    job.tickets.push(ticket);
    job.reserved += desk.reserved;
    return true;
  }

  /** Tables that the maps of a job would make in the tree as it is; unmaps free none. */
  #missingTables(job: GpuJob): number {
    const table = this.#table;
    let missing = 0;
    for (let level = table.startLevel + 1; level <= LAST_LEVEL; level++) {
      const span = table.sizes[level - 1];
      const made = new Set<number>();
      for (const { kind, start, size } of job.ops) {
        if ((kind !== GPU_MAP && kind !== GPU_MAP_NULL) || !rangeValid(this.#bounds, start, size)) continue;
        for (let at = Math.floor(start / span); at * span < start + size; at++) {
          if (made.has(at) || tableState(table, at * span, level) === TABLE) continue;
          made.add(at);
          missing++;
        }
      }
    }
    return missing;
  }

  #declareUnusable(job: GpuJob, op: number, ret: number, why: string): void {
    this.unusable ??= { job, op, ret, why };
  }
}

/** What the ioctl accepts (msm_gem_vma.c:vm_bind_job_lookup_ops). Operations of no length pass. */
function isSound(op: GpuOp): boolean {
  if (op.kind === GPU_SYNC_ONLY) return true;
  if (!op.aligned) return false;
  if (op.kind !== GPU_MAP) return op.object === null && (op.kind === GPU_MAP_NULL || op.offset === 0);
  return op.object !== null && op.offset + op.size <= op.object.size;
}
