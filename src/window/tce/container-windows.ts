import { EINVAL, ENOMEM, ENOSPC } from '../../base/vocabulary.ts';
import type { Group } from './group.ts';
import type { Mm } from './memory/mm.ts';
import type { Region } from './memory/region.ts';
import type { WindowOptions } from './options.ts';
import { type TableShape, tableShape } from './shape.ts';
import type { WindowTally } from './tally.ts';
import { TceWindow, WINDOW_BASES } from './window.ts';

/** A window that is asked for. */
export interface WindowRequest {
  /** log2 of the bytes of a page. */
  readonly pageShift: number;
  /** Bytes of the window. */
  readonly size: number;
  /** Levels of its tables. */
  readonly levels: number;
  /** Fault injection: the tables cannot be allocated, or a group does not take them. */
  readonly fail: 'table' | 'program' | null;
}

/** The windows of one container by slot: made and freed, charged to a process, cleared. */
export class ContainerWindows {
  readonly slots: (TceWindow | null)[] = WINDOW_BASES.map(() => null);
  readonly #options: WindowOptions;
  readonly #tally: WindowTally;

  constructor(options: WindowOptions, tally: WindowTally) {
    this.#options = options;
    this.#tally = tally;
  }

  /** The window that holds a bus address. */
  holding(address: number): TceWindow | null {
    return this.slots.find((window) => window?.holds(address) === true) ?? null;
  }

  /** The table that the platform made for a group becomes the first window; nobody is charged for it. */
  adopt(shape: TableShape): void {
    const own = new TceWindow(0, shape, 0, true, this.#tally);
    this.#tally.noteTables(0, own.allocatedBytes);
    this.slots[0] = own;
  }

  /**
   * Creates a window in the first free slot, its tables charged to a process: the slot, or -ENOSPC, -EINVAL, -ENOMEM
   * (vfio_iommu_spapr_tce.c:tce_iommu_create_window).
   */
  create(mm: Mm, group: Group, { pageShift, size, levels, fail }: WindowRequest): number {
    const slot = this.slots.indexOf(null);
    if (slot < 0 || slot >= group.maxWindows) return -ENOSPC;
    if (!group.pgsizes.includes(2 ** pageShift)) return -EINVAL;
    const shape = levels > group.maxLevels ? null : tableShape(pageShift, size, levels, mm.cpuPage);
    if (shape === null) return -EINVAL;
    const { fixLeaks } = this.#options;
    if (fixLeaks && !shape.encodable) return -EINVAL;
    const pages = shape.accountedBytes / mm.cpuPage;
    if (!mm.account('tables', pages)) return -ENOMEM;
    this.#tally.accountCalls++;
    if (!shape.encodable || fail === 'table') {
      // Upstream returns without taking the charge back.
      if (fixLeaks) this.#uncharge(mm, pages);
      else mm.leaked += pages;
      return shape.encodable ? -ENOMEM : -EINVAL;
    }
    if (fail === 'program') {
      this.#uncharge(mm, pages);
      return -EINVAL;
    }
    const window = new TceWindow(slot, shape, pages, false, this.#tally);
    this.slots[slot] = window;
    this.#tally.noteTables(shape.accountedBytes, window.allocatedBytes);
    this.#tally.windowsCreated++;
    this.#tally.windowsLive++;
    return slot;
  }

  /** Clears TCEs of a window from an offset on and lets go of what they pinned, or of their regions; how many were live. */
  clear(window: TceWindow, offset: number, bytes: number): number {
    const cleared = window.clear(offset, bytes, (from, to, { region }) => this.#gone(window, from, to, region));
    this.#tally.kills++;
    return cleared;
  }

  /** Clears all TCEs of a window. */
  clearAll(window: TceWindow): void {
    this.clear(window, 0, window.shape.size);
  }

  /** Frees the window in a slot, if there is one. `charged`: the process that was charged for it; null: it is the group's own. */
  free(slot: number, charged: Mm | null): void {
    const window = this.slots[slot];
    if (window === null) return;
    this.slots[slot] = null;
    const { accountedPages } = window;
    this.#tally.noteTables(charged === null ? 0 : -window.shape.accountedBytes, -window.allocatedBytes);
    if (charged === null) return;
    this.#uncharge(charged, accountedPages);
    this.#tally.windowsRemoved++;
    this.#tally.windowsLive--;
  }

  #uncharge(mm: Mm, pages: number): void {
    mm.unaccount('tables', pages);
    this.#tally.accountCalls++;
  }

  #gone(window: TceWindow, from: number, to: number, region: Region | null): void {
    const tces = (to - from) / window.page;
    if (region === null) this.#tally.unpins += tces;
    else region.mapped = Math.max(1, region.mapped - tces);
  }
}
