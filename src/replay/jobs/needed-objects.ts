import type { AddressSpace } from '../spaces/address-space.ts';
import type { BoundJob } from './bound-job.ts';
import { GpuBoundJob } from './gpu-bound-job.ts';

/**
 * Numbers of the buffer objects that VMAs or waiting jobs still name; null while that cannot be told: a driver that plans
 * at submission keeps numbers of its own until its jobs have run.
 */
export function neededObjects(
  spaces: readonly AddressSpace[],
  waiting: Iterable<BoundJob>,
): ReadonlySet<number> | null {
  const needed = new Set<number>();
  for (const job of waiting) {
    if (!(job instanceof GpuBoundJob)) continue;
    if (job.gpu.own !== null) return null;
    for (const { object } of job.job.ops) if (object !== null) needed.add(object.index);
  }
  for (const { gpu, destroyed } of spaces) {
    if (gpu === null || destroyed) continue;
    for (const vma of gpu.vmas) needed.add(gpu.vmas.object[vma]);
  }
  return needed;
}
