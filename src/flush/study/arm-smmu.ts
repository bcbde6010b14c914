import { TWO_32 } from '../../base/u64.ts';
import { FlushQueue, type QueueShape } from '../flush-queue.ts';
import type { Smmuv3Flush } from '../smmuv3.ts';
import type { LeafRuns } from './leaf-runs.ts';
import { type StudiedOp, StudiedPolicy } from './studied-policy.ts';

/**
 * SMMUv3 under the DMA API, strict or lazy (dma-iommu.c:__iommu_dma_unmap, arm-smmu-v3.c). Strict: one invalidation for each
 * gather. Lazy: unmaps wait in a flush queue, whose full rings and timer flush everything. Walk flushes are immediate in both,
 * unless the engine leaves its tables to the freelist that the queue takes. Unmaps that the trace marks as queued wait under either.
 */
export class ArmSmmu extends StudiedPolicy {
  override readonly queue: FlushQueue;
  readonly #smmu: Smmuv3Flush;
  readonly #lazy: boolean;
  readonly #page: number;

  constructor(smmu: Smmuv3Flush, lazy: boolean, shape: QueueShape, smallestPage: number) {
    super();
    this.#smmu = smmu;
    this.#lazy = lazy;
    this.#page = smallestPage;
    this.queue = new FlushQueue(shape, () => this.#counting(() => smmu.flushAll()));
  }

  override waits(op: StudiedOp): boolean {
    if (op.untold) return this.#lazy && op.gone.length > 0;
    return op.kind === 'unmap' && (this.#lazy || op.queued);
  }

  override flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.#smmu.flushWalk(hi, lo, size, granule);
    this.#count();
  }

  override iotlbSync(
    startHi: number,
    startLo: number,
    endHi: number,
    endLo: number,
    pgsize: number,
    op: StudiedOp['kind'],
  ): void {
    // The core takes back what a failed map had done at once, whatever the callers of unmaps do.
    if (this.#lazy && op !== 'map') return;
    this.#smmu.iotlbSync(startHi, startLo, endHi, endLo, pgsize);
    this.#count();
  }

  override driverFlush(): void {
    this.#counting(() => this.#smmu.flushAll());
  }

  override teardown(): void {
    this.driverFlush();
  }

  override ended(op: StudiedOp): void {
    if (op.driverFlushed) return;
    const bytes = op.untold ? op.gone.bytes : op.bytes;
    if (this.waits(op) && bytes > 0) {
      this.queue.push(op.cpu, Math.ceil(bytes / this.#page), op.time, op.freelistTables);
    }
    if (op.untold && !this.#lazy) this.#counting(() => this.#gather(op.gone));
  }

  /** Invalidates what is gone in as many gathers as the core would make of it. */
  #gather(gone: LeafRuns): void {
    const { start, end, page, length } = gone;
    for (let i = 0; i < length; ) {
      let last = i;
      while (last + 1 < length && start[last + 1] === end[last] && page[last + 1] === page[i]) last++;
      // The last byte: of a double near 2^64 only multiples of a page are exact.
      const lastPage = end[last] - this.#page;
      this.#smmu.iotlbSync(
        Math.floor(start[i] / TWO_32),
        start[i] >>> 0,
        Math.floor(lastPage / TWO_32),
        (lastPage >>> 0) + (this.#page - 1),
        page[i],
      );
      i = last + 1;
    }
  }

  #counting(work: () => void): void {
    work();
    this.#count();
  }

  #count(): void {
    this.commands = this.#smmu.commands;
    this.commandSyncs = this.#smmu.commandSyncs;
    this.atcCommands = this.#smmu.atcCommands;
  }
}
