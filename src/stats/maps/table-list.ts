import { hex64, hexNumber } from '../../base/u64.ts';
import { LAST_LEVEL, LEVELS } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { unitOf } from '../../lpae/table/memory.ts';
import { iovaHiAt, iovaLoAt } from '../../reservation/offsets.ts';
import { childOf, isBare } from '../../reservation/range-walk.ts';
import type { TableAt } from '../space-map.ts';

/** Tables of each level, those that are set aside below blocks included. One that several entries point to counts once. */
export function countTables(pt: PageTable): Float64Array {
  const counts = new Float64Array(LEVELS);
  const seen = new Set<number>();
  const walk = (slot: number, level: number): void => {
    if (pt.sharing?.isShared(slot)) {
      if (seen.has(slot)) return;
      seen.add(slot);
    }
    counts[level]++;
    if (level === LAST_LEVEL || isBare(pt, slot)) return;
    for (let entry = slot; entry < slot + pt.entriesAt(level); entry++) {
      const kid = childOf(pt, entry);
      if (kid !== 0) walk(kid, level + 1);
    }
  };
  if (pt.root !== 0) walk(pt.root, pt.startLevel);
  return counts;
}

/** Tables of one level: how many, their entries in use, and how many of them are pinned, parked, empty. */
interface TableTotals {
  tables: number;
  live: number;
  pinned: number;
  parked: number;
  empty: number;
}

export interface TableList {
  readonly tables: TableAt[];
  readonly leftOut: number;
  /** All of them, by level. */
  readonly totals: readonly Readonly<TableTotals>[];
}

/**
 * At most `most` tables of a page table, each before those below it, how many are left out, and what all come to. Levels near the root come
 * first; of the level that does not fit as a whole, tables spread evenly over the address space.
 */
export function tableList(pt: PageTable, most: number): TableList {
  const counts = countTables(pt);
  const places = new Float64Array(LEVELS);
  let left = most;
  for (let level = 0; level < LEVELS; level++) {
    places[level] = Math.min(counts[level], left);
    left -= places[level];
  }
  const seen = new Float64Array(LEVELS);
  const tables: TableAt[] = [];
  const totals = Array.from(counts, (): TableTotals => ({ tables: 0, live: 0, pinned: 0, parked: 0, empty: 0 }));
  let leftOut = 0;
  /** Of `count` tables every one for which the share of the places so far rises. */
  const wanted = (level: number): boolean => {
    const before = Math.floor((seen[level] * places[level]) / counts[level]);
    return Math.floor((++seen[level] * places[level]) / counts[level]) > before;
  };
  /** True when anything is mapped below. */
  const met = new Set<number>();
  const walk = (slot: number, level: number, offset: number, parked: boolean): boolean => {
    if (pt.sharing?.isShared(slot)) {
      // It stands where it is met first. What is shared is mapped.
      if (met.has(slot)) return true;
      met.add(slot);
    }
    const size = pt.sizes[level];
    const shown = wanted(level);
    if (!shown) leftOut++;
    const at = tables.length;
    // Its place is before those below it; whether it is empty they have to tell.
    if (shown) tables.push(tableAt(pt, slot, level, offset, parked));
    let mapped = level === LAST_LEVEL && pt.memory.liveOf(slot) > 0;
    if (level < LAST_LEVEL && !isBare(pt, slot)) {
      const entries = pt.entriesAt(level);
      for (let index = 0; index < entries; index++) {
        const entry = slot + index;
        const linked = pt.memory.kid[entry];
        const kid = childOf(pt, entry);
        if (kid !== 0 && walk(kid, level + 1, offset + index * size, parked || linked === 0) && linked !== 0)
          mapped = true;
        if (linked === 0 && pt.memory.lo[entry] !== 0) mapped = true;
      }
    }
    if (shown && mapped) tables[at] = { ...tables[at], empty: false };
    const total = totals[level];
    total.tables++;
    total.live += pt.memory.liveOf(slot);
    if (pt.memory.pins[unitOf(slot)] > 0) total.pinned++;
    if (parked) total.parked++;
    if (!mapped) total.empty++;
    return mapped;
  };
  if (pt.root !== 0) walk(pt.root, pt.startLevel, 0, false);
  return { tables, leftOut, totals };
}

function tableAt(pt: PageTable, slot: number, level: number, offset: number, parked: boolean): TableAt {
  const { memory } = pt;
  const entries = pt.entriesAt(level);
  return {
    level,
    iova: hex64(iovaHiAt(pt, offset), iovaLoAt(pt, offset)),
    size: entries * pt.sizes[level],
    paddr: hexNumber(memory.addressOf(slot)),
    live: memory.liveOf(slot),
    entries,
    pinned: memory.pins[unitOf(slot)] > 0,
    parked,
    empty: true,
  };
}
