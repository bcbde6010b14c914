import { GFP_KERNEL } from '../../lpae/callbacks.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { NEVER_LINKED } from '../../lpae/pinning/pinning.ts';
import { firstIndex, lastIndex } from '../range-walk.ts';
import type { AttachPoint, Plan } from './plan.ts';

/** A subtree that no walker can reach yet. */
interface Built {
  readonly at: AttachPoint;
  readonly slot: number;
}

/**
 * Makes the tables that [start, end) lacks by a plan down to `depth`, first all of them in private, children before their
 * parent and those that others link first as well, then linked with one write and one cache clean per attach point; below
 * a block a subtree is set aside instead. What lost a race goes back then. Only invalid entries change, so that nothing
 * has to be invalidated. False when a table could not be had: all is as before.
 */
export function populate(
  pt: PageTable,
  { attach, racedLevels }: Pick<Plan, 'attach' | 'racedLevels'>,
  start: number,
  end: number,
  depth: number,
): boolean {
  const slots: number[] = [];
  const levels: number[] = [];
  const build = (level: number, base: number): number => {
    const kids: number[] = [];
    let first = 0;
    if (level < depth) {
      first = firstIndex(pt, level, base, start);
      const last = lastIndex(pt, level, base, end);
      for (let index = first; index <= last; index++) {
        const kid = build(level + 1, base + index * pt.sizes[level]);
        if (kid === 0) return 0;
        kids.push(kid);
      }
    }
    const slot = pt.allocTable(level, pt.granule, GFP_KERNEL);
    if (slot === 0) return 0;
    slots.push(slot);
    levels.push(level);
    for (let i = 0; i < kids.length; i++) pt.linkPrivately(slot, slot + first + i, kids[i]);
    return slot;
  };
  const built: Built[] = [];
  for (const at of attach) {
    const slot = build(at.level + 1, at.base);
    if (slot === 0) {
      giveBack(pt, slots, levels);
      return false;
    }
    built.push({ at, slot });
  }
  const losers: number[] = [];
  for (const level of racedLevels) {
    const slot = pt.allocTable(level, pt.granule, GFP_KERNEL);
    if (slot === 0) {
      giveBack(pt, losers, racedLevels);
      giveBack(pt, slots, levels);
      return false;
    }
    losers.push(slot);
  }
  for (const { at, slot } of built) {
    if (at.block) pt.pinning?.setAside(at.table, at.entry, slot, NEVER_LINKED);
    else pt.linkTable(at.table, at.entry, slot);
  }
  giveBack(pt, losers, racedLevels);
  return true;
}

/** Gives tables back that nobody can have seen: no reader has to be waited for. */
function giveBack(pt: PageTable, slots: readonly number[], levels: readonly number[]): void {
  const { reclaim } = pt;
  pt.reclaim = null;
  for (let i = slots.length - 1; i >= 0; i--) pt.freeTable(slots[i], levels[i]);
  pt.reclaim = reclaim;
}
