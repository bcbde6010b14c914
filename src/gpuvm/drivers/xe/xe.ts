import { TWO_32 } from '../../../base/u64.ts';
import { EINVAL, ENOENT, ENOMEM } from '../../../base/vocabulary.ts';
import { ConfigRefused } from '../../../lpae/format/config.ts';
import * as G from '../../gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, type GpuJob, type GpuOp } from '../../gpu-job.ts';
import type { GpuVmParts, LineField } from '../../gpu-vm.ts';
import type { GpuvaOp, RemapOp, VmaPiece } from '../../op-lists.ts';
import { rangeValid } from '../../va-range.ts';
import { OwnPages } from '../own-tables.ts';
import { QueuedVm } from '../queued-vm.ts';
import { InvalidationRange } from './invalidation.ts';
import { XeTables } from './tables.ts';
import { type PtOp, USES_64K } from './walks.ts';

const MAX_BITS = 48;
const FIELDS: readonly LineField[] = [
  ['ptOps', G.PT_OPS],
  ['entryRuns', G.ENTRY_RUNS],
  ['invalidations', G.INVALIDATION_JOBS],
];

/** Binding or unbinding of a range, found while VMAs change and done once all have. */
interface Task extends VmaPiece {
  readonly bind: boolean;
  /** Index of the operation that it is for. */
  readonly op: number;
  /** The VMA that is bound, to keep what page sizes it came to use. */
  readonly vma: number;
}

interface Plan {
  readonly ops: PtOp[];
  /** What is invalidated; null: nothing. */
  readonly range: InvalidationRange | null;
}

/**
 * Intel's xe (xe_vm.c, xe_pt.c): the ioctl changes the VMAs of all its operations, then builds and takes apart page tables for them, and
 * leaves to a job what hardware can already see. Tables are allocated exactly and of 4K each, those of a table that a job
 * unlinks are freed when it has run. A call with any unbind costs one invalidation; one GT is counted. No bind of a
 * trace is a rebind, since every VMA that is bound is new, and there are no scratch pages, so nothing else invalidates.
 * A submission that fails is undone; a failure at the commit kills the space, and every later ioctl gets -ENOENT.
 */
export class XeVm extends QueuedVm<Plan> {
  readonly driver = 'xe';
  readonly lineFields = FIELDS;
  override readonly own;
  /** Fault injection for tests, which nothing in a trace asks for: the next commit fails. */
  failCommit = false;
  readonly #tables: XeTables;
  readonly #size: number;

  /** Throws ConfigRefused for addresses of more than 48 bits. */
  constructor(parts: GpuVmParts) {
    super(parts);
    if (parts.ias > MAX_BITS) {
      throw new ConfigRefused(
        `xe has "ias" of up to ${MAX_BITS} here, not ${parts.ias}: a fifth level is not modelled`,
      );
    }
    this.#tables = new XeTables(new OwnPages(this.counters, this.desk.stats), parts.ias);
    this.own = this.#tables.books;
    this.#size = 2 ** parts.ias;
  }

  protected prepare(job: GpuJob): Plan | null {
    if (this.unusable !== null) job.fail(-ENOENT, 0);
    for (let at = 0; at < job.ops.length; at++) if (!this.#isSound(job.ops[at])) job.fail(-EINVAL, at);
    if (job.ret !== 0) return null;
    const tasks: Task[] = [];
    for (let at = 0; at < job.ops.length; at++) {
      const op = job.ops[at];
      if (op.kind === GPU_SYNC_ONLY) continue;
      for (const step of this.stepsOf(op)) this.#change(step, at, tasks);
    }
    const ops: PtOp[] = [];
    const range = new InvalidationRange();
    for (const task of tasks) {
      const { start, size, bind } = task;
      const op = bind
        ? this.#tables.bind(start, start + size, this.objectOf(task.object), task.offset)
        : this.#tables.unbind(start, start + size);
      if (op === null) {
        job.fail(-ENOMEM, task.op);
        break;
      }
      ops.push(op);
      range.include(start, start + size, op.level);
      if (bind) this.#noteUse(task, this.#tables.uses);
    }
    if (job.ret === 0 && this.failCommit && ops.length > 0) {
      this.failCommit = false;
      const at = tasks[0].op;
      job.fail(-ENOMEM, at);
      this.unusable = { job, op: at, ret: -ENOMEM, why: 'the commit failed, after which no bind is accepted' };
    }
    if (job.ret !== 0) {
      for (const op of ops.reverse()) this.#tables.abort(op);
      return null;
    }
    return { ops, range: tasks.every(({ bind }) => bind) ? null : range };
  }

  protected write({ ops, range }: Plan): void {
    const { counters } = this;
    counters[G.PT_OPS] += ops.length;
    for (const op of ops) {
      counters[G.ENTRY_RUNS] += op.runs.length;
      this.#tables.write(op);
    }
    // What the job unlinked is held by its fence until here.
    for (const { runs } of ops) {
      for (const { old } of runs) for (const table of old) if (table !== null) this.#tables.free(table);
    }
    if (range === null) return;
    const { start, size } = range.forFirmware();
    counters[G.INVALIDATION_JOBS]++;
    counters[G.BYTES_LOCKED] += size;
    this.log?.addressed('TLB_INVAL', Math.floor(start / TWO_32) >>> 0, start >>> 0, size);
  }

  protected retire(): void {}

  translate(address: number): number {
    return this.#tables.translate(address);
  }

  /** The tree goes as a whole (xe_vm.c:xe_vm_close_and_put). */
  destroy(): void {
    this.finishJobs();
    for (const vma of [...this.vmas]) this.vmas.remove(vma);
    this.#tables.destroy();
  }

  #change(step: GpuvaOp, op: number, tasks: Task[]): void {
    const { vmas, changes } = this;
    if (step.op === 'map') {
      const { start, size, object, offset } = step;
      const vma = changes.add(start, start + size, object, offset, 0);
      tasks.push({ bind: true, op, start, size, object, offset, vma });
    } else if (step.op === 'unmap') {
      const start = vmas.start[step.vma];
      const size = vmas.end[step.vma] - start;
      tasks.push({ bind: false, op, start, size, object: 0, offset: 0, vma: -1 });
      changes.remove(step.vma);
    } else if (step.op === 'remap') this.#remap(step, op, tasks);
  }

  /**
   * What is left of a VMA keeps its entries where the cut is aligned to the largest page that the VMA uses; else it is
   * unbound with the hole and bound anew (xe_vm.c:vm_bind_ioctl_ops_parse).
   */
  #remap({ vma, prev, next, hole }: RemapOp, op: number, tasks: Task[]): void {
    const { vmas, changes, counters } = this;
    const uses = vmas.flags[vma];
    const largest = largestPage(uses);
    const end = hole.start + hole.size;
    const movesPrev = prev !== null && hole.start % largest !== 0;
    const movesNext = next !== null && end % largest !== 0;
    const from = movesPrev ? vmas.start[vma] : hole.start;
    const to = movesNext ? vmas.end[vma] : end;
    changes.remove(vma);
    tasks.push({ bind: false, op, start: from, size: to - from, object: 0, offset: 0, vma: -1 });
    for (const [piece, moves] of [
      [prev, movesPrev],
      [next, movesNext],
    ] as const) {
      if (piece === null) continue;
      const { start, size, object, offset } = piece;
      const left = changes.add(start, start + size, object, offset, moves ? 0 : flagOf(largest));
      if (!moves) continue;
      tasks.push({ bind: true, op, start, size, object, offset, vma: left });
      counters[G.BYTES_REMAPPED] += size;
    }
  }

  /** Keeps the page sizes of a VMA that was bound, unless a later operation of the same call has taken it away. */
  #noteUse({ vma, start, size, object }: Task, uses: number): void {
    const { vmas } = this;
    if (vmas.start[vma] === start && vmas.end[vma] === start + size && vmas.object[vma] === object) {
      vmas.flags[vma] = uses;
    }
  }

  /** What the ioctl accepts (xe_vm.c:vm_bind_ioctl_check_args, xe_vm_bind_ioctl_validate_bo). */
  #isSound(op: GpuOp): boolean {
    if (op.kind === GPU_SYNC_ONLY) return true;
    const bounds = { start: 0, size: this.#size, kernelStart: 0, kernelSize: 0 };
    if (!op.aligned || op.size === 0 || !rangeValid(bounds, op.start, op.size)) return false;
    if (op.kind === GPU_UNMAP || op.kind === GPU_MAP_NULL) return op.object === null;
    return (
      op.kind === GPU_MAP && op.object !== null && op.size <= op.object.size && op.offset <= op.object.size - op.size
    );
  }
}

/** The largest page that a VMA uses; 1G for one that has not been bound yet (xe_vm.c:xe_vma_max_pte_size). */
function largestPage(uses: number): number {
  if ((uses & 4) !== 0 || uses === 0) return 2 ** 30;
  if ((uses & 2) !== 0) return 2 ** 21;
  return (uses & USES_64K) !== 0 ? 2 ** 16 : 2 ** 12;
}

function flagOf(page: number): number {
  if (page === 2 ** 30) return 4;
  if (page === 2 ** 21) return 2;
  return page === 2 ** 16 ? USES_64K : 1;
}
