import { ENOMEM } from '../../base/vocabulary.ts';
import type { GatherState } from '../callbacks.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { iovaHiAt, iovaLoAt, offsetOf } from '../offsets.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';
import { NOT_GUARDED, type TableGuard } from '../table/table-guard.ts';
import { unmapUnguarded } from '../unmap.ts';
import { BrokenRuns } from './broken-runs.ts';
import { copyPath } from './copy-path.ts';
import { entryOfLevel, sharedEntry } from './links-on-path.ts';
import { SharedLinks } from './shared-links.ts';
import { SharedUnmaps } from './shared-unmaps.ts';

/** The guard of a page table with shared tables, or with leaves that bear the contiguous hint. */
export class SpaceGuard implements TableGuard {
  readonly #pt: PageTable;
  readonly #runs: BrokenRuns;
  readonly #shared: SharedUnmaps;

  constructor(pt: PageTable) {
    this.#pt = pt;
    this.#runs = new BrokenRuns(pt);
    this.#shared = new SharedUnmaps(pt);
  }

  /** The shared tables of the page table, from now on. */
  sharingOf(): SharedLinks {
    this.#pt.sharing ??= new SharedLinks();
    return this.#pt.sharing;
  }

  /** Puts by what one unmap of a part may need: two pages for each level below the start table. False without memory. */
  putBy(): boolean {
    return this.#shared.putBy(this.sharingOf());
  }

  /** Pages put by now. */
  get spare(): number {
    return this.#shared.spare.length;
  }

  beforeBlocks(iovaHi: number, iovaLo: number, level: number, count: number): number {
    const pt = this.#pt;
    const { sharing } = pt;
    if (sharing === null || sharing.tables === 0) return 0;
    const size = pt.sizes[level];
    const start = this.#entryStart(iovaHi, iovaLo, size);
    const link = sharedEntry(pt, sharing, start, level - 1);
    if (link === null) return 0;
    // Tables that the blocks would replace, up to the first leaf: that is where the engine finds the map to fail.
    const at = entryOfLevel(pt, link, level, start);
    if (at < 0) return 0;
    const room = this.#run(level, start, count);
    let tables = 0;
    while (tables < room && pt.memory.kid[at + tables] !== 0) tables++;
    if (tables === 0) return 0;
    return this.#shared.clear(sharing, link, start, start + tables * size) ? 0 : -ENOMEM;
  }

  unmap(iovaHi: number, iovaLo: number, level: number, count: number, gather: GatherState | null): number {
    if (level > LAST_LEVEL) return NOT_GUARDED;
    const pt = this.#pt;
    const size = pt.sizes[level];
    const start = this.#entryStart(iovaHi, iovaLo, size);
    const end = start + this.#run(level, start, count) * size;
    let at = start;
    while (at < end) {
      const bytes = this.#shared.unmap(at, end, level);
      if (bytes === 0) break;
      if (bytes !== NOT_GUARDED) {
        at += bytes;
        continue;
      }
      const next = this.#nextShared(at, end, level);
      this.#runs.beforeUnmap(at, next, level);
      if (at === start && next === end) return NOT_GUARDED;
      const hi = iovaHiAt(pt, at) | 0;
      const lo = iovaLoAt(pt, at) | 0;
      const unmapped = unmapUnguarded(pt, hi, lo, size, level, (next - at) / size, gather);
      at += unmapped;
      if (at < next) break;
    }
    return at - start;
  }

  unmapShared(iovaHi: number, iovaLo: number, size: number, level: number): number {
    if (!this.#pt.iovaInRange(iovaHi, iovaLo)) return NOT_GUARDED;
    const start = offsetOf(this.#pt, iovaHi, iovaLo);
    return this.#shared.unmap(start, Math.min(start + size, 2 ** this.#pt.config.ias), level);
  }

  beforeClean(iovaHi: number, iovaLo: number, size: number): void {
    const start = offsetOf(this.#pt, iovaHi, iovaLo);
    this.#runs.beforeClean(start, start + size);
  }

  destroyed(): void {
    this.#shared.dropSpare();
  }

  /** Gives every table that [start, end) meets one entry that points to it. False when a page could not be had. */
  unshare(start: number, end: number): boolean {
    const { sharing } = this.#pt;
    if (sharing === null) return true;
    for (let at = start; at < end; ) {
      const link = sharedEntry(this.#pt, sharing, at, LAST_LEVEL - 1);
      if (link === null) {
        at = this.#nextShared(at, end, LAST_LEVEL - 1);
        continue;
      }
      if (!copyPath(this.#pt, sharing, link, { start, end, keep: true }, [])) return false;
      at = link.base + this.#pt.sizes[link.level];
    }
    return true;
  }

  /** Offset of the first shared entry of levels down to `deepest` in (start, end); else `end`. */
  #nextShared(start: number, end: number, deepest: number): number {
    const pt = this.#pt;
    const { sharing } = pt;
    if (sharing === null || sharing.tables === 0) return end;
    const walk = (table: number, level: number, base: number): number => {
      if (level > deepest || level === LAST_LEVEL || pt.memory.live[unitOf(table)] === 0) return end;
      const size = pt.sizes[level];
      const first = start <= base ? 0 : Math.floor((start - base) / size);
      const last = Math.min(pt.entriesAt(level), Math.ceil((end - base) / size)) - 1;
      for (let index = first; index <= last; index++) {
        const slot = pt.memory.kid[table + index];
        if (slot === 0) continue;
        const offset = base + index * size;
        if (sharing.isShared(slot)) {
          if (offset > start) return offset;
          continue;
        }
        const found = walk(slot, level + 1, offset);
        if (found < end) return found;
      }
      return end;
    };
    return walk(pt.root, pt.startLevel, 0);
  }

  /** Offset of the entry of `size` bytes that an IOVA lies in: low bits are dropped by indexing. */
  #entryStart(iovaHi: number, iovaLo: number, size: number): number {
    return Math.floor(offsetOf(this.#pt, iovaHi, iovaLo) / size) * size;
  }

  /** Entries of `level` from an offset that a raw call may reach: to the end of a table page, and of the start table. */
  #run(level: number, offset: number, count: number): number {
    const pt = this.#pt;
    const index = Math.floor(offset / pt.sizes[level]);
    const room = pt.tableEntries - (index % pt.tableEntries);
    const most = level === pt.startLevel ? Math.min(room, pt.pgdEntries - index) : room;
    return Math.min(count, most);
  }
}

/** The guard of a page table, from now on. */
export function guardOf(pt: PageTable): SpaceGuard {
  if (pt.guard === null) {
    const guard = new SpaceGuard(pt);
    pt.guard = guard;
    return guard;
  }
  return pt.guard as SpaceGuard;
}

/** Gives every table that the offsets [start, end) meet one entry that points to it. False when a page could not be had. */
export function unshare(pt: PageTable, start: number, end: number): boolean {
  return pt.sharing === null || guardOf(pt).unshare(start, end);
}
