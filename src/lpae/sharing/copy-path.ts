import { GFP_ATOMIC, NO_PAGE } from '../callbacks.ts';
import * as C from '../counters.ts';
import { isHinted, runEntries, runStart, stripRun } from '../extended/extended-contig.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { iovaHiAt, iovaLoAt } from '../offsets.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';
import { unlinkTable } from '../table/table-entries.ts';
import type { SharedEntry } from './links-on-path.ts';
import type { SharedLinks } from './shared-links.ts';

/** A table and its copy, which nobody can reach yet. */
interface Copied {
  readonly from: number;
  readonly to: number;
  readonly level: number;
  /** Offset of the first byte that the copy translates. */
  readonly base: number;
  /** Copies of tables below, by the index of their entry. */
  readonly kids: ReadonlyMap<number, number>;
}

/**
 * What is copied: without `keep` the tables that the range [start, end) cuts, and the entries that it covers are left out
 * of the copies; with `keep` every table that it meets, whole.
 */
interface CopyRule {
  readonly start: number;
  readonly end: number;
  readonly keep: boolean;
}

/**
 * Gives one shared entry tables of its own as far as a range asks for it: the way down is copied, parents first, with the
 * change in it already, and the entry at the top is exchanged by break-before-make: cleared, its whole span flushed, written.
 * False when a page for a copy could not be had; nothing has changed then. `spare`: pages put by for this.
 */
export function copyPath(
  pt: PageTable,
  sharing: SharedLinks,
  { table, entry, level, base, slot }: SharedEntry,
  rule: CopyRule,
  spare: number[],
): boolean {
  const copies: Copied[] = [];
  const top = allocate(pt, sharing, slot, level + 1, base, rule, spare, copies);
  if (top === 0) {
    giveBack(pt, copies);
    sharing.copiesFailed++;
    return false;
  }
  for (const copy of copies) fill(pt, sharing, copy, rule);
  unlinkTable(pt, table, entry, iovaHiAt(pt, base), iovaLoAt(pt, base), pt.sizes[level]);
  pt.linkTable(table, entry, top);
  sharing.drop(slot);
  if (rule.keep) sharing.copiesForPins += copies.length;
  else sharing.copies += copies.length;
  return true;
}

/** Makes the copy of a table and of those below it that are to be copied, still empty; its slot, 0 without memory. */
function allocate(
  pt: PageTable,
  sharing: SharedLinks,
  from: number,
  level: number,
  base: number,
  rule: CopyRule,
  spare: number[],
  copies: Copied[],
): number {
  const to = pageFor(pt, sharing, level, spare);
  if (to === 0) return 0;
  const kids = new Map<number, number>();
  copies.push({ from, to, level, base, kids });
  if (level === LAST_LEVEL) return to;
  const size = pt.sizes[level];
  const { start, end, keep } = rule;
  const first = start <= base ? 0 : Math.floor((start - base) / size);
  const last = Math.min(pt.tableEntries, Math.ceil((end - base) / size)) - 1;
  for (let index = first; index <= last; index++) {
    const below = pt.memory.kid[from + index];
    const offset = base + index * size;
    if (below === 0 || (!keep && offset >= start && offset + size <= end)) continue;
    const kid = allocate(pt, sharing, below, level + 1, offset, rule, spare, copies);
    if (kid === 0) return 0;
    kids.set(index, kid);
  }
  return to;
}

function pageFor(pt: PageTable, sharing: SharedLinks, level: number, spare: number[]): number {
  const page = spare.pop() ?? NO_PAGE;
  if (page === NO_PAGE) return pt.allocTable(level, pt.granule, GFP_ATOMIC);
  sharing.reservedUsed++;
  return pt.tableOf(page, level, pt.granule);
}

/** Writes a copy: all entries but those that the range covers, and its own tables where it has some. */
function fill(pt: PageTable, sharing: SharedLinks, { from, to, level, base, kids }: Copied, rule: CopyRule): void {
  const { memory } = pt;
  const { lo, hi, kid } = memory;
  const entries = pt.tableEntries;
  const size = pt.sizes[level];
  lo.copyWithin(to, from, from + entries);
  hi.copyWithin(to, from, from + entries);
  if (level < LAST_LEVEL) kid.copyWithin(to, from, from + entries);
  if (!rule.keep) {
    const first = Math.max(0, Math.ceil((rule.start - base) / size));
    const end = Math.min(entries, Math.floor((rule.end - base) / size));
    if (end > first) {
      stripEdges(pt, to, first, end, level);
      lo.fill(0, to + first, to + end);
      hi.fill(0, to + first, to + end);
      if (level < LAST_LEVEL) kid.fill(0, to + first, to + end);
    }
  }
  let live = 0;
  let leaves = 0;
  for (let index = 0; index < entries; index++) {
    if (lo[to + index] === 0) continue;
    live++;
    const copy = kids.get(index);
    if (copy !== undefined) pt.linkPrivately(to, to + index, copy);
    else if (kid[to + index] !== 0) sharing.add(kid[to + index]);
    else leaves++;
  }
  memory.live[unitOf(to)] = live;
  pt.counters[C.LEAVES_WRITTEN] += leaves;
  sharing.entriesWritten += live;
  pt.syncTable();
}

/** A run that is cleared in part loses the contiguous hint, before the part is cleared. */
function stripEdges(pt: PageTable, table: number, first: number, end: number, level: number): void {
  if (runEntries(pt, level) === 0) return;
  const head = table + first;
  const tail = table + end - 1;
  const run = runEntries(pt, level);
  if (isHinted(pt, head) && runStart(pt, table, head, level) !== head) stripRun(pt, table, head, level);
  if (isHinted(pt, tail) && runStart(pt, table, tail, level) + run - 1 !== tail) stripRun(pt, table, tail, level);
}

/** Gives tables back that nobody can have seen. */
function giveBack(pt: PageTable, copies: readonly Copied[]): void {
  const { reclaim } = pt;
  pt.reclaim = null;
  for (let i = copies.length - 1; i >= 0; i--) pt.freeTable(copies[i].to, copies[i].level);
  pt.reclaim = reclaim;
}
