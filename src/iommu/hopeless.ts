import { TWO_32 } from '../base/u64.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { TableMemoryExhausted } from '../lpae/table/memory.ts';

/** Requests from this many bytes on are looked at before they begin: 64 GiB. */
export const LOOKED_AT = 2 ** 36;

/**
 * Throws TableMemoryExhausted for a map that needs more tables than this process can ever hold: better at once than
 * after a million tables. `page` is the largest page size that the two addresses have in common. Only what lies within
 * the reach of the table counts; the kernel refuses the rest when it comes there.
 */
export function refuseHopeless(pt: PageTable, iovaHi: number, iovaLo: number, size: number, page: number): void {
  const level = pt.levelOf(page);
  if (level <= pt.startLevel || level >= pt.sizes.length) return;
  const iova = (iovaHi >>> 0) * TWO_32 + (iovaLo >>> 0);
  const reach = Math.min(size, Math.max(0, 2 ** pt.config.ias - iova));
  const { memory } = pt;
  const needed = Math.floor(reach / pt.sizes[level - 1]);
  if (needed - memory.tables > memory.room(pt.tableEntries)) throw new TableMemoryExhausted(memory.tables, needed);
  memory.expect(needed - memory.tables, pt.tableEntries);
}
