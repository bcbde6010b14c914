import { addHi, addLo, compare64, TWO_32 } from '../base/u64.ts';
import { isStage1 } from './format/config.ts';
import type { PageTable } from './page-table.ts';

/** One non-zero entry of a table, as a traversal meets it. Reused between calls: copy what must last. */
export interface Entry {
  level: number;
  /** Slot of the table that holds the entry, and the entry's index in it. */
  table: number;
  index: number;
  /** First IOVA that the entry translates, sign-extended under TTBR1. */
  iovaHi: number;
  iovaLo: number;
  pteHi: number;
  pteLo: number;
  /** Slot of the table it points to, 0 for a leaf. */
  kid: number;
}

/** Receives an entry before the subtree below it; false leaves that subtree out. */
export type EntryVisitor = (entry: Entry) => boolean;

/** Inclusive range of IOVAs to visit. */
export interface IovaRange {
  readonly startHi: number;
  readonly startLo: number;
  readonly lastHi: number;
  readonly lastLo: number;
}

/** Every non-zero entry, depth first: an entry, then its subtree. With `range` only what overlaps it is entered. */
export function visitEntries(pt: PageTable, visitor: EntryVisitor, range: IovaRange | null = null): void {
  if (pt.root === 0) return;
  const upperHalf = isStage1(pt.config.format) && pt.config.quirks.includes('TTBR1');
  const { memory } = pt;
  const entry: Entry = { level: 0, table: 0, index: 0, iovaHi: 0, iovaLo: 0, pteHi: 0, pteLo: 0, kid: 0 };
  const visitTable = (table: number, level: number, baseHi: number, baseLo: number): void => {
    const entries = pt.entriesAt(level);
    const size = pt.sizes[level];
    let left = memory.liveOf(table);
    for (let index = 0; left > 0 && index < entries; index++) {
      const slot = table + index;
      if (memory.lo[slot] === 0) continue;
      left--;
      const offset = baseLo + index * size;
      const hi = (baseHi + Math.floor(offset / TWO_32)) >>> 0;
      const lo = offset >>> 0;
      if (range !== null) {
        if (compare64(hi, lo, range.lastHi, range.lastLo) > 0) return;
        if (compare64(addHi(hi, lo, size - 1), addLo(lo, size - 1), range.startHi, range.startLo) < 0) continue;
      }
      entry.level = level;
      entry.table = table;
      entry.index = index;
      entry.iovaHi = hi;
      entry.iovaLo = lo;
      entry.pteHi = memory.hi[slot];
      entry.pteLo = memory.lo[slot];
      const kid = memory.kid[slot];
      entry.kid = kid;
      if (visitor(entry) && kid !== 0) visitTable(kid, level + 1, hi, lo);
    }
  };
  visitTable(pt.root, pt.startLevel, upperHalf ? pt.iovaWantHi >>> 0 : 0, upperHalf ? pt.iovaWantLo >>> 0 : 0);
}
