import type { CommandLog } from '../../src/flush/command-log.ts';
import type { TlbLog } from '../../src/iommu/flush-policy.ts';
import { joined } from '../lpae/fixture.ts';

/** Keeps the commands of a flush policy by kind and ignores the callbacks that led to them. */
export class CommandRecorder implements TlbLog, CommandLog {
  readonly ranges: { iova: bigint; leaf: number; num: number; scale: number; ttl: number }[] = [];
  readonly steps: { iova: bigint; leaf: number; step: number; count: number }[] = [];
  wholeContexts = 0;
  /** Commands by their name, with what they are about. */
  readonly named: (readonly [name: string, iova?: bigint, size?: number])[] = [];
  syncs = 0;

  flushWalk(): void {}
  addPages(): void {}
  iotlbSync(): void {}
  flushAll(): void {}

  tlbiAddress(hi: number, lo: number, leaf: number, num: number, scale: number, ttl: number): void {
    this.ranges.push({ iova: joined(hi, lo), leaf, num, scale, ttl });
  }

  tlbiEach(hi: number, lo: number, leaf: number, step: number, count: number): void {
    this.steps.push({ iova: joined(hi, lo), leaf, step, count });
  }

  tlbiAll(): void {
    this.wholeContexts++;
  }

  command(name: string): void {
    this.named.push([name]);
  }

  addressed(name: string, hi: number, lo: number, size: number): void {
    this.named.push([name, joined(hi, lo), size]);
  }

  commandSync(): void {
    this.syncs++;
  }

  /** Commands other than syncs. */
  get commands(): number {
    return (
      this.ranges.length +
      this.steps.reduce((sum, { count }) => sum + count, 0) +
      this.wholeContexts +
      this.named.length
    );
  }
}
