import { hexNumber } from '../../../base/u64.ts';
import { GPU_UNMAP, type GpuOp } from '../../gpu-job.ts';
import { PAGE } from './rogue.ts';

const UNMAP_OOPS = 'NULL is dereferenced, since a page behind the first one has no page table and nobody looks';

/** Where the NULL of an operation came from: an unmap (`unmapping`; of a map: what it replaces), or a map that was taken back. */
export function oopsText(op: GpuOp, unmapping: boolean): string {
  if (op.kind === GPU_UNMAP) return `${textOf(op)}: ${UNMAP_OOPS}`;
  if (unmapping) return `${textOf(op)}: while it unmaps what it replaces, ${UNMAP_OOPS}`;
  const why = 'the reserved tables ran out inside of a DMA segment that is not the last';
  return `${textOf(op)}: NULL is dereferenced, since ${why} and taking the map back met a missing table`;
}

/** As above, of a VMA that the address space still has when it ends. */
export function endOopsText(start: number, size: number): string {
  return `the end of the address space unmaps ${size} bytes at ${hexNumber(start)}: ${UNMAP_OOPS}`;
}

/** A map was answered with 0 with only so many pages `mapped`; `directories` and `tables` were reserved for it. */
export function falseSuccessText(op: GpuOp, mapped: number, directories: number, tables: number): string {
  const have = `${mapped} of its ${op.size / PAGE} pages are mapped`;
  const had = `the ${directories} + ${tables} tables (L1 + L0) reserved from its offset ran out inside of its last DMA segment`;
  return `${textOf(op)} returned 0, but ${have}: ${had}`;
}

function textOf(op: GpuOp): string {
  const verb = op.kind === GPU_UNMAP ? 'unmap' : 'map';
  return `${verb} of ${op.size} bytes at ${hexNumber(op.start)}`;
}
