import { isDirty } from '../dirty.ts';
import { breakRun, isHinted, runEntries, runStart } from '../extended/extended-contig.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import type { PageTable } from '../page-table.ts';
import { type FoundEntry, lastEntry } from './links-on-path.ts';

/** Takes the contiguous hint from runs of which a part is about to change. */
export class BrokenRuns {
  readonly #pt: PageTable;

  constructor(pt: PageTable) {
    this.#pt = pt;
  }

  /** Entries of `level` in [start, end) are about to be unmapped, up to the first that holds nothing. */
  beforeUnmap(start: number, end: number, level: number): void {
    const pt = this.#pt;
    const head = lastEntry(pt, pt.root, pt.startLevel, 0, start);
    if (pt.memory.lo[head.entry] === 0) return;
    if (head.level < level) {
      // A part of a block: where that is refused nothing changes.
      if (pt.config.partialUnmap !== 'refuse') this.#breakUnless(head, head.base, head.base + pt.sizes[head.level]);
      return;
    }
    const size = pt.sizes[level];
    const table = this.#tableAt(level, start);
    let last = table.entry;
    const most = table.entry + (end - start) / size;
    while (last + 1 < most && pt.memory.lo[last + 1] !== 0) last++;
    const done = start + (last - table.entry + 1) * size;
    this.#breakUnless(table, start, done);
    const tail = { ...table, entry: last, base: done - size };
    this.#breakUnless(tail, start, done);
  }

  /** The dirty state of leaves in [start, end) is about to be cleared. All leaves of a run are dirty, or none is. */
  beforeClean(start: number, end: number): void {
    const pt = this.#pt;
    for (const at of [start, end - 1]) {
      const found = lastEntry(pt, pt.root, pt.startLevel, 0, at);
      if (isDirty(pt, found.entry)) this.#breakUnless(found, start, end);
    }
  }

  /** Breaks the run of an entry unless all of it lies in [start, end). */
  #breakUnless({ table, entry, level, base }: FoundEntry, start: number, end: number): void {
    const pt = this.#pt;
    if (!isHinted(pt, entry)) return;
    const size = pt.sizes[level];
    const first = base - (entry - runStart(pt, table, entry, level)) * size;
    if (first >= start && first + runEntries(pt, level) * size <= end) return;
    breakRun(pt, table, entry, level, base);
  }

  /** The entry of `level` on the way to an offset; a leaf further down is none of it. */
  #tableAt(level: number, offset: number): FoundEntry {
    const pt = this.#pt;
    let table = pt.root;
    let base = 0;
    for (let at = pt.startLevel; ; at++) {
      const index = Math.floor((offset - base) / pt.sizes[at]);
      const entry = table + index;
      base += index * pt.sizes[at];
      if (at === level || at === LAST_LEVEL) return { table, entry, level: at, base };
      table = pt.memory.kid[entry];
    }
  }
}
