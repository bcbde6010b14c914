import { TWO_32 } from '../../base/u64.ts';
import { PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import { decodeDescriptor } from '../../lpae/format/decode-descriptor.ts';
import { iovaToPhys, walkPageTable } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { ADDRESS_END, addressFrom, PAGE_4K } from '../address.ts';
import type { Mm } from '../tce/memory/mm.ts';

/** Addresses of a parent that lie one behind the other in memory, with the same permission. */
export interface ParentRun {
  /** First address in the parent, and where that leads. */
  readonly at: number;
  readonly paddr: number;
  readonly size: number;
  /** READ and WRITE bits. */
  readonly prot: number;
}

/** What the maps of a child refer to. */
export interface Parent {
  /** Where [address, address + size) leads, in pieces; null when a part of it leads nowhere. */
  resolve(address: number, size: number): readonly ParentRun[] | null;
  /** A child refers to some addresses from now on, or no longer. */
  hold(address: number, size: number): void;
  drop(address: number, size: number): void;
  /** Steps of a walk through it, its own parents included where hardware walks them, too. */
  readonly walkSteps: number;
}

/** Where a range of a page table leads: one run for each stretch of neighbouring memory; null when there is a hole. */
export function resolveInTable(table: PageTable, address: number, size: number): ParentRun[] | null {
  if (size === 0) return [];
  if (!reaches(table, address, size)) return null;
  const runs: ParentRun[] = [];
  const end = address + size;
  for (let at = address; at < end; ) {
    const hi = Math.floor(at / TWO_32);
    const lo = at >>> 0;
    const walk = walkPageTable(table, hi | 0, lo | 0);
    if (!walk.leaf || !iovaToPhys(table, hi | 0, lo | 0)) return null;
    const span = table.sizes[walk.last];
    const bytes = Math.min(end, Math.floor(at / span) * span + span) - at;
    const paddr = addressFrom(table.foundHi, table.foundLo);
    const entry = walk.entries[walk.last];
    const leaf = decodeDescriptor(table, walk.last, table.memory.hi[entry], table.memory.lo[entry]);
    const prot = leaf.prot & (PROT_READ | PROT_WRITE);
    addRun(runs, { at, paddr, size: bytes, prot });
    at += bytes;
  }
  return runs;
}

/** Adds a run behind the others: to the last of them where it continues that. */
export function addRun(runs: ParentRun[], run: ParentRun): void {
  const last = runs.at(-1);
  if (last !== undefined && last.paddr + last.size === run.paddr && last.prot === run.prot) {
    runs[runs.length - 1] = { ...last, size: last.size + run.size };
  } else runs.push(run);
}

/** Whether the table's walks distinguish these addresses: beyond its IOVA bits they would alias. */
export function reaches(table: PageTable, address: number, size: number): boolean {
  const reach = 2 ** table.config.ias;
  if (table.config.quirks.includes('TTBR1')) return address >= ADDRESS_END - reach && size <= ADDRESS_END - address;
  return address < reach && size <= reach - address;
}

/** The registered memory of a process as a parent: an address leads to itself (kind `passthrough`). */
export class RegisteredMemory implements Parent {
  readonly walkSteps = 0;
  readonly #mm: Mm;

  constructor(mm: Mm) {
    this.#mm = mm;
  }

  resolve(address: number, size: number): readonly ParentRun[] | null {
    const runs: ParentRun[] = [];
    for (let at = address; at < address + size; ) {
      const region = this.#mm.lookup(at, PAGE_4K);
      if (region === null || region.mapped === 0) return null;
      const bytes = Math.min(region.end, address + size) - at;
      runs.push({ at, paddr: at, size: bytes, prot: PROT_READ | PROT_WRITE });
      at += bytes;
    }
    return runs;
  }

  hold(address: number, size: number): void {
    this.#count(address, size, 1);
  }

  drop(address: number, size: number): void {
    this.#count(address, size, -1);
  }

  /** A region is referred to by 4K of it, so that it cannot be given back while a child maps it. */
  #count(address: number, size: number, by: 1 | -1): void {
    for (let at = address; at < address + size; ) {
      const region = this.#mm.lookup(at, PAGE_4K);
      if (region === null) return;
      const bytes = Math.min(region.end, address + size) - at;
      region.mapped = Math.max(1, region.mapped + (by * bytes) / PAGE_4K);
      if (by > 0) region.touched.cover(at, at + bytes, null);
      at += bytes;
    }
  }
}
