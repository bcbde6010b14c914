import { EBUSY, EINVAL, ENODEV, ENOMEM, ENOSPC, ENOTTY, ENXIO, EPERM } from '../../base/vocabulary.ts';
import type { Group } from './group.ts';
import { pageMask } from './group.ts';
import { type MapOutcome, type MapRequest, mapV1, mapV2, NOTHING_MAPPED } from './map.ts';
import type { Mm } from './mm.ts';
import type { WindowOptions } from './options.ts';
import { disown, put, type Registration, register, type TeardownPhase, unregister } from './prereg.ts';
import { type Region, tceTags } from './region.ts';
import { tableShape } from './shape.ts';
import type { WindowTally } from './tally.ts';
import { TceWindow, WINDOW_BASES } from './window.ts';

const SHIFT_4K = 12;

/** A window that is asked for. */
export interface WindowRequest {
  readonly pageShift: number;
  readonly size: number;
  readonly levels: number;
  /** Fault injection: the tables cannot be allocated, or a group does not take them. */
  readonly fail: 'table' | 'program' | null;
}

/** What GET_INFO tells. */
export interface ContainerInfo {
  readonly flags: number;
  readonly window32Start: number;
  readonly window32Size: number;
  /** Null: the caller left no room for it, or there is none. */
  readonly ddw: { readonly pgsizes: number; readonly maxWindows: number; readonly levels: number } | null;
}

/** Bytes that a caller of GET_INFO must have room for, and those with the part about windows. */
const INFO_BYTES = 16;
const INFO_DDW_BYTES = 32;

/**
 * A VFIO container of POWER (vfio_iommu_spapr_tce.c:tce_container): groups that share up to two windows, and the regions
 * that it registered. Requests answer 0 or a negative errno; checks come in the kernel's order.
 */
export class Container {
  readonly id: string;
  readonly version: 1 | 2;
  /** The process that it belongs to, once a request has bound it. */
  mm: Mm | null = null;
  enabled = false;
  /** The default window exists only in name: the first request that needs it makes it. */
  defaultPending = false;
  readonly windows: (TceWindow | null)[] = WINDOW_BASES.map(() => null);
  readonly groups: Group[] = [];
  readonly listed = new Set<Region>();
  /** CPU pages that ENABLE accounted. */
  #v1Pages = 0;
  readonly #v1Tags = tceTags(null);
  readonly #options: WindowOptions;
  readonly #tally: WindowTally;

  constructor(id: string, version: 1 | 2, options: WindowOptions, tally: WindowTally) {
    this.id = id;
    this.version = version;
    this.#options = options;
    this.#tally = tally;
  }

  /** Whether a request comes from another process than the one the container belongs to. */
  isForeign(mm: Mm): boolean {
    return this.mm !== null && this.mm !== mm;
  }

  attach(group: Group, mm: Mm): number {
    if (this.groups.some(({ id }) => id === group.id)) return -EBUSY;
    if (this.version === 1) {
      if (this.groups.length > 0) return -EBUSY;
      const shape = tableShape(SHIFT_4K, group.tce32Size, 1, mm.cpuPage);
      if (shape === null) return -EINVAL;
      const own = new TceWindow(0, shape, 0, true, this.#tally);
      this.#tally.noteTables(0, own.allocatedBytes);
      this.windows[0] = own;
    } else {
      if (this.groups.some(({ platform }) => platform !== group.platform)) return -EPERM;
      if (!group.ddw) return -EINVAL;
      if (this.groups.length === 0 && this.windows[0] === null) this.defaultPending = true;
    }
    this.groups.push(group);
    return 0;
  }

  /** Takes a group out; all TCEs of the tables that it shared go. */
  detach(id: string): number {
    const at = this.groups.findIndex((group) => group.id === id);
    if (at < 0) return -ENODEV;
    this.groups.splice(at, 1);
    for (const window of this.windows) if (window !== null) this.#clearAll(window);
    if (this.version === 1) this.#free(0);
    return 0;
  }

  /** The last reference to the container goes (tce_iommu_release). */
  release(): void {
    while (this.groups.length > 0) this.detach(this.groups[0].id);
    for (const [slot, window] of this.windows.entries()) {
      if (window === null) continue;
      this.#clearAll(window);
      this.#free(slot);
    }
    for (const region of [...this.listed]) {
      put(this.mm as Mm, region, null, this.#tally);
      disown(this.listed, region);
    }
    this.disable();
  }

  info(argsz: number): ContainerInfo | number {
    if (this.groups.length === 0) return -ENXIO;
    if (argsz < INFO_BYTES) return -EINVAL;
    const [group] = this.groups;
    const offers = this.version === 2 && group.ddw;
    const { maxWindows, maxLevels: levels } = group;
    const ddw = offers && argsz >= INFO_DDW_BYTES ? { pgsizes: pageMask(group.pgsizes), maxWindows, levels } : null;
    return { flags: offers ? 1 : 0, window32Start: 0, window32Size: group.tce32Size, ddw };
  }

  /** Version 1: accounts the whole window, whatever will be mapped of it (tce_iommu_enable). */
  enable(mm: Mm): number {
    if (this.version !== 1) return -ENOTTY;
    if (this.enabled) return -EBUSY;
    if (this.groups.length === 0) return -ENODEV;
    this.mm = mm;
    const pages = Math.floor(this.groups[0].tce32Size / mm.cpuPage);
    if (!mm.account('v1Window', pages)) return -ENOMEM;
    this.#tally.accountCalls++;
    this.#v1Pages = pages;
    this.enabled = true;
    return 0;
  }

  disable(): void {
    if (this.version !== 1 || !this.enabled) return;
    this.enabled = false;
    this.mm?.unaccount('v1Window', this.#v1Pages);
    this.#tally.accountCalls++;
  }

  register(mm: Mm, request: Registration): number {
    if (this.version !== 2) return -ENOTTY;
    this.mm = mm;
    const ret = register(mm, this.listed, request, this.#tally);
    if (ret === 0) this.enabled = true;
    return ret;
  }

  unregister(vaddr: number, size: number, phase: TeardownPhase): number {
    if (this.version !== 2) return -ENOTTY;
    if (this.mm === null) return -EPERM;
    return unregister(this.mm, this.listed, vaddr, size, phase, this.#options.unregister, this.#tally);
  }

  /** Creates a window in the first free slot: a negative errno, or the slot (tce_iommu_create_window). */
  create(mm: Mm, request: WindowRequest): number {
    if (this.version !== 2) return -ENOTTY;
    this.mm = mm;
    if (this.groups.length === 0) return -ENXIO;
    const ret = this.#makeDefault();
    return ret !== 0 ? ret : this.#createIn(mm, request);
  }

  /** Removes the window that holds an address; while the default one is pending, 0 takes that back. */
  remove(mm: Mm, address: number): number {
    if (this.version !== 2) return -ENOTTY;
    this.mm = mm;
    if (this.groups.length === 0) return -ENXIO;
    if (this.defaultPending && address === 0) {
      this.defaultPending = false;
      return 0;
    }
    const slot = this.windows.findIndex((window) => window?.holds(address) === true);
    if (slot < 0) return -EINVAL;
    this.#clearAll(this.windows[slot] as TceWindow);
    this.#free(slot);
    return 0;
  }

  map(request: MapRequest): MapOutcome {
    const ready = this.#reach(request.iova);
    if (typeof ready === 'number') return { ...NOTHING_MAPPED, ret: ready };
    const { iova, vaddr, size, direction } = request;
    if (size % ready.page !== 0 || vaddr % ready.page !== 0) return { ...NOTHING_MAPPED, ret: -EINVAL };
    if (direction === 0 || iova % ready.page !== 0) return { ...NOTHING_MAPPED, ret: -EINVAL };
    const outcome =
      this.version === 2
        ? mapV2(ready, this.mm as Mm, request, this.#tally)
        : mapV1(ready, this.#v1Tags[direction - 1], request, this.#tally);
    this.#tally.kills++;
    return outcome;
  }

  /** Clears the TCEs of a range; `unmapped` counts bytes that were live. */
  unmap(iova: number, size: number): { readonly ret: number; readonly unmapped: number; readonly overrun: boolean } {
    const ready = this.#reach(iova);
    if (typeof ready === 'number') return { ret: ready, unmapped: 0, overrun: false };
    if (size % ready.page !== 0 || iova % ready.page !== 0) return { ret: -EINVAL, unmapped: 0, overrun: false };
    const bytes = Math.min(size, ready.end - iova);
    const cleared = ready.clear(iova - ready.base, bytes, (from, to, { region }) =>
      this.#gone(ready, from, to, region),
    );
    this.#tally.kills++;
    return { ret: 0, unmapped: cleared * ready.page, overrun: bytes < size };
  }

  /** The window that a map or an unmap is about, or why there is none. */
  #reach(iova: number): TceWindow | number {
    if (!this.enabled) return -EPERM;
    const ret = this.#makeDefault();
    if (ret !== 0) return ret;
    return this.windows.find((window) => window?.holds(iova) === true) ?? -ENXIO;
  }

  #makeDefault(): number {
    if (!this.defaultPending) return 0;
    if (this.groups.length === 0) return -ENODEV;
    const request = { pageShift: SHIFT_4K, size: this.groups[0].tce32Size, levels: 1, fail: null };
    const slot = this.#createIn(this.mm as Mm, request);
    if (slot < 0) return slot;
    this.defaultPending = false;
    return 0;
  }

  #createIn(mm: Mm, { pageShift, size, levels, fail }: WindowRequest): number {
    const [group] = this.groups;
    const slot = this.windows.indexOf(null);
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
    this.windows[slot] = window;
    this.#tally.noteTables(shape.accountedBytes, window.allocatedBytes);
    this.#tally.windowsCreated++;
    this.#tally.windowsLive++;
    return slot;
  }

  #uncharge(mm: Mm, pages: number): void {
    mm.unaccount('tables', pages);
    this.#tally.accountCalls++;
  }

  #clearAll(window: TceWindow): void {
    window.clear(0, window.shape.size, (from, to, { region }) => this.#gone(window, from, to, region));
    this.#tally.kills++;
  }

  #gone(window: TceWindow, from: number, to: number, region: Region | null): void {
    const tces = (to - from) / window.page;
    if (region === null) this.#tally.unpins += tces;
    else region.mapped = Math.max(1, region.mapped - tces);
  }

  #free(slot: number): void {
    const window = this.windows[slot];
    if (window === null) return;
    this.windows[slot] = null;
    const { accountedPages } = window;
    this.#tally.noteTables(this.version === 2 ? -window.shape.accountedBytes : 0, -window.allocatedBytes);
    if (this.version === 1) return;
    this.#uncharge(this.mm as Mm, accountedPages);
    this.#tally.windowsRemoved++;
    this.#tally.windowsLive--;
  }
}
