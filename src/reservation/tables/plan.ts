import { LEVELS } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { unitOf } from '../../lpae/table/memory.ts';
import { countForEntry } from '../page-counts.ts';
import { childOf, firstIndex, lastIndex } from '../range-walk.ts';

/** An entry without a table below it, where a missing subtree will hang. */
export interface AttachPoint {
  /** Slot of the table that holds the entry, and of the entry itself. */
  readonly table: number;
  readonly entry: number;
  readonly level: number;
  /** Offset of the first byte that the entry maps. */
  readonly base: number;
  /** A block stands in the entry: the subtree is set aside. */
  readonly block: boolean;
}

/** What populating a range would take, found by a walk that changes nothing. */
export interface Plan {
  /** Tables to fetch pages for, in all and by level (0..3). */
  missing: number;
  readonly byLevel: number[];
  /** Of these, tables that somebody else links before this reserve comes to publish its own, and their levels. */
  raced: number;
  readonly racedLevels: number[];
  readonly attach: AttachPoint[];
  /** A block stands where a table is wanted, and none may be set aside. */
  blocked: boolean;
}

/**
 * The tables that the offsets [start, end) lack down to `depth` (the planning step of a reserve). `raced` tells from the
 * time of a table's birth whether the plan was made before it: such a table and those below it count as missing, but the
 * entry is no attach point any more.
 */
export function planTables(
  pt: PageTable,
  start: number,
  end: number,
  depth: number,
  mayPark: boolean,
  raced: (born: number) => boolean,
): Plan {
  const plan: Plan = {
    missing: 0,
    byLevel: new Array(LEVELS).fill(0),
    raced: 0,
    racedLevels: [],
    attach: [],
    blocked: false,
  };
  const { memory } = pt;
  const walk = (table: number, level: number, tableBase: number, lost: boolean): void => {
    if (level >= depth) return;
    const last = lastIndex(pt, level, tableBase, end);
    for (let index = firstIndex(pt, level, tableBase, start); index <= last; index++) {
      const entry = table + index;
      const base = tableBase + index * pt.sizes[level];
      const slot = childOf(pt, entry);
      if (slot !== 0) {
        const late = lost || raced(memory.born[unitOf(slot)]);
        if (late) {
          plan.raced++;
          plan.racedLevels.push(level + 1);
          plan.missing++;
          plan.byLevel[level + 1]++;
        }
        walk(slot, level + 1, base, late);
        continue;
      }
      const block = memory.lo[entry] !== 0;
      if (block && !mayPark) plan.blocked = true;
      const count = countForEntry(pt, level, base, start, end, depth);
      plan.missing += count.total;
      for (let below = level + 1; below <= depth; below++) plan.byLevel[below] += count.byLevel[below];
      plan.attach.push({ table, entry, level, base, block });
    }
  };
  walk(pt.root, pt.startLevel, 0, false);
  return plan;
}
