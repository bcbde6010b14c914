import { log2Floor } from '../../../base/u64.ts';
import { commonAlignment } from '../../address.ts';
import { RunMap } from '../../run-map.ts';

/** Which way a TCE lets a device go: 1 reads memory, 2 writes, 3 both. */
export type Direction = 1 | 2 | 3;

/** Bytes of a region that lie in pages of one size. */
export interface Backing {
  readonly size: number;
  /** Bytes of the pages behind it, a power of two. */
  readonly page: number;
}

/** What a TCE points into: with version 2 a pre-registered region, with version 1 pages pinned for it alone. */
export interface TceTag {
  readonly region: Region | null;
  readonly direction: Direction;
}

/** One tag for each direction, so that neighbouring TCEs can be told to be alike. */
export function tceTags(region: Region | null): readonly TceTag[] {
  return ([1, 2, 3] as const).map((direction) => ({ region, direction }));
}

/**
 * Memory of a process that is pinned and accounted once (iommu_api.c:mm_iommu_table_group_mem_t). It belongs to the whole
 * process: any of its containers may map it.
 */
export class Region {
  readonly start: number;
  readonly end: number;
  /** CPU pages. */
  readonly entries: number;
  /** log2 of the largest IOMMU page that it takes. */
  readonly pageShift: number;
  /** Registrations. */
  used = 1;
  /** Containers that list it; fewer than `used` when a request lost count. */
  owners = 0;
  /** 1 and a TCE each; 0: being torn down. */
  mapped = 1;
  readonly tags: readonly TceTag[] = tceTags(this);
  /** User addresses that ever had a TCE. */
  readonly touched = new RunMap<null>();
  readonly #ends: number[] = [];
  readonly #pages: number[] = [];

  /** `backing` tells the pages behind it in order; what it leaves out, and less than a CPU page, are CPU pages. */
  constructor(start: number, size: number, cpuPage: number, backing: readonly Backing[]) {
    this.start = start;
    this.end = start + size;
    this.entries = size / cpuPage;
    let at = start;
    for (const part of backing) {
      if (at >= this.end || part.size === 0) continue;
      at = Math.min(this.end, at + part.size);
      this.#ends.push(at);
      this.#pages.push(Math.max(cpuPage, part.page));
    }
    if (at < this.end) {
      this.#ends.push(this.end);
      this.#pages.push(cpuPage);
    }
    this.pageShift = largestShift(commonAlignment(start, size), cpuPage, this.#pages);
  }

  get size(): number {
    return this.end - this.start;
  }

  /** TCEs that point into it. */
  get tces(): number {
    return Math.max(0, this.mapped - 1);
  }

  /** Bytes from `address` on, a multiple of `page`, whose backing pages are no smaller than an IOMMU page. */
  backedBytes(address: number, page: number): number {
    let at = address;
    for (let i = 0; i < this.#ends.length; i++) {
      if (this.#ends[i] <= at) continue;
      if (this.#pages[i] < page) break;
      // The page in which the part ends counts by its first byte, as its compound page is looked up by that.
      at += Math.ceil((this.#ends[i] - at) / page) * page;
    }
    return Math.min(at, this.end) - address;
  }
}

/**
 * The natural alignment of address and size, less where backing pages are smaller. Of several sizes the kernel's loop
 * keeps the last huge one until the next (iommu_api.c:mm_iommu_do_alloc): small pages behind huge ones do not lower it.
 */
function largestShift(alignment: number, cpuPage: number, pages: readonly number[]): number {
  let shift = log2Floor(alignment);
  const cpuShift = log2Floor(cpuPage);
  let latest = cpuShift;
  for (const page of pages) {
    if (shift > cpuShift && page > cpuPage) latest = log2Floor(page);
    shift = Math.min(shift, latest);
  }
  return shift;
}
