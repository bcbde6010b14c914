import { DEMAND_MAP, DEMAND_UNMAP, Demand } from '../../allocator/demand.ts';
import { REFUSED } from '../../allocator/strategy.ts';
import { hex64, TWO_32 } from '../../base/u64.ts';
import { EINVAL, ENOMEM, PROT_CACHE, PROT_NOEXEC, PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import * as C from '../../lpae/counters.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import * as G from '../gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, GpuJob, type GpuOp } from '../gpu-job.ts';
import { GpuVm, type GpuVmParts, type LineField } from '../gpu-vm.ts';
import { type MapRequest, type SplitSteps, splitForMap, splitForUnmap } from '../split.ts';
import { tableFields, translateLpae } from './lpae-tables.ts';
import { PanthorHardware } from './panthor-hardware.ts';
import { HUGE, PanthorMapper, unmapRange, unmapRangeStrictly } from './panthor-pages.ts';

const FLAG_READONLY = 1;
const FLAG_NOEXEC = 2;
const FLAG_UNCACHED = 4;
const MAP_FLAGS = FLAG_READONLY | FLAG_NOEXEC | FLAG_UNCACHED;
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
 * the operation runs. 7.1 takes parts out of huge pages by unmapping them whole and mapping the rest anew in 4K pages,
 * and locks the region of an operation; 6.12 leaves both to the engine and flushes after every step.
 */
export class PanthorVm extends GpuVm implements SplitSteps {
  readonly driver = 'panthor';
  override readonly overtakes = true;
  readonly lineFields: readonly LineField[];
  readonly #table: PageTable;
  readonly #old: boolean;
  readonly #limit: number;
  readonly #hardware: PanthorHardware;
  readonly #mapper: PanthorMapper;
  readonly #demands = [new Demand()];
  readonly #short = (goesOn: boolean): void => {
    this.#table.warn(C.WARN_DRIVER_ONCE);
    if (!goesOn) this.#table.warn(C.WARN_DRIVER_ONCE);
    this.#declareUnusable(-EINVAL, 'an unmap removed less than it was asked to');
  };
  /** The operation that runs, and its flags. */
  #job = NO_JOB;
  #opIndex = 0;
  #flags = 0;
  /** Errno of the step that ended the split; 0: none has. */
  #failed = 0;

  constructor(parts: GpuVmParts & { readonly table: PageTable }) {
    super(parts);
    this.#table = parts.table;
    this.#old = parts.kernel === '6.12';
    this.#limit = 2 ** parts.table.config.ias;
    this.#hardware = new PanthorHardware(this.counters, parts.resident, parts.log);
    this.#mapper = new PanthorMapper(parts.table);
    this.lineFields = this.#old ? FIELDS_6_12 : FIELDS_7_1;
  }

  submit(job: GpuJob): void {
    for (let at = 0; at < job.ops.length && job.ret === 0; at++) {
      const op = job.ops[at];
      if (this.unusable !== null) job.fail(-EINVAL, at);
      else this.#prepare(job, op, at);
    }
    if (job.ret === 0) return;
    // The ioctl drops what it had made: nothing runs.
    this.cleanup(job);
    job.reserved = 0;
  }

  /** Every operation of the ioctl is a job of its own to the scheduler: one that fails does not stop those behind it. */
  run(job: GpuJob): void {
    this.#hardware.lockAddresses.length = 0;
    for (let at = 0; at < job.ops.length; at++) {
      const ret = this.#execute(job, job.ops[at], at, job.tickets[at]);
      if (ret === 0) continue;
      job.fail(ret, at);
      this.#declareUnusable(ret, this.#whyFailed(job.ops[at]));
    }
  }

  override runSync(job: GpuJob): void {
    this.#hardware.lockAddresses.length = 0;
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
    return `${tableFields(this.#table, true)},"vmas":${this.vmas.size},"unusable":${unusable},"lockaddr":[${addresses}]`;
  }

  /** The whole space is unmapped in one operation, then the slot is given up (panthor_mmu.c:panthor_vm_free). */
  destroy(): void {
    const whole = { kind: GPU_UNMAP, start: 0, size: this.#limit, object: null, offset: 0, flags: 0, aligned: true };
    this.runSync(new GpuJob('', true, [whole], 0, 0));
    if (this.#old) this.#hardware.disableOld();
    else this.#hardware.disable();
  }

  /** Checks and reserves (panthor_mmu.c:panthor_vm_prepare_map_op_ctx, ..._unmap_op_ctx). */
  #prepare(job: GpuJob, op: GpuOp, at: number): void {
    const { counters } = this;
    if (op.kind === GPU_SYNC_ONLY) {
      if (op.size !== 0) job.fail(-EINVAL, at);
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
    const ticket = desk.submit(this.#demands);
    job.reserved += desk.reserved;
    return ticket;
  }

  /** One operation in the signalling path (panthor_mmu.c:panthor_vm_exec_op). */
  #execute(job: GpuJob, op: GpuOp, at: number, ticket: number): number {
    if (op.kind === GPU_SYNC_ONLY) return 0;
    const { desk } = this;
    this.#job = job;
    this.#opIndex = at;
    this.#flags = op.flags;
    this.#failed = 0;
    const frees = this.#table.counters[C.TABLE_FREES];
    let ret = 0;
    if (ticket !== UNTOLD && !desk.begin(ticket)) ret = -ENOMEM;
    if (ticket !== UNTOLD) job.reserved += desk.granted;
    if (!this.#old) this.#hardware.lock(op.start, op.size);
    if (ret === 0) {
      if (op.kind === GPU_MAP && this.unusable !== null) ret = -EINVAL;
      else if (!(op.start + op.size <= this.#limit)) ret = -EINVAL;
      else ret = this.#split(op);
    }
    if (!this.#old) this.#hardware.unlock();
    if (ticket !== UNTOLD) {
      desk.end(ticket);
      job.used += desk.used;
      const freed = this.#table.counters[C.TABLE_FREES] - frees;
      this.counters[G.TAKEN_AND_FREED] += Math.min(freed, desk.used);
    }
    this.noteVmas();
    return ret;
  }

  #split(op: GpuOp): number {
    if (op.kind === GPU_UNMAP) splitForUnmap(this.vmas, op.start, op.start + op.size, this);
    else {
      const request: MapRequest = {
        start: op.start,
        end: op.start + op.size,
        object: op.object === null ? -1 : op.object.index,
        offset: op.offset,
      };
      splitForMap(this.vmas, request, this);
    }
    return this.#failed;
  }

  unmap(vma: number): void {
    if (this.#failed !== 0) return;
    this.counters[G.STEPS_UNMAP]++;
    const { start, end } = this.vmas;
    this.#failed = this.#unmapPages(start[vma], end[vma] - start[vma]);
    if (this.#failed === 0) this.vmas.remove(vma);
  }

  remap(vma: number, holeStart: number, holeEnd: number): void {
    if (this.#failed !== 0) return;
    const { vmas, counters } = this;
    counters[G.STEPS_REMAP]++;
    const start = vmas.start[vma];
    const end = vmas.end[vma];
    const object = vmas.object[vma];
    const offset = vmas.offset[vma];
    const flags = vmas.flags[vma];
    if (this.#old) this.#failed = this.#unmapPages(holeStart, holeEnd - holeStart);
    else this.#failed = this.#unmapWidened(start, end, object, offset, flags, holeStart, holeEnd);
    if (this.#failed !== 0) return;
    vmas.remove(vma);
    if (start < holeStart) this.#addVma(start, holeStart, object, offset, flags);
    if (holeEnd < end) this.#addVma(holeEnd, end, object, offset + holeEnd - start, flags);
  }

  map(start: number, end: number, object: number, offset: number): void {
    if (this.#failed !== 0) return;
    this.counters[G.STEPS_MAP]++;
    const flags = this.#flags;
    this.#failed = this.#mapPages(start, object, offset, end - start, flags);
    if (this.#failed === 0) this.#addVma(start, end, object, offset, flags);
  }

  #addVma(start: number, end: number, object: number, offset: number, flags: number): void {
    if (start === end) return;
    this.vmas.add(start, end, object, offset, flags);
    this.counters[G.VMAS_USED]++;
  }

  /**
   * Takes a hole out of a VMA whose edges may lie in huge pages: as the folios tell, those are unmapped whole and what stays of
   * them is mapped anew with 4K pages (panthor_mmu.c:panthor_gpuva_sm_step_remap, unmap_hugepage_align).
   */
  #unmapWidened(
    start: number,
    end: number,
    object: number,
    offset: number,
    flags: number,
    holeStart: number,
    holeEnd: number,
  ): number {
    const huge = this.objects.all[object].hugeFolios;
    const slot = Math.floor(holeStart / HUGE) * HUGE;
    const slotEnd = Math.ceil(holeEnd / HUGE) * HUGE;
    const from = huge && start < holeStart && slot < holeStart && start <= slot ? slot : holeStart;
    const to = huge && holeEnd < end && slotEnd > holeEnd && end >= slotEnd ? slotEnd : holeEnd;
    if (from < holeStart || to > holeEnd) this.#countWidening(from, holeStart, holeEnd, to);
    this.#hardware.lock(from, to - from);
    this.#unmapPages(from, to - from);
    let ret = 0;
    if (from < holeStart) ret = this.#mapPages(from, object, offset + from - start, holeStart - from, flags);
    if (ret === 0 && holeEnd < to) ret = this.#mapPages(holeEnd, object, offset + holeEnd - start, to - holeEnd, flags);
    return ret;
  }

  #countWidening(from: number, holeStart: number, holeEnd: number, to: number): void {
    const { counters } = this;
    counters[G.WIDENED]++;
    counters[G.BYTES_REMAPPED] += holeStart - from + to - holeEnd;
    // The folio says huge; what stands in the table decides whether it was needed.
    const high = Math.floor(from / TWO_32);
    const needed =
      (from < holeStart && !this.#isTable(high, from >>> 0)) ||
      (holeEnd < to && !this.#isTable(Math.floor(holeEnd / TWO_32), holeEnd >>> 0));
    if (!needed) counters[G.WIDENED_NEEDLESSLY]++;
  }

  #isTable(hi: number, lo: number): boolean {
    const table = this.#table;
    return table.lastTable(table.highIndices(hi | 0, lo | 0), table.lowIndices(hi | 0, lo | 0)) !== 0;
  }

  #mapPages(start: number, object: number, offset: number, size: number, flags: number): number {
    if (size === 0) return 0;
    const { counters } = this;
    if (!this.#old && !this.#hardware.covers(start, size)) this.#table.warn(C.WARN_DRIVER);
    const ret = this.#mapper.map(start, this.objects.all[object], offset, size, protOf(flags));
    const { mapped } = this.#mapper;
    counters[G.BYTES_CHANGED] += mapped;
    if (this.#old) {
      if (ret !== 0) {
        this.#table.warn(C.WARN_DRIVER);
        this.#unmapPages(start, mapped);
      } else this.#hardware.flushRange(start, mapped);
      return ret;
    }
    if (ret !== 0) {
      this.#table.warn(C.WARN_DRIVER_ONCE);
      this.#unmapPages(start, mapped);
      this.#declareUnusable(ret, 'a map failed');
    }
    return ret;
  }

  #unmapPages(start: number, size: number): number {
    if (size === 0) return 0;
    const { counters } = this;
    if (this.#old) {
      const done = unmapRangeStrictly(this.#table, start, size);
      counters[G.BYTES_CHANGED] += done;
      this.#hardware.flushRange(start, done);
      if (done === size) return 0;
      this.#table.warn(C.WARN_DRIVER);
      return -EINVAL;
    }
    if (!this.#hardware.covers(start, size)) this.#table.warn(C.WARN_DRIVER);
    counters[G.BYTES_CHANGED] += size;
    unmapRange(this.#table, start, size, this.#short);
    return 0;
  }

  #declareUnusable(ret: number, why: string): void {
    if (this.unusable !== null) return;
    this.unusable = { job: this.#job, op: this.#opIndex, ret, why };
    if (!this.#old) this.#hardware.disable();
  }

  #whyFailed(op: GpuOp): string {
    if (op.start + op.size > this.#limit) return 'the range is checked only when the operation runs';
    return 'the operation failed when it ran';
  }
}

/** Flags of a bind as IOMMU_* bits (panthor_mmu.c:flags_to_prot). */
function protOf(flags: number): number {
  let prot = (flags & FLAG_READONLY) !== 0 ? PROT_READ : PROT_READ | PROT_WRITE;
  if ((flags & FLAG_NOEXEC) !== 0) prot |= PROT_NOEXEC;
  if ((flags & FLAG_UNCACHED) === 0) prot |= PROT_CACHE;
  return prot;
}
