import { LAST_LEVEL } from '../format/geometry.ts';
import type { TableShape } from '../table/table-shape.ts';

/**
 * A physical run mapped over and over: the offsets [start, end) of an address space, and what each of its repetitions
 * maps. All are multiples of the granule, and `length` divides the range.
 */
export interface Repeated {
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly paddr: number;
  /** Index of its attributes, and whether aligned runs get the contiguous hint. */
  readonly attributes: number;
  readonly contig: boolean;
}

/**
 * The bytes into a repetition at which an offset lies. What a table that lies inside the range as a whole holds depends on
 * this alone: the choice of page sizes by the IOMMU core asks for no more than the offset within the table and within the run.
 */
export function phaseAt({ start, length }: Repeated, offset: number): number {
  return (offset - start) % length;
}

/**
 * True when an entry of `level` at a phase is a leaf: its size is a page size, the run goes on for that long, and it is
 * aligned where it lies. The core's loop comes to the same (iommu.c:iommu_pgsize).
 */
export function isLeafAt(shape: TableShape, { length, paddr }: Repeated, level: number, phase: number): boolean {
  if (level === LAST_LEVEL) return true;
  const size = shape.sizes[level];
  return phase + size <= length && (paddr + phase) % size === 0 && shape.acceptsPgsize(size);
}
