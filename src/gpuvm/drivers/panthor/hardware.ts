import { LockRegion } from '../../../flush/lock-region.ts';
import * as G from '../../gpu-counters.ts';
import type { GpuLog } from '../../gpu-vm.ts';

/** Width that LOCKADDR holds for all 64 bits. */
const WHOLE_WIDTH = 63;

/**
 * The commands that panthor gives to one Mali address space, if it holds a slot; without one nothing reaches the hardware and
 * only the software's record of the locked region changes.
 */
export class PanthorHardware {
  readonly #counters: Float64Array;
  readonly #resident: boolean;
  readonly #bytes: number;
  readonly #log: GpuLog | null;
  readonly #region = new LockRegion();
  /** What was written to LOCKADDR since the list was emptied: high and low halves in turn. */
  readonly lockAddresses: number[] = [];
  /** The region that counts as locked: [start, start + size). */
  #start = 0;
  #size = 0;

  /** `bytes`: what the address space has. */
  constructor(counters: Float64Array, bytes: number, resident: boolean, log: GpuLog | null) {
    this.#bytes = bytes;
    this.#counters = counters;
    this.#resident = resident;
    this.#log = log;
  }

  /** Locks a range, unless it is locked already; a second region replaces the first (panthor_vm_lock_region). */
  lock(start: number, size: number): void {
    if (this.covers(start, size)) return;
    if (this.#size > 0) this.#counters[G.AS_EXTRA_LOCKS]++;
    if (this.#resident && size > 0) {
      this.#command(start, size);
      this.#start = this.#region.start;
      this.#size = this.#region.size;
    } else {
      this.#start = start;
      this.#size = size;
    }
  }

  /** True when the locked region holds a range. */
  covers(start: number, size: number): boolean {
    return start >= this.#start && start + size <= this.#start + this.#size;
  }

  /** Flushes the GPU's caches and unlocks (panthor_vm_unlock_region). */
  unlock(): void {
    if (this.#resident) {
      this.#flushCaches();
      this.#counters[G.AS_UNLOCKS]++;
      this.#log?.command('AS_UNLOCK');
    }
    this.#start = 0;
    this.#size = 0;
  }

  /** 6.12's end of every step: the region of the step is locked and its translations are flushed (panthor_vm_flush_range). */
  flushRange(start: number, size: number): void {
    if (!this.#resident) return;
    if (size > 0) this.#command(start, size);
    this.#counters[G.AS_FLUSH_PTS]++;
    this.#log?.command('AS_FLUSH_PT');
  }

  /** Takes the address space from the hardware (panthor_mmu_as_disable). */
  disable(): void {
    if (!this.#resident) return;
    const counters = this.#counters;
    this.#flushCaches();
    if (this.#size > 0) {
      counters[G.AS_UNLOCKS]++;
      this.#log?.command('AS_UNLOCK');
    }
    counters[G.AS_UPDATES]++;
    this.#log?.command('AS_UPDATE');
  }

  /** 6.12's way: all memory of the address space is flushed first. */
  disableOld(): void {
    if (!this.#resident) return;
    const counters = this.#counters;
    counters[G.AS_LOCKS]++;
    this.#log?.addressed('AS_LOCK', 0, WHOLE_WIDTH, 0);
    counters[G.AS_FLUSH_MEMS]++;
    this.#log?.command('AS_FLUSH_MEM');
    counters[G.AS_UPDATES]++;
    this.#log?.command('AS_UPDATE');
  }

  #command(start: number, size: number): void {
    const region = this.#region;
    region.pack(start, size);
    this.lockAddresses.push(region.addressHi, region.addressLo);
    this.#counters[G.AS_LOCKS]++;
    // A region may reach far beyond what the address space has.
    const locked = this.#counters[G.BYTES_LOCKED] + Math.min(region.size, this.#bytes);
    this.#counters[G.BYTES_LOCKED] = Math.min(locked, Number.MAX_SAFE_INTEGER);
    this.#log?.addressed('AS_LOCK', region.addressHi, region.addressLo, 0);
  }

  #flushCaches(): void {
    this.#counters[G.CACHE_FLUSHES]++;
    this.#log?.command('CACHE_FLUSH');
  }
}
