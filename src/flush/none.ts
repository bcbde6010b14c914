import type { FlushPolicy } from '../iommu/flush-policy.ts';

/** Issues nothing: only the callbacks are counted. */
export class NoFlush implements FlushPolicy {
  readonly commands = 0;
  readonly commandSyncs = 0;
  flushWalk(): void {}
  iotlbSync(): void {}
  flushAll(): void {}
}
