import type { Region } from './region.ts';

/** What locked memory is charged for. */
export type LockedFor = 'tables' | 'regions' | 'v1Window';

/** A process as its limits see it: locked memory, and the regions that are registered with it. */
export class Mm {
  readonly id: string;
  /** Bytes of a page of the CPU; locked memory counts these. */
  cpuPage: number;
  /** Bytes that may be locked; null: as many as it likes. */
  rlimit: number | null = null;
  /** The limit does not hold for it. */
  capIpcLock = false;
  readonly locked: Record<LockedFor, number> = { tables: 0, regions: 0, v1Window: 0 };
  /** CPU pages charged for tables that do not exist. */
  leaked = 0;
  lockedPeak = 0;
  /** Ascending, without overlap. */
  readonly regions: Region[] = [];
  /** Taken out, and still found by look-ups that began before. */
  readonly dying: Region[] = [];

  constructor(id: string, cpuPage: number) {
    this.id = id;
    this.cpuPage = cpuPage;
  }

  /** CPU pages that are locked. */
  get lockedVm(): number {
    const { tables, regions, v1Window } = this.locked;
    return tables + regions + v1Window;
  }

  /** Nothing has been charged or registered: its page size may still change. */
  get untouched(): boolean {
    return this.lockedPeak === 0 && this.regions.length === 0;
  }

  /** Charges CPU pages; false, and nothing, above the limit (mm/util.c:__account_locked_vm). */
  account(what: LockedFor, pages: number): boolean {
    if (pages > 0 && !this.capIpcLock && this.rlimit !== null) {
      if (this.lockedVm + pages > Math.floor(this.rlimit / this.cpuPage)) return false;
    }
    this.locked[what] += pages;
    this.lockedPeak = Math.max(this.lockedPeak, this.lockedVm);
    return true;
  }

  unaccount(what: LockedFor, pages: number): void {
    this.locked[what] -= pages;
  }

  /** The region of exactly this range, null when there is none (iommu_api.c:mm_iommu_get). */
  exact(start: number, size: number): Region | null {
    const region = this.regions[this.#after(start) - 1];
    return region !== undefined && region.start === start && region.size === size ? region : null;
  }

  /** A region that holds the whole of [start, start + size), null when there is none (mm_iommu_lookup). */
  lookup(start: number, size: number): Region | null {
    const region = this.regions[this.#after(start) - 1];
    if (region !== undefined && start + size <= region.end) return region;
    return this.dying.find((gone) => gone.start <= start && start + size <= gone.end) ?? null;
  }

  /** Whether a region meets [start, end). */
  overlaps(start: number, end: number): boolean {
    const region = this.regions[this.#count((other) => other.start < end) - 1];
    return region !== undefined && region.end > start;
  }

  add(region: Region): void {
    this.regions.splice(this.#after(region.start), 0, region);
  }

  remove(region: Region): void {
    const at = this.regions.indexOf(region);
    if (at >= 0) this.regions.splice(at, 1);
  }

  /** Regions that begin at or before `address`. */
  #after(address: number): number {
    return this.#count((region) => region.start <= address);
  }

  /** How many of the first regions a condition holds for, which holds for none behind them. */
  #count(holds: (region: Region) => boolean): number {
    let low = 0;
    let high = this.regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.regions[middle])) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
