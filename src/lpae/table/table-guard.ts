import type { GatherState } from '../callbacks.ts';

/** What the guard leaves to the engine as it is. */
export const NOT_GUARDED = -1;

/**
 * Looks at raw calls before the engine carries them out, where something must be done first that the kernel's own engine
 * knows nothing of: tables that several entries share, runs of leaves with the contiguous hint.
 */
export interface TableGuard {
  /** A raw map of blocks of `level` is about to run, its arguments checked; 0, or the negative errno that it ends with. */
  beforeBlocks(iovaHi: number, iovaLo: number, level: number, count: number): number;
  /**
   * A raw unmap of entries of `level` is about to run, its arguments checked. The bytes removed where the guard has done it
   * all; NOT_GUARDED leaves it to the engine.
   */
  unmap(iovaHi: number, iovaLo: number, level: number, count: number, gather: GatherState | null): number;
  /**
   * A request of `size` bytes is about to unmap entries of `level` at an IOVA, which stands at its start or where it has come
   * to: what is shared there loses as many bytes as can go at a time. The bytes, 0 when it has to end; NOT_GUARDED where
   * nothing is shared down to that level.
   */
  unmapShared(iovaHi: number, iovaLo: number, size: number, level: number): number;
  /** Software is about to clear the dirty state of some bytes from an IOVA. */
  beforeClean(iovaHi: number, iovaLo: number, size: number): void;
  /** The page table is gone. */
  destroyed(): void;
}
