import { LAST_LEVEL } from '../format/geometry.ts';
import type { PageTable } from '../page-table.ts';
import type { SharedLinks } from './shared-links.ts';

/** An entry of a table that nobody shares, which points to one that others point to as well. */
export interface SharedEntry {
  readonly table: number;
  readonly entry: number;
  readonly level: number;
  /** Offset of the first byte that it translates. */
  readonly base: number;
  /** The table it points to. */
  readonly slot: number;
}

/** The topmost shared entry on the way to an offset, of levels down to `deepest`; null: there is none. */
export function sharedEntry(pt: PageTable, sharing: SharedLinks, offset: number, deepest: number): SharedEntry | null {
  let table = pt.root;
  let base = 0;
  for (let level = pt.startLevel; level <= deepest && level < LAST_LEVEL; level++) {
    const size = pt.sizes[level];
    const index = Math.floor((offset - base) / size);
    const entry = table + index;
    base += index * size;
    const slot = pt.memory.kid[entry];
    if (slot === 0) return null;
    if (sharing.isShared(slot)) return { table, entry, level, base, slot };
    table = slot;
  }
  return null;
}

/** A leaf, or an entry that holds nothing. */
export interface FoundEntry {
  readonly table: number;
  readonly entry: number;
  readonly level: number;
  readonly base: number;
}

/** The last entry on the way to an offset from the table of `level` at `base` downward. */
export function lastEntry(
  pt: PageTable,
  from: number,
  fromLevel: number,
  fromBase: number,
  offset: number,
): FoundEntry {
  let table = from;
  let base = fromBase;
  for (let level = fromLevel; ; level++) {
    const size = pt.sizes[level];
    const index = Math.floor((offset - base) / size);
    const entry = table + index;
    base += index * size;
    const slot = pt.memory.kid[entry];
    if (slot === 0) return { table, entry, level, base };
    table = slot;
  }
}

/** The entry of `level` on the way from a shared entry to an offset; -1 where a leaf stands above. */
export function entryOfLevel(pt: PageTable, link: SharedEntry, level: number, offset: number): number {
  let table = link.slot;
  let base = link.base;
  for (let at = link.level + 1; ; at++) {
    const index = Math.floor((offset - base) / pt.sizes[at]);
    if (at === level) return table + index;
    const slot = pt.memory.kid[table + index];
    if (slot === 0) return -1;
    base += index * pt.sizes[at];
    table = slot;
  }
}
