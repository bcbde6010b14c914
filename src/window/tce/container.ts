import { EBUSY, EINVAL, ENODEV, ENOMEM, ENOTTY, ENXIO, EPERM } from '../../base/vocabulary.ts';
import { ContainerWindows, type WindowRequest } from './container-windows.ts';
import type { Group } from './group.ts';
import { pageMask } from './group.ts';
import { type MapOutcome, type MapRequest, mapV1, mapV2, NOTHING_MAPPED } from './map.ts';
import type { Mm } from './memory/mm.ts';
import { disown, put, type Registration, register, type TeardownPhase, unregister } from './memory/prereg.ts';
import { type Region, tceTags } from './memory/region.ts';
import type { WindowOptions } from './options.ts';
import { tableShape } from './shape.ts';
import type { WindowTally } from './tally.ts';
import type { TceWindow } from './window.ts';

const SHIFT_4K = 12;

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
  readonly groups: Group[] = [];
  readonly listed = new Set<Region>();
  /** CPU pages that ENABLE accounted. */
  #v1Pages = 0;
  readonly #v1Tags = tceTags(null);
  readonly #windows: ContainerWindows;
  readonly #options: WindowOptions;
  readonly #tally: WindowTally;

  constructor(id: string, version: 1 | 2, options: WindowOptions, tally: WindowTally) {
    this.id = id;
    this.version = version;
    this.#windows = new ContainerWindows(options, tally);
    this.#options = options;
    this.#tally = tally;
  }

  /** By slot. */
  get windows(): readonly (TceWindow | null)[] {
    return this.#windows.slots;
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
      this.#windows.adopt(shape);
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
    for (const window of this.windows) if (window !== null) this.#windows.clearAll(window);
    if (this.version === 1) this.#windows.free(0, null);
    return 0;
  }

  /** The last reference to the container goes (tce_iommu_release). */
  release(): void {
    while (this.groups.length > 0) this.detach(this.groups[0].id);
    for (const [slot, window] of this.windows.entries()) {
      if (window === null) continue;
      this.#windows.clearAll(window);
      this.#windows.free(slot, this.version === 1 ? null : this.mm);
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
    return ret !== 0 ? ret : this.#windows.create(mm, this.groups[0], request);
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
    const window = this.#windows.holding(address);
    if (window === null) return -EINVAL;
    this.#windows.clearAll(window);
    this.#windows.free(window.slot, mm);
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
    const cleared = this.#windows.clear(ready, iova - ready.base, bytes);
    return { ret: 0, unmapped: cleared * ready.page, overrun: bytes < size };
  }

  /** The window that a map or an unmap is about, or why there is none. */
  #reach(iova: number): TceWindow | number {
    if (!this.enabled) return -EPERM;
    const ret = this.#makeDefault();
    if (ret !== 0) return ret;
    return this.#windows.holding(iova) ?? -ENXIO;
  }

  #makeDefault(): number {
    if (!this.defaultPending) return 0;
    if (this.groups.length === 0) return -ENODEV;
    const request = { pageShift: SHIFT_4K, size: this.groups[0].tce32Size, levels: 1, fail: null };
    const slot = this.#windows.create(this.mm as Mm, this.groups[0], request);
    if (slot < 0) return slot;
    this.defaultPending = false;
    return 0;
  }
}
