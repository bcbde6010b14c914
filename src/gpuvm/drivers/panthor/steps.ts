import { EINVAL, PROT_CACHE, PROT_NOEXEC, PROT_READ, PROT_WRITE } from '../../../base/vocabulary.ts';
import * as C from '../../../lpae/counters.ts';
import { LAST_LEVEL } from '../../../lpae/format/geometry.ts';
import type { PageTable } from '../../../lpae/page-table.ts';
import type { BufferObject } from '../../buffer-object.ts';
import * as G from '../../gpu-counters.ts';
import { GPU_UNMAP, type GpuOp, requestOf } from '../../gpu-job.ts';
import { type SplitSteps, splitForMap, splitForUnmap } from '../../split.ts';
import { TABLE, tableState } from '../../table-windows.ts';
import type { VmaSpace } from '../../vma-space.ts';
import type { PanthorHardware } from './hardware.ts';
import { HUGE, PanthorMapper, unmapRange, unmapRangeStrictly } from './pages.ts';

const FLAG_READONLY = 1;
const FLAG_NOEXEC = 2;
const FLAG_UNCACHED = 4;
export const MAP_FLAGS = FLAG_READONLY | FLAG_NOEXEC | FLAG_UNCACHED;

/** What the steps work on. */
export interface StepParts {
  readonly table: PageTable;
  readonly vmas: VmaSpace;
  readonly objects: readonly BufferObject[];
  readonly counters: Float64Array;
  readonly hardware: PanthorHardware;
  /** The rules of 6.12. */
  readonly old: boolean;
  /** The address space is of no use any more. */
  readonly giveUp: (ret: number, why: string) => void;
}

/**
 * What panthor does for each step that an operation splits into (panthor_mmu.c:panthor_gpuva_sm_step_map, ..._remap, ..._unmap).
 * 7.1 takes parts out of huge pages by unmapping them whole and mapping the rest anew in 4K pages; 6.12 leaves that to the
 * engine and flushes after every step.
 */
export class PanthorSteps implements SplitSteps {
  readonly #table: PageTable;
  readonly #vmas: VmaSpace;
  readonly #objects: readonly BufferObject[];
  readonly #counters: Float64Array;
  readonly #hardware: PanthorHardware;
  readonly #old: boolean;
  readonly #giveUp: StepParts['giveUp'];
  readonly #mapper: PanthorMapper;
  readonly #short = (goesOn: boolean): void => {
    this.#table.warn(C.WARN_DRIVER_ONCE);
    if (!goesOn) this.#table.warn(C.WARN_DRIVER_ONCE);
    this.#giveUp(-EINVAL, 'an unmap removed less than it was asked to');
  };
  /** Slots of 2M whose last-level tables unmaps have freed and no map has made again. */
  readonly #freedSlots = new Set<number>();
  /** Flags of the operation that runs. */
  #flags = 0;
  /** Errno of the step that ended the split; 0: none has. */
  #failed = 0;

  constructor({ table, vmas, objects, counters, hardware, old, giveUp }: StepParts) {
    this.#table = table;
    this.#vmas = vmas;
    this.#objects = objects;
    this.#counters = counters;
    this.#hardware = hardware;
    this.#old = old;
    this.#giveUp = giveUp;
    this.#mapper = new PanthorMapper(table);
  }

  /** Runs the steps of an operation; 0, or the errno of the step that ended it. */
  split(op: GpuOp): number {
    this.#failed = 0;
    this.#flags = op.flags;
    if (op.kind === GPU_UNMAP) splitForUnmap(this.#vmas, op.start, op.start + op.size, this);
    else splitForMap(this.#vmas, requestOf(op), this);
    return this.#failed;
  }

  unmap(vma: number): void {
    if (this.#failed !== 0) return;
    this.#counters[G.STEPS_UNMAP]++;
    const { start, end } = this.#vmas;
    this.#counters[G.BYTES_CHANGED] += end[vma] - start[vma];
    this.#failed = this.#unmapPages(start[vma], end[vma] - start[vma]);
    if (this.#failed === 0) this.#vmas.remove(vma);
    else this.#table.warn(C.WARN_DRIVER);
  }

  remap(vma: number, holeStart: number, holeEnd: number): void {
    if (this.#failed !== 0) return;
    const vmas = this.#vmas;
    const counters = this.#counters;
    counters[G.STEPS_REMAP]++;
    counters[G.BYTES_CHANGED] += holeEnd - holeStart;
    if (this.#old) this.#failed = this.#unmapPages(holeStart, holeEnd - holeStart);
    else this.#failed = this.#unmapWidened(vma, holeStart, holeEnd);
    if (this.#failed === 0) counters[G.VMAS_USED] += vmas.cut(vma, holeStart, holeEnd);
  }

  map(start: number, end: number, object: number, offset: number): void {
    if (this.#failed !== 0) return;
    this.#counters[G.STEPS_MAP]++;
    const flags = this.#flags;
    this.#failed = this.#mapPages(start, object, offset, end - start, flags);
    if (this.#failed !== 0) return;
    this.#counters[G.BYTES_CHANGED] += end - start;
    if (start === end) return;
    this.#vmas.add(start, end, object, offset, flags);
    this.#counters[G.VMAS_USED]++;
  }

  /**
   * Takes a hole out of a VMA whose edges may lie in huge pages: as the folios tell, those are unmapped whole and what stays of
   * them is mapped anew with 4K pages (panthor_mmu.c:panthor_gpuva_sm_step_remap, unmap_hugepage_align).
   */
  #unmapWidened(vma: number, holeStart: number, holeEnd: number): number {
    const start = this.#vmas.start[vma];
    const object = this.#vmas.object[vma];
    const offset = this.#vmas.offset[vma];
    const flags = this.#vmas.flags[vma];
    const [from, to] = this.widened(vma, holeStart, holeEnd);
    if (from < holeStart || to > holeEnd) this.#countWidening(from, holeStart, holeEnd, to);
    this.#hardware.lock(from, to - from);
    this.#unmapPages(from, to - from);
    let ret = 0;
    if (from < holeStart) ret = this.#mapPages(from, object, offset + from - start, holeStart - from, flags);
    if (ret === 0 && holeEnd < to) ret = this.#mapPages(holeEnd, object, offset + holeEnd - start, to - holeEnd, flags);
    return ret;
  }

  /** What is unmapped for a hole: huge pages at its edges as a whole, where the VMA holds all of their slot. */
  widened(vma: number, holeStart: number, holeEnd: number): readonly [from: number, to: number] {
    const { start, end, object } = this.#vmas;
    if (!this.#objects[object[vma]].hugeFolios) return [holeStart, holeEnd];
    const slot = Math.floor(holeStart / HUGE) * HUGE;
    const slotEnd = Math.ceil(holeEnd / HUGE) * HUGE;
    const from = start[vma] < holeStart && start[vma] <= slot ? slot : holeStart;
    const to = holeEnd < end[vma] && slotEnd <= end[vma] ? slotEnd : holeEnd;
    return [from, to];
  }

  #countWidening(from: number, holeStart: number, holeEnd: number, to: number): void {
    const counters = this.#counters;
    counters[G.WIDENED]++;
    counters[G.BYTES_REMAPPED] += holeStart - from + to - holeEnd;
    // The folio says huge; what stands in the table decides whether it was needed.
    const needed = (from < holeStart && !this.#isTable(from)) || (holeEnd < to && !this.#isTable(holeEnd));
    if (!needed) counters[G.WIDENED_NEEDLESSLY]++;
  }

  #isTable(address: number): boolean {
    return tableState(this.#table, address, LAST_LEVEL) === TABLE;
  }

  #mapPages(start: number, object: number, offset: number, size: number, flags: number): number {
    if (size === 0) return 0;
    if (!this.#old && !this.#hardware.covers(start, size)) this.#table.warn(C.WARN_DRIVER);
    const ret = this.#mapper.map(start, this.#objects[object], offset, size, protOf(flags));
    const { mapped } = this.#mapper;
    if (this.#freedSlots.size > 0) this.#noteMade(start, mapped);
    if (this.#old) {
      if (ret === 0) this.#hardware.flushRange(start, mapped);
      else if (this.#unmapPages(start, mapped) !== 0) this.#table.warn(C.WARN_DRIVER);
      return ret;
    }
    if (ret !== 0) {
      this.#table.warn(C.WARN_DRIVER_ONCE);
      this.#unmapPages(start, mapped);
      this.#giveUp(ret, 'a map failed');
    }
    return ret;
  }

  #unmapPages(start: number, size: number): number {
    if (this.#old) {
      this.#noteFreed(start, size);
      const done = unmapRangeStrictly(this.#table, start, size);
      this.#hardware.flushRange(start, done);
      if (done === size) return 0;
      this.#table.warn(C.WARN_DRIVER);
      return -EINVAL;
    }
    if (size === 0) return 0;
    if (!this.#hardware.covers(start, size)) this.#table.warn(C.WARN_DRIVER);
    this.#noteFreed(start, size);
    unmapRange(this.#table, start, size, this.#short);
    return 0;
  }

  /** Notes the tables that an unmap of whole slots is about to free. */
  #noteFreed(start: number, size: number): void {
    const last = Math.floor((start + size) / HUGE);
    for (let slot = Math.ceil(start / HUGE); slot < last; slot++) {
      if (this.#isTable(slot * HUGE)) this.#freedSlots.add(slot);
    }
  }

  /** A map has made tables, some of them where one was freed before. */
  #noteMade(start: number, size: number): void {
    const end = start + size;
    for (let slot = Math.floor(start / HUGE); slot * HUGE < end; slot++) {
      if (!this.#freedSlots.delete(slot)) continue;
      if (this.#isTable(slot * HUGE)) this.#counters[G.TABLES_RECREATED]++;
    }
  }
}

/** Flags of a bind as IOMMU_* bits (panthor_mmu.c:flags_to_prot). */
function protOf(flags: number): number {
  let prot = (flags & FLAG_READONLY) !== 0 ? PROT_READ : PROT_READ | PROT_WRITE;
  if ((flags & FLAG_NOEXEC) !== 0) prot |= PROT_NOEXEC;
  if ((flags & FLAG_UNCACHED) === 0) prot |= PROT_CACHE;
  return prot;
}
