import { TWO_32 } from '../../../base/u64.ts';
import { ENOMEM } from '../../../base/vocabulary.ts';
import { iovaToPhys } from '../../../lpae/lookup.ts';
import { mapPages } from '../../../lpae/map.ts';
import type { PageTable } from '../../../lpae/page-table.ts';
import { unmapPages } from '../../../lpae/unmap.ts';
import type { BufferObject } from '../../buffer-object.ts';

const PAGE = 4096;
export const HUGE = 2 ** 21;
const HUGE_MASK = HUGE - 1;
const GIGA = 2 ** 30;
const GIGA_MASK = GIGA - 1;

/** Size of the pages for the next call on `size` bytes from an address: its low half is enough (panthor_mmu.c:get_pgsize). */
export function pageSize(lo: number, size: number): number {
  return (lo & HUGE_MASK) !== 0 || size < HUGE ? PAGE : HUGE;
}

/** How many of these pages the next call is for: up to the next border of a table of them. */
export function pageCount(lo: number, size: number, pgsize: number): number {
  if (pgsize === PAGE) {
    const toBorder = (HUGE - (lo & HUGE_MASK)) & HUGE_MASK;
    return (toBorder === 0 ? size : Math.min(toBorder, size)) / PAGE;
  }
  return Math.floor(Math.min(GIGA - (lo & GIGA_MASK), size) / HUGE);
}

/**
 * Maps `size` bytes of an object from `offset` at an address, segment by segment, with pages of 4K and 2M
 * (panthor_mmu.c:panthor_vm_map_pages). 0, or the errno of the first call that failed;
 * `mapped` tells how far it came.
 */
export class PanthorMapper {
  /** Bytes that the last `map` mapped, also when it failed. */
  mapped = 0;
  readonly #table: PageTable;

  constructor(table: PageTable) {
    this.#table = table;
  }

  map(start: number, object: BufferObject, offset: number, size: number, prot: number): number {
    const table = this.#table;
    const { starts, paddrs, sizes } = object;
    let segment = object.segmentAt(offset);
    let skip = segment === starts.length ? 0 : offset - starts[segment];
    let left = size;
    this.mapped = 0;
    for (; left > 0 && segment < starts.length; segment++) {
      let paddr = paddrs[segment] + skip;
      let length = Math.min(sizes[segment] - skip, left);
      skip = 0;
      left -= length;
      while (length > 0) {
        const address = start + this.mapped;
        const lo = address >>> 0;
        // Both ends count: a border of either ends the run.
        const either = lo | paddr;
        const pgsize = pageSize(either, length);
        const count = pageCount(either, length, pgsize);
        const hi = Math.floor(address / TWO_32) | 0;
        const ret = mapPages(table, hi, lo | 0, Math.floor(paddr / TWO_32) | 0, paddr | 0, pgsize, count, prot);
        const { mapped } = table;
        this.mapped += mapped;
        if (ret !== 0) return ret;
        if (mapped === 0) return -ENOMEM;
        paddr += mapped;
        length -= mapped;
      }
    }
    return 0;
  }
}

/**
 * Unmaps a range in calls that the address alone decides (panthor_mmu.c:panthor_vm_unmap_pages). 7.1 steps over what was not
 * mapped, and gives up where something is and does not go; `short` hears of every call that removed too little, and whether
 * it went on. The look-up forgets how far into the range the call was.
 */
export function unmapRange(table: PageTable, start: number, size: number, short: (goesOn: boolean) => void): void {
  let offset = 0;
  while (offset < size) {
    const asked = nextCall(start + offset, size - offset);
    let done = unmapCall(table, start + offset, asked);
    if (done !== asked) {
      while (done < asked && !isMapped(table, start + done)) done += PAGE;
      short(done > 0);
      if (done === 0) return;
    }
    offset += done;
  }
}

/** As 6.12 does: the first short call ends it. The bytes that were unmapped. */
export function unmapRangeStrictly(table: PageTable, start: number, size: number): number {
  let offset = 0;
  while (offset < size) {
    const asked = nextCall(start + offset, size - offset);
    const done = unmapCall(table, start + offset, asked);
    offset += done;
    if (done !== asked) break;
  }
  return offset;
}

/** Bytes that the next unmap is for when `left` are left from an address on. */
function nextCall(address: number, left: number): number {
  const pgsize = pageSize(address, left);
  return pgsize * pageCount(address, left, pgsize);
}

/** One call for `asked` bytes, as `nextCall` gives them; the bytes that it removed. */
function unmapCall(table: PageTable, address: number, asked: number): number {
  const pgsize = pageSize(address, asked);
  return unmapPages(table, Math.floor(address / TWO_32) | 0, address | 0, pgsize, asked / pgsize, null);
}

function isMapped(table: PageTable, address: number): boolean {
  return iovaToPhys(table, Math.floor(address / TWO_32) >>> 0, address >>> 0) && (table.foundHi | table.foundLo) !== 0;
}
