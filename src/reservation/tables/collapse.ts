import type { TlbCallbacks } from '../../lpae/callbacks.ts';
import * as C from '../../lpae/counters.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { unitOf } from '../../lpae/table/memory.ts';
import { iovaHiAt, iovaLoAt } from '../offsets.ts';
import { childOf, firstIndex, isBare, lastIndex } from '../range-walk.ts';

/** Which empty tables may go. */
export interface CollapseRule {
  /** Offsets [start, end) that the caller has locked, and the last level looked at. */
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  /**
   * Only tables whose whole span lies in the range: another operation next to it may have looked at the link of a table
   * that sticks out and be about to write below it. Without this, that no reservation pins a table has to prove that
   * nobody is using it.
   */
  readonly covered: boolean;
}

/**
 * Frees every table that the range meets, that nothing pins and that holds no entry but tables that go as well. A chain
 * that collapses is unlinked at its top only, with one write, one cache clean and one walk flush, whatever hangs below;
 * entries side by side under one parent share a walk flush, and go as one batch to whoever reclaims the tables. The tables
 * freed.
 */
export function collapse(pt: PageTable, tlb: Pick<TlbCallbacks, 'flushWalk'>, rule: CollapseRule): number {
  const before = pt.counters[C.TABLE_FREES];
  const { memory } = pt;
  const { start, end, depth, covered } = rule;
  /** True when the table may go as a whole; else what may go below it has gone. */
  const visit = (table: number, level: number, base: number): boolean => {
    const going: number[] = [];
    if (level < depth && !isBare(pt, table)) {
      const last = lastIndex(pt, level, base, end);
      for (let index = firstIndex(pt, level, base, start); index <= last; index++) {
        const slot = childOf(pt, table + index);
        if (slot !== 0 && visit(slot, level + 1, base + index * pt.sizes[level])) going.push(index);
      }
    }
    if (level > pt.startLevel && memory.pins[unitOf(table)] === 0) {
      const span = pt.sizes[level - 1];
      const allowed = !covered || (base >= start && base + span <= end);
      const children = memory.live[unitOf(table)] + (pt.pinning?.parkedIn(table) ?? 0);
      if (allowed && going.length === children) return true;
    }
    unlink(pt, tlb, table, level, base, going);
    return false;
  };
  visit(pt.root, pt.startLevel, 0);
  return pt.counters[C.TABLE_FREES] - before;
}

/** Takes the tables below the entries `going` (ascending) out of one table and frees them. */
function unlink(
  pt: PageTable,
  tlb: Pick<TlbCallbacks, 'flushWalk'>,
  table: number,
  level: number,
  base: number,
  going: readonly number[],
): void {
  const { memory, reclaim } = pt;
  const size = pt.sizes[level];
  for (let i = 0; i < going.length; ) {
    const offset = base + going[i] * size;
    const hi = iovaHiAt(pt, offset);
    const lo = iovaLoAt(pt, offset);
    const slots: number[] = [];
    const aside = pt.pinning?.take(table, table + going[i]) ?? 0;
    if (aside !== 0) {
      // Walkers of the hardware were flushed from it when it was set aside.
      slots.push(aside);
      i++;
    } else {
      for (let index = going[i]; going[i] === index && memory.kid[table + index] !== 0; i++, index++) {
        const entry = table + index;
        slots.push(memory.kid[entry]);
        memory.lo[entry] = 0;
        memory.hi[entry] = 0;
        memory.kid[entry] = 0;
        memory.live[unitOf(table)]--;
        pt.syncTable();
      }
      tlb.flushWalk(hi, lo, slots.length * size, pt.granule);
      pt.counters[C.SUBTREES_FREED] += slots.length;
    }
    reclaim?.begin(hi, lo, slots.length * size);
    if (aside !== 0 && reclaim !== null) reclaim.aside = pt.pinning?.takenSince ?? null;
    slots.forEach((slot, at) => {
      pt.freeSubtree(slot, level + 1, at * size);
    });
    reclaim?.end();
  }
}
