import { EINVAL, ENOENT, ENOMEM } from '../../../base/vocabulary.ts';
import * as C from '../../../lpae/counters.ts';
import type { BufferObject } from '../../buffer-object.ts';
import * as G from '../../gpu-counters.ts';
import { GPU_MAP, GPU_SYNC_ONLY, GPU_UNMAP, type GpuJob, type GpuOp, requestOf } from '../../gpu-job.ts';
import { GpuVm, type GpuVmParts, type LineField } from '../../gpu-vm.ts';
import { type SplitSteps, splitForMap } from '../../split.ts';
import { OwnPages } from '../own-tables.ts';
import { OOPS, PvrOpContext, reservedDirectories, reservedTables } from './op-context.ts';
import { PAGE, VA_BITS } from './rogue.ts';
import { PvrTables } from './tables.ts';
import { endOopsText, falseSuccessText, oopsText } from './words.ts';

/** VMAs that an operation holds ready (pvr_vm.c:pvr_vm_bind_op_map_init, ..._unmap_init). */
const VMAS_FOR_MAP = 3;
const VMAS_FOR_UNMAP = 2;
/** No memory has room for so many tables: a count that has wrapped around is above. */
const HOPELESS = 2 ** 31;

const FIELDS: readonly LineField[] = [['mmuCacheCommands', G.MMU_CACHE_COMMANDS]];

/** What the line of a job tells of its operations together, in this order. */
const FIGURES = ['reservedL1', 'reservedL0', 'usedL1', 'usedL0', 'mappedPages', 'neededL1', 'neededL0'] as const;
const [RESERVED_L1, RESERVED_L0, USED_L1, USED_L0, MAPPED_PAGES, NEEDED_L1, NEEDED_L0] = FIGURES.keys();

/**
 * Imagination's PowerVR (pvr_vm.c, pvr_mmu.c): every operation is an ioctl of its own and done when it returns, so that a job
 * ends with its first operation that fails. Tables are reserved for each map as its offset in the object says, not as
 * its address does, so they can run short. What would have been a NULL dereference ends the job as an oops; what follows finds
 * the tables as it left them, although a kernel would still hold the locks.
 */
export class PvrVm extends GpuVm implements SplitSteps {
  readonly driver = 'pvr';
  override readonly immediate = true;
  readonly lineFields = FIELDS;
  override readonly own = new PvrTables();
  readonly #pages = new OwnPages(this.counters, this.desk.stats);
  readonly #context = new PvrOpContext(this.own);
  #figures: number[] = FIGURES.map(() => 0);
  /** Errno of the step that ended the split, or OOPS; 0: none has. */
  #failed = 0;
  /** The step that comes next, or has failed, unmaps. */
  #unmapping = false;
  #object: BufferObject | null = null;
  readonly #found: number[] = [];

  constructor(parts: GpuVmParts) {
    super(parts);
    // The catalogue.
    this.#pages.take(1);
  }

  /** Page tables have changed that the MMU has not been told of: the next unmap or submission to the GPU does it for all. */
  get flushPending(): boolean {
    return this.counters[G.FLUSHES_PENDING] > 0;
  }

  /** The whole job: nothing of it is left for later. */
  submit(job: GpuJob): void {
    this.#figures = FIGURES.map(() => 0);
    for (let at = 0; at < job.ops.length && job.ret === 0 && !job.oops; at++) {
      const op = job.ops[at];
      if (op.kind === GPU_SYNC_ONLY) continue;
      const ret = op.kind === GPU_UNMAP ? this.#unmapOp(op) : this.#mapOp(job, op);
      if (ret === OOPS) {
        job.oops = true;
        job.failedOp = at;
        this.defects.push(['null-dereference', oopsText(op, this.#unmapping)]);
      } else if (ret !== 0) job.fail(ret, at);
    }
    this.noteVmas();
  }

  /** Was done at submission. */
  run(): void {}

  translate(address: number): number {
    return this.own.translate(address);
  }

  lineOfTables(): string {
    const { own } = this;
    const figures = FIGURES.map((name, at) => `,"${name}":${this.#figures[at]}`).join('');
    const live = `,"liveL1":${own.directories},"liveL0":${own.tables},"live":[0,${own.directories},${own.tables}]`;
    const rest = `,"ptes":${own.pages},"vmas":${this.vmas.size},"unusable":0,"flushPending":${this.flushPending}`;
    return `${figures}${live}${rest}`;
  }

  /** Every VMA is unmapped by an operation of its own, then the catalogue goes (pvr_vm.c:pvr_vm_unmap_all). */
  destroy(): void {
    for (const vma of [...this.vmas]) {
      const start = this.vmas.start[vma];
      const size = this.vmas.end[vma] - start;
      if (this.#unmapWhole(vma) === 0) continue;
      this.defects.push(['null-dereference', endOopsText(start, size)]);
      this.vmas.remove(vma);
    }
    if (this.flushPending) this.#flush();
    this.own.destroy();
    this.#givePages();
  }

  /** A map over whatever is there (pvr_vm.c:pvr_vm_map). */
  #mapOp(job: GpuJob, op: GpuOp): number {
    const { own, counters } = this;
    const { object } = op;
    if (op.kind !== GPU_MAP || object === null || !isSound(op, object)) return -EINVAL;
    counters[G.OPS_MAP]++;
    counters[G.VMAS_PREALLOCATED] += VMAS_FOR_MAP;
    const figures = this.#figures;
    const context = this.#context;
    const directories = reservedDirectories(op.offset, op.size);
    const tables = reservedTables(op.offset, op.size);
    own.missing(op.start / PAGE, op.size / PAGE);
    figures[RESERVED_L1] += directories;
    figures[RESERVED_L0] += tables;
    figures[NEEDED_L1] += own.missingDirectories;
    figures[NEEDED_L0] += own.missingTables;
    if (directories >= HOPELESS || tables >= HOPELESS) return -ENOMEM;
    const reserved = directories + tables;
    if (!own.canReserve(reserved)) return -ENOMEM;
    const tooFew = directories < own.missingDirectories || tables < own.missingTables;
    // Taken, given back or unlinked: all of it is held until the operation ends.
    this.#pages.take(reserved);
    context.begin(directories, tables);
    this.#object = object;
    this.#failed = 0;
    const changesBefore = this.#changes();
    const pagesBefore = figures[MAPPED_PAGES];
    splitForMap(this.vmas, requestOf(op), this);
    if (this.#changes() !== changesBefore) counters[G.FLUSHES_PENDING] = 1;
    figures[USED_L1] += context.usedDirectories;
    figures[USED_L0] += context.usedTables;
    const used = context.usedDirectories + context.usedTables;
    job.reserved += reserved;
    job.used += used;
    counters[G.OWN_RESERVED] += reserved;
    counters[G.OWN_RESERVED_PEAK] = Math.max(counters[G.OWN_RESERVED_PEAK], reserved);
    counters[G.OWN_USED] += used;
    counters[G.OWN_RETURNED] += context.end();
    this.#givePages();
    counters[G.TAKEN_AND_FREED] += context.takenAndFreed;
    counters[G.TABLES_RECREATED] = own.recreated;
    if (tooFew || context.ranShort) counters[G.UNDER_RESERVED]++;
    const mapped = figures[MAPPED_PAGES] - pagesBefore;
    if (this.#failed === 0 && mapped < op.size / PAGE) {
      counters[G.FALSE_SUCCESSES]++;
      this.defects.push(['false-success', falseSuccessText(op, mapped, directories, tables)]);
    }
    return this.#failed;
  }

  /** An unmap names a VMA, from its first byte to its last (pvr_vm.c:pvr_vm_unmap). */
  #unmapOp(op: GpuOp): number {
    const found = this.#found;
    const end = op.start + op.size;
    this.vmas.overlapping(op.start, end, found);
    const vma = found.length === 1 ? found[0] : -1;
    if (vma < 0 || this.vmas.start[vma] !== op.start || this.vmas.end[vma] !== end) return -ENOENT;
    this.counters[G.OPS_UNMAP]++;
    this.counters[G.BYTES_CHANGED] += op.size;
    this.counters[G.VMAS_PREALLOCATED] += VMAS_FOR_UNMAP;
    return this.#unmapWhole(vma);
  }

  /** The MMU hears of an unmap before its tables are freed (pvr_mmu.c:pvr_mmu_op_context_destroy). */
  #unmapWhole(vma: number): number {
    const changesBefore = this.#changes();
    this.#failed = 0;
    this.#context.begin(0, 0);
    this.#unmapVma(vma);
    if (this.#changes() !== changesBefore) this.#flush();
    this.#context.end();
    this.#givePages();
    return this.#failed;
  }

  unmap(vma: number): void {
    if (this.#failed !== 0) return;
    this.counters[G.BYTES_CHANGED] += this.vmas.end[vma] - this.vmas.start[vma];
    this.#unmapVma(vma);
  }

  #unmapVma(vma: number): void {
    this.counters[G.STEPS_UNMAP]++;
    const { start, end } = this.vmas;
    this.#unmapPages(start[vma], end[vma] - start[vma]);
    if (this.#failed === 0) this.vmas.remove(vma);
  }

  /** Pages of 4K need no mapping anew of what stays (pvr_vm.c:pvr_vm_gpuva_remap). */
  remap(vma: number, holeStart: number, holeEnd: number): void {
    if (this.#failed !== 0) return;
    this.counters[G.STEPS_REMAP]++;
    this.counters[G.BYTES_CHANGED] += holeEnd - holeStart;
    this.#unmapPages(holeStart, holeEnd - holeStart);
    if (this.#failed !== 0) return;
    this.counters[G.VMAS_USED] += this.vmas.cut(vma, holeStart, holeEnd);
  }

  map(start: number, end: number, object: number, offset: number): void {
    if (this.#failed !== 0) return;
    const { own, counters } = this;
    counters[G.STEPS_MAP]++;
    counters[G.BYTES_CHANGED] += end - start;
    this.#unmapping = false;
    own.counters[C.MAP_CALLS]++;
    const before = own.pages;
    this.#failed = this.#context.map(start / PAGE, this.#object as BufferObject, offset, end - start);
    const mapped = own.pages - before;
    this.#figures[MAPPED_PAGES] += mapped;
    if (this.#failed !== 0) return;
    this.vmas.add(start, end, object, offset, 0);
    counters[G.VMAS_USED]++;
  }

  #unmapPages(start: number, size: number): void {
    const { own } = this;
    own.counters[C.UNMAP_CALLS]++;
    this.#unmapping = true;
    this.#failed = this.#context.unmap(start / PAGE, size / PAGE);
  }

  /** Gives back the pages of tables that were freed or not taken since the last time. */
  #givePages(): void {
    const { counters, own } = this;
    this.#pages.give(counters[G.OWN_RETURNED] + own.counters[C.TABLE_FREES] - counters[G.OWN_PAGES_FREED]);
  }

  /** Grows with every change of an entry of any table. */
  #changes(): number {
    const { counters } = this.own;
    return counters[C.LEAVES_WRITTEN] + counters[C.LEAVES_CLEARED] + counters[C.TABLE_ALLOCS];
  }

  /** One command to the firmware for all that is pending (pvr_mmu.c:pvr_mmu_flush_exec). */
  #flush(): void {
    this.counters[G.FLUSHES_PENDING] = 0;
    this.counters[G.MMU_CACHE_COMMANDS]++;
    this.log?.command('MMUCACHE');
  }
}

/** What a map may be (pvr_vm.c:pvr_vm_bind_op_map_init, pvr_device_addr_and_size_are_valid). */
function isSound(op: GpuOp, object: BufferObject): boolean {
  if (!op.aligned || op.size === 0 || op.start + op.size > 2 ** VA_BITS) return false;
  return op.offset + op.size <= object.size;
}
