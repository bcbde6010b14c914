import { GFP_KERNEL, NO_PAGE } from '../callbacks.ts';
import * as C from '../counters.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { iovaHiAt, iovaLoAt } from '../offsets.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';
import { NOT_GUARDED } from '../table/table-guard.ts';
import { copyPath } from './copy-path.ts';
import { lastEntry, type SharedEntry, sharedEntry } from './links-on-path.ts';
import type { SharedLinks } from './shared-links.ts';

/** Copies that a range can need at each of its two edges, at most: a table of each level below the start table. */
const EDGES = 2;

/**
 * Unmaps of one page table that meet entries which point to shared tables: whole ones lose their link, parts are cleared in copies
 * of the tables on the way. Offsets and sizes in bytes.
 */
export class SharedUnmaps {
  /** Pages put by for copies. */
  readonly spare: number[] = [];
  readonly #pt: PageTable;

  constructor(pt: PageTable) {
    this.#pt = pt;
  }

  /** Puts by what one unmap of a part may need: two pages for each level below the start table. False without memory. */
  putBy(sharing: SharedLinks): boolean {
    const pt = this.#pt;
    const pages = EDGES * (LAST_LEVEL - pt.startLevel);
    for (let i = 0; i < pages; i++) {
      const page = pt.allocPage(LAST_LEVEL, pt.granule, GFP_KERNEL);
      if (page === NO_PAGE) {
        for (; i > 0; i--) pt.freePage(this.spare.pop() as number, pt.granule);
        return false;
      }
      this.spare.push(page);
    }
    sharing.reserved += pages;
    return true;
  }

  /** Gives back the pages put by. */
  dropSpare(): void {
    for (const page of this.spare) this.#pt.freePage(page, this.#pt.granule);
    this.spare.length = 0;
  }

  /**
   * Unmaps what lies behind the shared entry at an offset, or the run of shared entries from there, up to `end`: bytes, 0 without
   * memory for copies, NOT_GUARDED where no entry of levels down to `deepest` is shared on the way.
   */
  unmap(start: number, end: number, deepest: number): number {
    const pt = this.#pt;
    const { sharing } = pt;
    if (sharing === null || sharing.tables === 0) return NOT_GUARDED;
    const link = sharedEntry(pt, sharing, start, deepest);
    if (link === null) return NOT_GUARDED;
    const linkEnd = link.base + pt.sizes[link.level];
    if (link.base === start && linkEnd <= end) return this.#unlink(sharing, link, end);
    return this.#unmapPart(sharing, link, start, Math.min(end, linkEnd));
  }

  /** Takes the links from neighbouring shared entries that lie in the range as a whole, with one walk flush. */
  #unlink(sharing: SharedLinks, { table, entry, level, base }: SharedEntry, end: number): number {
    const pt = this.#pt;
    const { memory } = pt;
    const size = pt.sizes[level];
    const most = Math.min(pt.entriesAt(level) - (entry - table), Math.floor((end - base) / size));
    const slots: number[] = [];
    while (slots.length < most && sharing.isShared(memory.kid[entry + slots.length])) {
      slots.push(memory.kid[entry + slots.length]);
    }
    const { length } = slots;
    memory.lo.fill(0, entry, entry + length);
    memory.hi.fill(0, entry, entry + length);
    memory.kid.fill(0, entry, entry + length);
    memory.live[unitOf(table)] -= length;
    pt.syncTable();
    const hi = iovaHiAt(pt, base);
    const lo = iovaLoAt(pt, base);
    pt.tlb.flushWalk(hi, lo, length * size, pt.granule);
    pt.counters[C.SUBTREES_FREED] += length;
    pt.reclaim?.begin(hi, lo, length * size);
    slots.forEach((slot, i) => {
      pt.freeSubtree(slot, level + 1, i * size);
    });
    pt.reclaim?.end();
    this.#settle(sharing);
    return length * size;
  }

  /** Unmaps a part of what lies behind one shared entry. */
  #unmapPart(sharing: SharedLinks, link: SharedEntry, start: number, end: number): number {
    const pt = this.#pt;
    const head = lastEntry(pt, link.slot, link.level + 1, link.base, start);
    const headEnd = head.base + pt.sizes[head.level];
    if (head.base < start || headEnd > end) {
      // A part of a block. The engine refuses that without a change, or changes a table that must then be its own.
      if (pt.config.partialUnmap === 'refuse') return NOT_GUARDED;
      return copyPath(pt, sharing, link, { start, end: start + 1, keep: true }, this.spare) ? NOT_GUARDED : 0;
    }
    const tail = lastEntry(pt, link.slot, link.level + 1, link.base, end - 1);
    const whole = tail.base + pt.sizes[tail.level] > end ? tail.base : end;
    return this.clear(sharing, link, start, whole) ? whole - start : 0;
  }

  /**
   * Clears [start, end) behind a shared entry, between the borders of leaves, in copies of the tables on the way. False without
   * memory for these.
   */
  clear(sharing: SharedLinks, link: SharedEntry, start: number, end: number): boolean {
    const pt = this.#pt;
    if (!copyPath(pt, sharing, link, { start, end, keep: false }, this.spare)) return false;
    pt.counters[C.MAPPED_BYTES] -= end - start;
    this.#settle(sharing);
    return true;
  }

  /** With the last shared table the pages put by have no use any more. */
  #settle(sharing: SharedLinks): void {
    if (sharing.tables === 0) this.dropSpare();
  }
}
