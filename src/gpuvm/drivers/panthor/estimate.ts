import { LAST_LEVEL } from '../../../lpae/format/geometry.ts';
import type { PageTable } from '../../../lpae/page-table.ts';
import type { BufferObject } from '../../buffer-object.ts';
import { GPU_MAP, type GpuOp, requestOf } from '../../gpu-job.ts';
import { type SplitSteps, splitForMap, splitForUnmap } from '../../split.ts';
import { LEAF, missingAbove, TABLE, tableState } from '../../table-windows.ts';
import type { VmaSpace } from '../../vma-space.ts';
import { HUGE } from './pages.ts';

/** How much of a hole is unmapped: from and to, at the borders of huge pages where the driver widens it. */
export type Widen = (vma: number, holeStart: number, holeEnd: number) => readonly [from: number, to: number];

/**
 * Tables that an operation would take if it ran now, without touching anything: what an allocator that reserves exactly would
 * reserve at submission, and what a driver's worst case is held against.
 */
export class PanthorEstimate implements SplitSteps {
  readonly #table: PageTable;
  readonly #vmas: VmaSpace;
  readonly #objects: readonly BufferObject[];
  /** Null: the engine splits blocks by itself. */
  readonly #widen: Widen | null;
  /** Ranges that will have been unmapped, and ranges that will be made of small pages: starts and ends in turn. */
  readonly #unmapped: number[] = [];
  readonly #small: number[] = [];

  constructor(table: PageTable, vmas: VmaSpace, objects: readonly BufferObject[], widen: Widen | null) {
    this.#table = table;
    this.#vmas = vmas;
    this.#objects = objects;
    this.#widen = widen;
  }

  /** The tables for one operation whose range is inside the address space. */
  tables(op: GpuOp): number {
    const end = op.start + op.size;
    this.#unmapped.length = 0;
    this.#small.length = 0;
    let above = 0;
    if (op.kind === GPU_MAP) {
      splitForMap(this.#vmas, requestOf(op), this);
      above = missingAbove(this.#table, op.start, end);
    } else splitForUnmap(this.#vmas, op.start, end, this);
    return above + this.#lastLevel();
  }

  unmap(vma: number): void {
    this.#unmapped.push(this.#vmas.start[vma], this.#vmas.end[vma]);
  }

  remap(vma: number, holeStart: number, holeEnd: number): void {
    if (this.#widen === null) {
      this.#unmapped.push(holeStart, holeEnd);
      this.#noteSplits(holeStart, holeEnd);
      return;
    }
    const [from, to] = this.#widen(vma, holeStart, holeEnd);
    this.#unmapped.push(from, to);
    if (from < holeStart) this.#small.push(from, holeStart);
    if (holeEnd < to) this.#small.push(holeEnd, to);
  }

  /** Notes where the new mapping takes small pages: all that is not a whole aligned piece of a segment. */
  map(start: number, end: number, object: number, offset: number): void {
    const { starts, paddrs, sizes } = this.#objects[object];
    let at = start;
    let from = start;
    for (let segment = this.#objects[object].segmentAt(offset); at < end && segment < starts.length; segment++) {
      const skip = Math.max(0, offset - starts[segment]);
      const stop = Math.min(end, at + sizes[segment] - skip);
      const congruent = (at - paddrs[segment] - skip) % HUGE === 0;
      const first = Math.ceil(at / HUGE) * HUGE;
      const last = Math.floor(stop / HUGE) * HUGE;
      if (congruent && first < last) {
        if (from < first) this.#small.push(from, first);
        from = last;
      }
      at = stop;
    }
    if (from < end) this.#small.push(from, end);
  }

  /** Last-level tables for what will be mapped with small pages, one for each slot without one that stays. */
  #lastLevel(): number {
    const small = this.#small;
    let tables = 0;
    let counted = -1;
    // Steps come by ascending address, but what remains behind the new mapping comes before it.
    const order = small.map((_, i) => i).filter((i) => i % 2 === 0);
    order.sort((a, b) => small[a] - small[b]);
    for (const i of order) {
      for (let slot = Math.floor(small[i] / HUGE); slot * HUGE < small[i + 1]; slot++) {
        if (slot <= counted) continue;
        counted = slot;
        const state = tableState(this.#table, slot * HUGE, LAST_LEVEL);
        if (state !== TABLE || this.#goes(slot * HUGE)) tables++;
      }
    }
    return tables;
  }

  /** True when the slot at an address will have been unmapped as a whole, a table in it freed. */
  #goes(start: number): boolean {
    const unmapped = this.#unmapped;
    for (let i = 0; i < unmapped.length; i += 2) {
      if (unmapped[i] <= start && start + HUGE <= unmapped[i + 1]) return true;
    }
    return false;
  }

  /** Blocks at the edges of a hole, which the engine makes tables of. */
  #noteSplits(from: number, to: number): void {
    const slot = Math.floor(from / HUGE) * HUGE;
    const lastSlot = Math.floor((to - 1) / HUGE) * HUGE;
    this.#noteSplit(slot, from, to);
    if (lastSlot !== slot) this.#noteSplit(lastSlot, from, to);
  }

  #noteSplit(slot: number, from: number, to: number): void {
    const cut = slot < from || to < slot + HUGE;
    // What is mapped anew in the slot finds the table there: the slot as a whole counts once.
    if (cut && tableState(this.#table, slot, LAST_LEVEL) === LEAF) this.#small.push(slot, slot + HUGE);
  }
}
