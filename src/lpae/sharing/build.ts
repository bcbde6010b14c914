import { GFP_KERNEL } from '../callbacks.ts';
import * as C from '../counters.ts';
import { markRuns } from '../extended/extended-contig.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { iovaHiAt, iovaLoAt } from '../offsets.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';
import { clearTableEntry } from '../table/table-entries.ts';
import { isLeafAt, phaseAt, type Repeated } from './repeated.ts';
import { entriesInUse, writeRepeated } from './repeated-leaves.ts';

/** A table of the tree gets a link to a new one, or leaves: `count` of them where `slot` is 0. */
interface Change {
  readonly table: number;
  readonly entry: number;
  readonly level: number;
  readonly offset: number;
  readonly slot: number;
  readonly count: number;
}

/**
 * Makes the tables of a repeat mapping in private, children before their parents, each content once, and links them
 * afterwards. Entries in the way have been looked at before: nothing but tables without leaves stands in the range, and
 * those are filled rather than replaced.
 */
export class RepeatBuilder {
  readonly #pt: PageTable;
  readonly #what: Repeated;
  /** Tables inside the range by level and phase. */
  readonly #byPhase = new Map<number, Map<number, number>>();
  /** Entries that point to each of the new tables. */
  readonly #links = new Map<number, number>();
  readonly #made: { readonly slot: number; readonly level: number }[] = [];
  readonly #changes: Change[] = [];
  /** Entries written so far into new tables and into those that were there, and how many of them are leaves. */
  written = 0;
  #leaves = 0;
  readonly #runsBefore: number;

  constructor(pt: PageTable, what: Repeated) {
    this.#pt = pt;
    this.#what = what;
    this.#runsBefore = pt.counters[C.CONTIG_RUNS];
  }

  /** Makes all tables; false when one could not be had, and then nothing is left of them. */
  build(): boolean {
    if (this.#plan(this.#pt.root, this.#pt.startLevel, 0)) return true;
    this.giveBack();
    return false;
  }

  /** Tables made, one for each level and content. */
  get made(): number {
    return this.#made.length;
  }

  /** Tables that would stand below the new links without sharing. */
  get expanded(): number {
    const known = new Map<number, number>();
    const below = (slot: number, level: number): number => {
      const found = known.get(slot);
      if (found !== undefined) return found;
      let tables = 1;
      if (level < LAST_LEVEL) {
        const { kid } = this.#pt.memory;
        for (let entry = slot; entry < slot + this.#pt.tableEntries; entry++)
          if (kid[entry] !== 0) tables += below(kid[entry], level + 1);
      }
      known.set(slot, tables);
      return tables;
    };
    let tables = 0;
    for (const { slot, level } of this.#changes) if (slot !== 0) tables += below(slot, level + 1);
    return tables;
  }

  /** Links what has been made; the entries that point to each table that has more than one. */
  commit(): ReadonlyMap<number, number> {
    const pt = this.#pt;
    let last = -1;
    for (const { table, entry, level, offset, slot, count } of this.#changes) {
      // One cache clean for each stretch of entries.
      if (entry !== last) pt.syncTable();
      if (slot !== 0) {
        pt.linkPrivately(table, entry, slot);
        this.#link(slot);
        last = entry + 1;
      } else {
        for (let i = 0; i < count; i++) this.#makeWay(table, entry + i, level, offset + i * pt.sizes[level]);
        this.#leaves += writeRepeated(pt, this.#what, entry, count, level, offset);
        pt.memory.live[unitOf(table)] += count;
        if (this.#what.contig) markRuns(pt, table, entry, count, level);
        last = entry + count;
      }
      this.written += slot !== 0 ? 1 : count;
    }
    for (const [slot, links] of this.#links) if (links < 2) this.#links.delete(slot);
    pt.counters[C.LEAVES_WRITTEN] += this.#leaves;
    return this.#links;
  }

  /** A table without leaves, or with those that a block replaces, goes as it does in a map (io-pgtable-arm.c:arm_lpae_init_pte). */
  #makeWay(table: number, entry: number, level: number, offset: number): void {
    const pt = this.#pt;
    if (pt.memory.kid[entry] === 0) return;
    clearTableEntry(pt, table, entry, level, iovaHiAt(pt, offset), iovaLoAt(pt, offset), pt.sizes[level]);
    pt.syncTable();
  }

  /** Goes through a table of the tree: what is to be written into it, and the tables for that. */
  #plan(table: number, level: number, base: number): boolean {
    const pt = this.#pt;
    const size = pt.sizes[level];
    const [first, last] = this.#indices(level, base);
    for (let index = first; index <= last; index++) {
      const offset = base + index * size;
      const entry = table + index;
      if (this.#isLeaf(level, offset)) {
        const count = this.#leafRun(level, index, last, offset);
        this.#changes.push({ table, entry, level, offset, slot: 0, count });
        index += count - 1;
        continue;
      }
      const present = pt.memory.kid[entry];
      if (present !== 0) {
        if (!this.#plan(present, level + 1, offset)) return false;
        continue;
      }
      const slot = this.#tableFor(level + 1, offset);
      if (slot === 0) return false;
      this.#changes.push({ table, entry, level, offset, slot, count: 0 });
    }
    return true;
  }

  /** Leaves that follow each other from `index` on. */
  #leafRun(level: number, index: number, last: number, offset: number): number {
    const size = this.#pt.sizes[level];
    let count = 1;
    while (index + count <= last && this.#isLeaf(level, offset + count * size)) count++;
    return count;
  }

  /** A new table of `level` for the span at `offset`: shared when it lies inside the range, else of its own. 0 without memory. */
  #tableFor(level: number, offset: number): number {
    const span = this.#pt.sizes[level - 1];
    const { start, end } = this.#what;
    const inside = offset >= start && offset + span <= end;
    if (!inside) return this.#make(level, offset);
    const phase = phaseAt(this.#what, offset);
    let byPhase = this.#byPhase.get(level);
    if (byPhase === undefined) {
      byPhase = new Map();
      this.#byPhase.set(level, byPhase);
    }
    const known = byPhase.get(phase);
    if (known !== undefined) return known;
    const slot = this.#make(level, offset);
    if (slot !== 0) byPhase.set(phase, slot);
    return slot;
  }

  /** Makes the table of `level` for the span at `base`, those below it first. */
  #make(level: number, base: number): number {
    const pt = this.#pt;
    const size = pt.sizes[level];
    const [first, last] = this.#indices(level, base);
    const kids = new Int32Array(last - first + 1);
    if (level < LAST_LEVEL) {
      for (let index = first; index <= last; index++) {
        const offset = base + index * size;
        if (this.#isLeaf(level, offset)) continue;
        const kid = this.#tableFor(level + 1, offset);
        if (kid === 0) return 0;
        kids[index - first] = kid;
      }
    }
    const slot = pt.allocTable(level, pt.granule, GFP_KERNEL);
    if (slot === 0) return 0;
    this.#made.push({ slot, level });
    for (let index = first; index <= last; index++) {
      const kid = kids[index - first];
      if (kid === 0) continue;
      pt.linkPrivately(slot, slot + index, kid);
      this.#link(kid);
    }
    for (let index = first; index <= last; ) {
      if (kids[index - first] !== 0) {
        index++;
        continue;
      }
      let count = 1;
      while (index + count <= last && kids[index + count - first] === 0) count++;
      this.#leaves += writeRepeated(pt, this.#what, slot + index, count, level, base + index * size);
      index += count;
    }
    this.written += last - first + 1;
    pt.memory.live[unitOf(slot)] = entriesInUse(pt, slot, level);
    if (this.#what.contig) markRuns(pt, slot, slot + first, last - first + 1, level);
    pt.syncTable();
    return slot;
  }

  #link(slot: number): void {
    this.#links.set(slot, (this.#links.get(slot) ?? 0) + 1);
  }

  /** First and last index of the table at `base` that the range meets. */
  #indices(level: number, base: number): [number, number] {
    const size = this.#pt.sizes[level];
    const { start, end } = this.#what;
    const first = start <= base ? 0 : Math.floor((start - base) / size);
    return [first, Math.min(this.#pt.entriesAt(level), Math.ceil((end - base) / size)) - 1];
  }

  #isLeaf(level: number, offset: number): boolean {
    if (level === LAST_LEVEL) return true;
    const { start, end } = this.#what;
    if (offset < start || offset + this.#pt.sizes[level] > end) return false;
    return isLeafAt(this.#pt, this.#what, level, phaseAt(this.#what, offset));
  }

  /** Gives tables back that nobody can have seen. */
  giveBack(): void {
    const pt = this.#pt;
    const { reclaim } = pt;
    pt.reclaim = null;
    for (let i = this.#made.length - 1; i >= 0; i--) {
      pt.freeTable(this.#made[i].slot, this.#made[i].level);
    }
    pt.reclaim = reclaim;
    pt.counters[C.CONTIG_RUNS] = this.#runsBefore;
  }
}
