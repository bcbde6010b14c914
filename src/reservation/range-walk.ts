import { LAST_LEVEL } from '../lpae/format/geometry.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { hasLeaf } from '../lpae/pinning/kept-tables.ts';
import { unitOf } from '../lpae/table/memory.ts';

/*
 * Read-only walks over the offsets [start, end) of one address space. Tables that are set aside while a block stands in
 * their place belong to the range as much as those in the tree.
 */

/** Slot of the table below an entry, linked or set aside; 0 when there is none. */
export function childOf(pt: PageTable, entry: number): number {
  const slot = pt.memory.kid[entry];
  return slot !== 0 || pt.pinning === null ? slot : pt.pinning.parkedAt(entry);
}

/** First index of the table of `level` at offset `base` that [start, ...) meets. */
export function firstIndex(pt: PageTable, level: number, base: number, start: number): number {
  return start <= base ? 0 : Math.floor((start - base) / pt.sizes[level]);
}

/** Last index that [..., end) meets. */
export function lastIndex(pt: PageTable, level: number, base: number, end: number): number {
  return Math.min(pt.entriesAt(level), Math.ceil((end - base) / pt.sizes[level])) - 1;
}

/** True when no table can hang below the table at `slot`, at present. */
export function isBare(pt: PageTable, slot: number): boolean {
  return pt.memory.live[unitOf(slot)] === 0 && (pt.pinning === null || pt.pinning.parkedIn(slot) === 0);
}

/** Visits every table of the levels below the start level down to `depth` that [start, end) meets, a table before those below it. */
export function forEachTable(
  pt: PageTable,
  start: number,
  end: number,
  depth: number,
  visit: (slot: number, level: number) => void,
): void {
  const walk = (table: number, level: number, base: number): void => {
    if (level >= depth || isBare(pt, table)) return;
    const last = lastIndex(pt, level, base, end);
    for (let index = firstIndex(pt, level, base, start); index <= last; index++) {
      const slot = childOf(pt, table + index);
      if (slot === 0) continue;
      visit(slot, level + 1);
      walk(slot, level + 1, base + index * pt.sizes[level]);
    }
  };
  walk(pt.root, pt.startLevel, 0);
}

/** Of those tables, the ones with a leaf anywhere below. */
export function tablesInUse(pt: PageTable, start: number, end: number, depth: number): number {
  let used = 0;
  forEachTable(pt, start, end, depth, (slot, level) => {
    if (hasLeaf(pt, slot, level)) used++;
  });
  return used;
}

/** Visits the leaves that [start, end) meets, in ascending order, cut to it: offset, bytes, and whether it was cut. */
function forEachLeaf(
  pt: PageTable,
  start: number,
  end: number,
  visit: (offset: number, size: number, cut: boolean) => void,
): void {
  const { memory } = pt;
  const walk = (table: number, level: number, base: number): void => {
    const live = memory.live[unitOf(table)];
    if (live === 0) return;
    const size = pt.sizes[level];
    const first = firstIndex(pt, level, base, start);
    const last = lastIndex(pt, level, base, end);
    if (level === LAST_LEVEL && live === last - first + 1 && live === pt.tableEntries) {
      visit(base, live * size, false);
      return;
    }
    for (let index = first; index <= last; index++) {
      const entry = table + index;
      if (memory.lo[entry] === 0) continue;
      const at = base + index * size;
      if (memory.kid[entry] !== 0) walk(memory.kid[entry], level + 1, at);
      else {
        const from = Math.max(at, start);
        const to = Math.min(at + size, end);
        visit(from, to - from, to - from < size);
      }
    }
  };
  walk(pt.root, pt.startLevel, 0);
}

/** Bytes of [start, end) that are mapped. */
export function mappedBytesIn(pt: PageTable, start: number, end: number): number {
  let bytes = 0;
  forEachLeaf(pt, start, end, (_offset, size) => {
    bytes += size;
  });
  return bytes;
}

/** A stretch of an address space in bytes. */
export interface Stretch {
  readonly offset: number;
  readonly size: number;
}

/**
 * The mapped stretches of [start, end) without holes. A part of a block stands alone: what an unmap makes of it depends
 * on the engine, and the rest should not have to stop there.
 */
export function mappedStretches(pt: PageTable, start: number, end: number): Stretch[] {
  const stretches: Stretch[] = [];
  let offset = 0;
  let size = 0;
  const close = (): void => {
    if (size > 0) stretches.push({ offset, size });
    size = 0;
  };
  forEachLeaf(pt, start, end, (at, bytes, cut) => {
    if (cut || at !== offset + size) close();
    if (size === 0) offset = at;
    size += bytes;
    if (cut) close();
  });
  close();
  return stretches;
}
