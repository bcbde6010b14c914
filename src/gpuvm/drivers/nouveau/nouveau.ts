import { EINVAL, ENOMEM, type Kernel } from '../../../base/vocabulary.ts';
import * as C from '../../../lpae/counters.ts';
import type { BufferObject } from '../../buffer-object.ts';
import * as G from '../../gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, GPU_SYNC_ONLY, GPU_UNMAP, type GpuJob, type GpuOp } from '../../gpu-job.ts';
import type { GpuVmParts, LineField } from '../../gpu-vm.ts';
import type { MapOp, RemapOp, VmaPiece } from '../../op-lists.ts';
import { rangeValid, type VaBounds } from '../../va-range.ts';
import { OwnPages } from '../own-tables.ts';
import { QueuedVm } from '../queued-vm.ts';
import { BIG_SHIFT, ENTRY_SPANS, HUGE_SHIFT, SMALL_SHIFT } from './levels.ts';
import { NouveauTables } from './tables.ts';

/** All of the bits that user space has (nouveau_uvmm.c:NOUVEAU_VA_SPACE_BITS), no address kept for the kernel. */
const VA_BITS = 47;
const BOUNDS: VaBounds = { start: 0, size: 2 ** VA_BITS, kernelStart: 0, kernelSize: 0 };
/** Bitmaps of page sizes. */
const SMALL_PAGE = 2 ** SMALL_SHIFT;
const ALL_PAGES = 2 ** SMALL_SHIFT + 2 ** BIG_SHIFT + 2 ** HUGE_SHIFT;

/** What a job writes when it runs: start, end and page shift of a range, object (CLEARED: entries are cleared) and offset. */
const WRITE = 5;
const CLEARED = -2;
/** References: start, end, page shift. */
const RANGE = 3;

const FIELDS: readonly LineField[] = [['vmmFlushes', G.VMM_FLUSHES]];

interface Plan {
  readonly writes: number[];
  /** References that are dropped when the job is freed. */
  readonly drops: number[];
}

/**
 * Nouveau (nouveau_uvmm.c): VMAs change and references to table entries are taken at submission, which makes exactly the tables that
 * are missing; entries are written when the job runs; references of what was unmapped are dropped when it is freed. A
 * submission that fails is undone, so no space becomes unusable. Every VMA holds one reference to each of its entries:
 * what a map takes over from VMAs of the same page size keeps theirs (nouveau_uvmm_sm_prepare).
 *
 * 6.12 has 4K pages only. Where pages of several sizes meet, the kernel loses count; here, as it is meant to be: entries of
 * another page size than the new mapping's are cleared and their references dropped, even where `keep` is set, and what is
 * left of a VMA that was cut inside of one of its pages is mapped anew in pages that fit. Sparse regions are VMAs without
 * an object, of entries that read as zeros.
 */
export class NouveauVm extends QueuedVm<Plan> {
  readonly driver = 'nouveau';
  readonly lineFields = FIELDS;
  override readonly own;
  readonly #tables: NouveauTables;
  readonly #kernel: Kernel;
  /** By object: the shift of the largest pages that it can be mapped in; 0: not known yet. */
  readonly #shifts: number[] = [];
  /** References taken by the job that is being submitted. */
  readonly #taken: number[] = [];

  constructor(parts: GpuVmParts) {
    super(parts);
    this.#kernel = parts.kernel;
    const pgsizes = parts.kernel === '6.12' ? SMALL_PAGE : ALL_PAGES;
    const shape = { pgsizes, ias: VA_BITS, entrySpans: ENTRY_SPANS, countsCalls: true };
    this.#tables = new NouveauTables(new OwnPages(this.counters, this.desk.stats), shape, () => {
      this.counters[G.VMM_FLUSHES]++;
      this.log?.command('VMM_FLUSH');
    });
    this.own = this.#tables.books;
  }

  protected prepare(job: GpuJob): Plan | null {
    for (let at = 0; at < job.ops.length; at++) if (!isSound(job.ops[at])) job.fail(-EINVAL, at);
    if (job.ret !== 0) return null;
    const plan: Plan = { writes: [], drops: [] };
    this.#taken.length = 0;
    for (let at = 0; at < job.ops.length; at++) {
      const op = job.ops[at];
      // A map of no bytes is answered with 0 and leaves a VMA of none.
      if (op.kind === GPU_SYNC_ONLY || op.size === 0 || this.#prepareOp(op, plan)) continue;
      job.fail(-ENOMEM, at);
      for (let range = 0; range < this.#taken.length; range += RANGE) {
        this.#tables.put(this.#taken[range], this.#taken[range + 1], this.#taken[range + 2]);
      }
      return null;
    }
    return plan;
  }

  protected write({ writes }: Plan): void {
    for (let at = 0; at < writes.length; at += WRITE) {
      const [start, end, shift, object, offset] = writes.slice(at, at + WRITE);
      if (object === CLEARED) {
        this.own.counters[C.UNMAP_CALLS]++;
        this.#tables.unmap(start, end, shift);
      } else {
        this.own.counters[C.MAP_CALLS]++;
        this.#tables.map(start, end, shift, this.objectOf(object), offset);
      }
    }
  }

  protected retire({ drops }: Plan): void {
    for (let at = 0; at < drops.length; at += RANGE) this.#tables.put(drops[at], drops[at + 1], drops[at + 2]);
  }

  translate(address: number): number {
    return this.#tables.translate(address);
  }

  /** Every VMA is unmapped and its references are dropped (nouveau_uvmm.c:nouveau_uvmm_fini); kept pages go too. */
  destroy(): void {
    this.finishJobs();
    const { vmas } = this;
    for (const vma of [...vmas]) {
      this.#tables.unmap(vmas.start[vma], vmas.end[vma], vmas.flags[vma]);
      this.#tables.put(vmas.start[vma], vmas.end[vma], vmas.flags[vma]);
      vmas.remove(vma);
    }
    this.#tables.destroy();
  }

  /** Changes the VMAs for one operation and takes its references; false: a table could not be had. */
  #prepareOp(op: GpuOp, plan: Plan): boolean {
    const { vmas, changes } = this;
    const steps = this.stepsOf(op);
    const request = steps.at(-1);
    const map = request?.op === 'map' ? request : null;
    const shift = map === null ? 0 : this.#shiftOf(map);
    // Up to where the new mapping's entries have references.
    let held = op.start;
    for (const step of steps) {
      if (step.op === 'map') {
        if (!this.#take(held, op.start + op.size, shift)) return false;
        this.#add(step, shift, plan, true);
        continue;
      }
      if (step.op === 'prefetch') continue;
      const old = vmas.flags[step.vma];
      const start = step.op === 'unmap' ? vmas.start[step.vma] : step.hole.start;
      const end = step.op === 'unmap' ? vmas.end[step.vma] : step.hole.start + step.hole.size;
      if (step.op === 'remap') {
        if (!this.#cut(step, old, shift, plan)) return false;
      } else {
        changes.remove(step.vma);
        if (step.keep && old === shift) this.counters[G.STEPS_KEPT]++;
        else plan.writes.push(start, end, old, CLEARED, 0);
        if (old !== shift) plan.drops.push(start, end, old);
      }
      if (old !== shift) continue;
      if (!this.#take(held, start, shift)) return false;
      held = end;
    }
    return true;
  }

  /** A VMA loses a hole, and keeps its page size unless the hole ends inside of a page. */
  #cut({ vma, prev, next, hole }: RemapOp, old: number, shift: number, plan: Plan): boolean {
    const { vmas, changes } = this;
    const page = 2 ** old;
    const cutsPrev = prev !== null && hole.start % page !== 0;
    const cutsNext = next !== null && (hole.start + hole.size) % page !== 0;
    const start = cutsPrev ? vmas.start[vma] : hole.start;
    const end = cutsNext ? vmas.end[vma] : hole.start + hole.size;
    changes.remove(vma);
    plan.writes.push(start, end, old, CLEARED, 0);
    if (old !== shift) plan.drops.push(start, end, old);
    return this.#keep(prev, cutsPrev, old, plan) && this.#keep(next, cutsNext, old, plan);
  }

  #keep(piece: VmaPiece | null, anew: boolean, old: number, plan: Plan): boolean {
    if (piece === null) return true;
    const shift = anew ? this.#shiftOf(piece) : old;
    this.#add(piece, shift, plan, anew);
    if (!anew) return true;
    this.counters[G.BYTES_REMAPPED] += piece.size;
    return this.#take(piece.start, piece.start + piece.size, shift);
  }

  #add({ start, size, object, offset }: VmaPiece | MapOp, shift: number, plan: Plan, writes: boolean): void {
    this.changes.add(start, start + size, object, offset, shift);
    if (writes) plan.writes.push(start, start + size, shift, object, offset);
  }

  #take(start: number, end: number, shift: number): boolean {
    if (start >= end) return true;
    if (!this.#tables.get(start, end, shift)) return false;
    this.#taken.push(start, end, shift);
    return true;
  }

  /** The largest pages that fit address, size and offset, and the object (nouveau_uvmm.c:select_page_shift). */
  #shiftOf({ start, size, object, offset }: VmaPiece): number {
    if (this.#kernel === '6.12') return SMALL_SHIFT;
    const backing = this.objectOf(object);
    const limit = backing === null ? HUGE_SHIFT : this.#shiftOfObject(backing);
    for (const shift of [HUGE_SHIFT, BIG_SHIFT]) {
      const page = 2 ** shift;
      const fits = start % page === 0 && size % page === 0 && (backing === null || offset % page === 0);
      if (shift <= limit && fits) return shift;
    }
    return SMALL_SHIFT;
  }

  #shiftOfObject(object: BufferObject): number {
    this.#shifts[object.index] ??= pageShift(object);
    return this.#shifts[object.index];
  }
}

/** The largest page that an object is made of: 2M when its folios are and its segments fit, else 64K, else 4K. */
function pageShift(object: BufferObject): number {
  if (object.hugeFolios && object.misaligned(2 ** HUGE_SHIFT) < 0) return HUGE_SHIFT;
  return object.misaligned(2 ** BIG_SHIFT) < 0 ? BIG_SHIFT : SMALL_SHIFT;
}

/** What the ioctl accepts (nouveau_uvmm.c:bind_validate_op). */
function isSound(op: GpuOp): boolean {
  if (op.kind === GPU_SYNC_ONLY) return true;
  if (!op.aligned || !rangeValid(BOUNDS, op.start, op.size)) return false;
  if (op.kind === GPU_UNMAP || op.kind === GPU_MAP_NULL) return op.object === null;
  return (
    op.kind === GPU_MAP && op.object !== null && op.offset < op.object.size && op.size <= op.object.size - op.offset
  );
}
