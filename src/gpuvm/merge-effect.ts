import * as G from './gpu-counters.ts';
import { GPU_MAP, GPU_MAP_NULL, type GpuOp } from './gpu-job.ts';
import { windowsTouched } from './table-windows.ts';

/** Bytes that tables of levels 1 to 3 cover in the drivers' formulas. */
const SPANS = [2 ** 39, 2 ** 30, 2 ** 21];
const SLOT = 2 ** 21;

/**
 * Adds what the maps of a job would reserve for an empty tree one by one, merged into runs as msm does in the order given
 * (msm_gem_vma.c:vm_bind_prealloc_count), and merged so in the order of addresses: what a driver could save, and what user
 * space could by sorting.
 */
export function addMergeEffect(counters: Float64Array, ops: readonly GpuOp[]): void {
  let each = 0;
  let maps = 0;
  for (let i = 0; i < ops.length; i++) {
    const { kind, start, size } = ops[i];
    if (kind !== GPU_MAP && kind !== GPU_MAP_NULL) continue;
    maps++;
    each += worstCase(start, start + size);
  }
  counters[G.NEED_EACH] += each;
  const merged = maps < 2 ? each : mergedNeed(ops);
  counters[G.NEED_MERGED] += merged;
  counters[G.NEED_SORTED] += maps < 2 ? each : mergedNeed([...ops].sort((a, b) => a.start - b.start));
}

/** Tables for a map of [start, end) into an empty tree. */
export function worstCase(start: number, end: number): number {
  let need = 0;
  for (const span of SPANS) need += windowsTouched(start, end, span);
  return need;
}

function mergedNeed(ops: readonly GpuOp[]): number {
  let need = 0;
  let first = -1;
  let end = 0;
  for (const { kind, start, size } of ops) {
    if (kind !== GPU_MAP && kind !== GPU_MAP_NULL) continue;
    if (first >= 0 && Math.floor(end / SLOT) !== Math.floor(start / SLOT)) {
      need += worstCase(first, end);
      first = start;
    } else if (first < 0) first = start;
    end = start + size;
  }
  return first < 0 ? need : need + worstCase(first, end);
}
