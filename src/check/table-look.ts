import { LAST_LEVEL } from '../lpae/format/geometry.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { PAGE } from './pairs.ts';

/** One look at what stands on the way to an address; used over and over. */
export class TableLook {
  /** Level of the last table on the way. */
  level = 0;
  /** There is a leaf at the end. */
  leaf = false;
  /** What the last entry spans: [page, end), in pages of 4K. */
  page = 0;
  end = 0;

  /**
   * Looks at the way to a page, whose number counts 4K, after one at `before`. Where both lie in one table of the last level
   * the answer about the table is the same, and `leaf` and the span stay those of the page before.
   */
  next(table: PageTable, before: number, page: number): void {
    const pages = (table.granule / PAGE) * table.tableEntries;
    if (this.level === LAST_LEVEL && Math.floor(before / pages) === Math.floor(page / pages)) return;
    this.at(table, page);
  }

  /** Looks at the way to a page, whose number counts 4K. */
  at(table: PageTable, page: number): void {
    const hi = Math.floor(page / PAGES_PER_HI);
    const lo = (page % PAGES_PER_HI) * PAGE;
    const { kid, lo: low } = table.memory;
    let slot = table.root;
    for (let level = table.startLevel; ; level++) {
      const entry = slot + table.indexAt(level, hi, lo);
      const next = kid[entry];
      if (next !== 0 && level < LAST_LEVEL) {
        slot = next;
        continue;
      }
      const span = 2 ** (table.shifts[level] - 12);
      this.level = level;
      this.leaf = low[entry] !== 0 && next === 0;
      this.page = Math.floor(page / span) * span;
      this.end = this.page + span;
      return;
    }
  }
}

const PAGES_PER_HI = 2 ** 20;
