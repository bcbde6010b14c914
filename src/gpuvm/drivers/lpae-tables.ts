import { TWO_32 } from '../../base/u64.ts';
import * as C from '../../lpae/counters.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import { iovaToPhys } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';

/** Physical address behind an address, -1 when nothing is mapped there. */
export function translateLpae(table: PageTable, address: number): number {
  const found = iovaToPhys(table, Math.floor(address / TWO_32) >>> 0, address >>> 0);
  return found ? table.foundHi * TWO_32 + table.foundLo : -1;
}

/** Live tables of a level, the start table left out. */
export function liveTables(table: PageTable, level: number): number {
  const { counters } = table;
  const start = level === table.startLevel && table.root !== 0 ? 1 : 0;
  return counters[C.LEVEL_ALLOCS + level] - counters[C.LEVEL_FREES + level] - start;
}

/** Live tables of levels 1 to 3 and leaves as fields of a result line. Leaves are pages, or blocks of the level above. */
export function tableFields(table: PageTable, blocks: boolean): string {
  const { counters } = table;
  const live = [1, 2, 3].map((level) => liveTables(table, level)).join(',');
  const leaves = counters[C.LEAVES_WRITTEN] - counters[C.LEAVES_CLEARED];
  if (!blocks) return `,"live":[${live}],"ptes":${leaves}`;
  // Two sizes only, so their number and their bytes tell them apart.
  const page = table.sizes[LAST_LEVEL];
  const block = table.sizes[LAST_LEVEL - 1];
  const count = (counters[C.MAPPED_BYTES] - leaves * page) / (block - page);
  return `,"live":[${live}],"blocks":${count},"ptes":${leaves - count}`;
}
