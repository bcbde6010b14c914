import { LAST_LEVEL, LEVELS } from '../lpae/format/geometry.ts';
import type { PageTable } from '../lpae/page-table.ts';

/** What stands in a page table now. */
export interface Census {
  /** Tables and leaves by level. */
  readonly tables: readonly number[];
  readonly leaves: readonly number[];
  /** Tables, other than the start table, with no leaf anywhere below: memory that translates nothing. */
  readonly emptyTables: number;
}

/**
 * Walks the whole table once; tables of the last level are counted, not read. A table that several entries point to counts
 * once, with its leaves.
 */
export function censusOf(pt: PageTable): Census {
  const census = {
    tables: new Array<number>(LEVELS).fill(0),
    leaves: new Array<number>(LEVELS).fill(0),
    emptyTables: 0,
  };
  const { memory, sharing } = pt;
  /** Shared tables that have been counted. What is shared has leaves. */
  const counted = new Set<number>();
  /** Counts the table and what is below it; true when there is a leaf. */
  const visit = (slot: number, level: number): boolean => {
    if (sharing?.isShared(slot)) {
      if (counted.has(slot)) return true;
      counted.add(slot);
    }
    census.tables[level]++;
    let left = memory.liveOf(slot);
    let hasLeaf = false;
    if (level === LAST_LEVEL) {
      census.leaves[level] += left;
      hasLeaf = left > 0;
    } else {
      for (let entry = slot; left > 0; entry++) {
        if (memory.lo[entry] === 0) continue;
        left--;
        const kid = memory.kid[entry];
        if (kid === 0) {
          census.leaves[level]++;
          hasLeaf = true;
        } else if (visit(kid, level + 1)) hasLeaf = true;
      }
    }
    if (!hasLeaf && slot !== pt.root) census.emptyTables++;
    return hasLeaf;
  };
  if (pt.root !== 0) visit(pt.root, pt.startLevel);
  return census;
}
