import { LockRegion } from '../lock-region.ts';
import type { Reach, RememberedReach } from '../smmuv3.ts';
import { type StudiedOp, StudiedPolicy } from './studied-policy.ts';

/** Issues nothing; what that means for tables and pages is nobody's concern. */
export class CountOnly extends StudiedPolicy {
  override readonly judged = false;
}

/** Every callback is empty, as by default in the Rust abstraction of io-pgtable. */
export class NoOperation extends StudiedPolicy {}

/** Nothing until the address space goes away: what any policy costs at least. */
export class AtTeardown extends StudiedPolicy {
  readonly #reach: Reach;

  constructor(reach: Reach) {
    super();
    this.#reach = reach;
  }

  override teardown(): void {
    this.flush();
  }

  /** One command for everything, and its sync. */
  protected flush(): void {
    this.commands++;
    this.commandSyncs++;
    this.#reach.all();
  }
}

/** One flush for each operation of a VM, over its range; whatever the engine asks for in between is dropped. */
export class PerOperation extends AtTeardown {
  readonly #range: Reach;

  constructor(reach: Reach) {
    super(reach);
    this.#range = reach;
  }

  override ended(op: StudiedOp): void {
    if (!op.called || op.end <= op.start) return;
    this.commands++;
    this.commandSyncs++;
    this.#range.range(op.start, op.end);
  }
}

/**
 * Panthor's way: the region around an operation is locked before it, one command flushes caches and TLBs after it, another
 * unlocks (panthor_mmu.c:panthor_vm_lock_region, panthor_vm_unlock_region). The GPU stays out of the region meanwhile.
 */
export class LockedRegion extends AtTeardown {
  override readonly keepsOut = true;
  readonly #range: Reach;
  readonly #spaceEnd: number;
  readonly #region = new LockRegion();

  /** `spaceEnd`: where the address space ends, beyond which nothing is to invalidate. */
  constructor(reach: Reach, spaceEnd: number) {
    super(reach);
    this.#range = reach;
    this.#spaceEnd = spaceEnd;
  }

  override ended(op: StudiedOp): void {
    if (!op.called || op.end <= op.start) return;
    this.commands += 3;
    this.commandSyncs++;
    this.#region.pack(op.start, op.end - op.start);
    const { start, size } = this.#region;
    // At the smallest size hardware ignores the bit that software keeps.
    const base = Math.floor(start / size) * size;
    this.#range.range(base, Math.max(op.end, Math.min(base + size, this.#spaceEnd)));
  }
}

/**
 * Msm's way: walk flushes go out at once, everything is flushed after each unmap (msm_iommu.c:msm_iommu_pagetable_unmap), also
 * one that a map begins with.
 */
export class FlushAllAfterUnmap extends AtTeardown {
  readonly #range: RememberedReach;

  constructor(reach: RememberedReach) {
    super(reach);
    this.#range = reach;
  }

  override flushWalk(hi: number, lo: number, size: number): void {
    this.commands++;
    this.commandSyncs++;
    const start = hi * 2 ** 32 + lo;
    this.#range.range(start, start + size);
  }

  override ended(op: StudiedOp): void {
    if (op.kind === 'unmap' ? op.called : op.kind === 'map' && this.#leavesOpen(op)) this.flush();
  }

  #leavesOpen({ gone }: StudiedOp): boolean {
    for (let i = 0; i < gone.length; i++) if (!this.#range.covers(gone.start[i], gone.end[i])) return true;
    return false;
  }
}
