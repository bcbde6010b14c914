import * as C from '../../lpae/counters.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { PageBulk } from '../request.ts';
import type { Plan } from './plan.ts';
import { populate } from './populate.ts';

/**
 * Makes the tables that a plan for the offsets [start, end) lacks, with pages that the source gives all at once. False
 * when there is no memory for all of them, be it that an allocation failure was asked for; nothing has changed then.
 */
export function makeTables(
  pt: PageTable,
  plan: Plan,
  start: number,
  end: number,
  depth: number,
  source: PageBulk,
): boolean {
  if (plan.missing === 0) return true;
  const failAt = pt.failAllocIn;
  const injected = failAt > 0 && failAt <= plan.missing;
  if (injected) pt.failAllocIn = 0;
  if (injected || plan.missing > pt.memory.room(pt.tableEntries) || !source.take(plan.missing)) {
    pt.counters[C.TABLE_ALLOC_FAILS]++;
    return false;
  }
  const made = populate(pt, plan, start, end, depth);
  source.done();
  return made;
}
