import { DEMAND_MAP, DEMAND_UNMAP, Demand } from '../../../allocator/demand.ts';
import { REFUSED } from '../../../allocator/strategy.ts';
import { hex64, TWO_32 } from '../../../base/u64.ts';
import { EINVAL, ENOMEM } from '../../../base/vocabulary.ts';
import * as C from '../../../lpae/counters.ts';
import type { PageTable } from '../../../lpae/page-table.ts';
import * as G from '../../gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, GpuJob, type GpuOp } from '../../gpu-job.ts';
import { GpuVm, type GpuVmParts, type LineField } from '../../gpu-vm.ts';
import { rangeValid, type VaBounds } from '../../va-range.ts';
import { tableFields, translateLpae } from '../lpae-tables.ts';
import { PanthorEstimate } from './estimate.ts';
import { PanthorHardware } from './hardware.ts';
import { MAP_FLAGS, PanthorSteps } from './steps.ts';

/** VMAs that an operation holds ready (panthor_mmu.c:panthor_vm_op_ctx_prealloc_vmas). */
const VMAS_FOR_MAP = 3;
const VMAS_FOR_UNMAP = 2;
const NO_JOB = new GpuJob('', true, [], 0, 0);
/** No ticket: the allocator is told nothing. */
const UNTOLD = -2;

const FIELDS_7_1: readonly LineField[] = [
  ['asLocks', G.AS_LOCKS],
  ['cacheFlushes', G.CACHE_FLUSHES],
  ['asUnlocks', G.AS_UNLOCKS],
  ['asDisable', G.AS_UPDATES],
];
const FIELDS_6_12: readonly LineField[] = [
  ['asLocks', G.AS_LOCKS],
  ['asFlushPts', G.AS_FLUSH_PTS],
];

/**
 * Mali's panthor (panthor_mmu.c): tables are reserved for each operation as if the tree were empty; VMAs and page table change when
 * the operation runs. 7.1 locks the region of an operation while it runs and flushes once; 6.12 flushes after every step.
 */
export class PanthorVm extends GpuVm {
  readonly driver = 'panthor';
  override readonly inOrder = true;
  override readonly overtakes = true;
  override readonly ignoresWalkFlushes = true;
  readonly lineFields: readonly LineField[];
  readonly #table: PageTable;
  readonly #old: boolean;
  readonly #bounds: VaBounds;
  readonly #hardware: PanthorHardware;
  readonly #steps: PanthorSteps;
  readonly #estimate: PanthorEstimate;
  readonly #demands = [new Demand()];
  /** The operation that runs. */
  #job = NO_JOB;
  #opIndex = 0;

  constructor(parts: GpuVmParts & { readonly table: PageTable }) {
    super(parts);
    this.#table = parts.table;
    this.#old = parts.kernel === '6.12';
    this.#bounds = { start: 0, size: 2 ** parts.table.config.ias, kernelStart: 0, kernelSize: 0 };
    this.#hardware = new PanthorHardware(this.counters, this.#bounds.size, parts.resident, parts.log);
    this.#steps = new PanthorSteps({
      table: parts.table,
      vmas: this.vmas,
      objects: this.objects.all,
      counters: this.counters,
      hardware: this.#hardware,
      old: this.#old,
      giveUp: (ret, why) => this.#declareUnusable(ret, why),
    });
    const widen = (vma: number, holeStart: number, holeEnd: number): readonly [number, number] =>
      this.#steps.widened(vma, holeStart, holeEnd);
    this.#estimate = new PanthorEstimate(parts.table, this.vmas, this.objects.all, this.#old ? null : widen);
    this.lineFields = this.#old ? FIELDS_6_12 : FIELDS_7_1;
  }

  override beginLine(): void {
    this.#hardware.lockAddresses.length = 0;
  }

  submit(job: GpuJob): void {
    for (let at = 0; at < job.ops.length && job.ret === 0; at++) {
      const op = job.ops[at];
      if (this.unusable !== null) job.fail(-EINVAL, at);
      else this.#prepare(job, op, at);
    }
    if (job.ret === 0) return;
    // The ioctl drops what it had made: nothing is held, nothing runs.
    this.cleanup(job);
    job.reserved = 0;
  }

  /** Every operation of the ioctl is a job of its own to the scheduler: one that fails does not stop those behind it. */
  run(job: GpuJob): void {
    for (let at = 0; at < job.ops.length; at++) {
      const ret = this.#execute(job, job.ops[at], at, job.tickets[at]);
      if (ret === 0) continue;
      job.fail(ret, at);
      this.#declareUnusable(ret, this.#whyFailed(job.ops[at]));
    }
  }

  override runSync(job: GpuJob): void {
    for (let at = 0; at < job.ops.length; at++) {
      const op = job.ops[at];
      if (op.size === 0) continue;
      if (op.kind === GPU_SYNC_ONLY) job.fail(-EINVAL, at);
      else this.#prepare(job, op, at);
      if (job.ret === 0) {
        const ret = this.#execute(job, op, at, job.tickets[0]);
        if (ret !== 0) job.fail(ret, at);
      }
      this.cleanup(job);
      if (job.ret !== 0) return;
    }
  }

  translate(address: number): number {
    return translateLpae(this.#table, address);
  }

  lineOfTables(): string {
    const halves = this.#hardware.lockAddresses;
    const addresses: string[] = [];
    for (let at = 0; at < halves.length; at += 2) addresses.push(`"${hex64(halves[at], halves[at + 1])}"`);
    const unusable = this.unusable === null ? 0 : 1;
    // A reset of the GPU follows a flush that fails, and none fails here.
    const hardware = this.#old ? '' : ',"resets":0';
    return `${tableFields(this.#table, true)},"vmas":${this.vmas.size},"unusable":${unusable},"lockaddr":[${addresses}]${hardware}`;
  }

  /** The whole space is unmapped in one operation, then the slot is given up (panthor_mmu.c:panthor_vm_free). */
  destroy(): void {
    const whole = {
      kind: GPU_UNMAP,
      start: 0,
      size: this.#bounds.size,
      object: null,
      offset: 0,
      flags: 0,
      aligned: true,
    };
    this.beginLine();
    this.#execute(NO_JOB, whole, 0, UNTOLD);
    if (this.#old) this.#hardware.disableOld();
    else this.#hardware.disable();
  }

  /** Checks and reserves (panthor_mmu.c:panthor_vm_prepare_map_op_ctx, ..._unmap_op_ctx). */
  #prepare(job: GpuJob, op: GpuOp, at: number): void {
    const { counters } = this;
    if (op.kind === GPU_SYNC_ONLY) {
      if (op.size !== 0 || op.start !== 0 || op.offset !== 0 || op.flags !== 0 || op.object !== null)
        job.fail(-EINVAL, at);
      job.tickets.push(UNTOLD);
      return;
    }
    const map = op.kind === GPU_MAP;
    const bad =
      !op.aligned ||
      op.kind === GPU_MAP_NULL ||
      (op.flags & ~(map ? MAP_FLAGS : 0)) !== 0 ||
      (map && (op.object === null || op.size > op.object.size || op.offset > op.object.size - op.size)) ||
      (!map && (op.object !== null || op.offset !== 0));
    if (bad) {
      job.fail(-EINVAL, at);
      return;
    }
    counters[map ? G.OPS_MAP : G.OPS_UNMAP]++;
    counters[G.VMAS_PREALLOCATED] += map ? VMAS_FOR_MAP : VMAS_FOR_UNMAP;
    if (job.waits) job.estimates[at] = this.#tablesFor(op);
    job.tickets.push(this.#reserve(job, op));
    if (job.tickets.at(-1) === REFUSED) {
      job.tickets.pop();
      job.fail(-ENOMEM, at);
    }
  }

  #reserve(job: GpuJob, op: GpuOp): number {
    const { desk } = this;
    if (!desk.announced) return UNTOLD;
    const demand = this.#demands[0];
    const kind = op.kind === GPU_MAP ? DEMAND_MAP : DEMAND_UNMAP;
    demand.set(kind, Math.floor(op.start / TWO_32) >>> 0, op.start >>> 0, op.size, job.seq, job.line);
    demand.estimate = () => this.#tablesFor(op);
    const ticket = desk.submit(this.#demands);
    job.reserved += desk.reserved;
    return ticket;
  }

  /** Tables that an operation would take now; none where it would fail. */
  #tablesFor(op: GpuOp): number {
    return rangeValid(this.#bounds, op.start, op.size) ? this.#estimate.tables(op) : 0;
  }

  /** One operation in the signalling path (panthor_mmu.c:panthor_vm_exec_op). */
  #execute(job: GpuJob, op: GpuOp, at: number, ticket: number): number {
    if (op.kind === GPU_SYNC_ONLY) return 0;
    const { desk } = this;
    this.#job = job;
    this.#opIndex = at;
    const { counters } = this.#table;
    const frees = counters[C.TABLE_FREES];
    const allocs = counters[C.TABLE_ALLOCS];
    let ret = 0;
    if (ticket !== UNTOLD && !desk.begin(ticket)) ret = -ENOMEM;
    if (ticket !== UNTOLD) job.reserved += desk.granted;
    this.lookOn?.began(job, op.kind === GPU_MAP, op.start, op.size);
    if (!this.#old) this.#hardware.lock(op.start, op.size);
    if (ret === 0) {
      if (op.kind === GPU_MAP && this.unusable !== null) ret = -EINVAL;
      else if (!rangeValid(this.#bounds, op.start, op.size)) ret = -EINVAL;
      else ret = this.#steps.split(op);
    }
    if (!this.#old) this.#hardware.unlock();
    this.lookOn?.ended(ret);
    if (ticket !== UNTOLD) {
      desk.end(ticket);
      job.used += desk.used;
    }
    const taken = counters[C.TABLE_ALLOCS] - allocs;
    this.counters[G.TAKEN_AND_FREED] += Math.min(counters[C.TABLE_FREES] - frees, taken);
    this.judgeEstimate(job.estimates[at], taken);
    this.noteVmas();
    return ret;
  }

  #declareUnusable(ret: number, why: string): void {
    if (this.unusable !== null) return;
    this.unusable = { job: this.#job, op: this.#opIndex, ret, why };
    if (!this.#old) this.#hardware.disable();
  }

  #whyFailed(op: GpuOp): string {
    if (!rangeValid(this.#bounds, op.start, op.size)) return 'the range is checked only when the operation runs';
    return 'the operation failed when it ran';
  }
}
