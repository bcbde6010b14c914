import type { BufferObject } from '../../buffer-object.ts';
import { EMPTY, PAGE, ZEROS } from '../own-tables.ts';

/** Levels as xe counts them: 0 holds pages, 3 is the root. */
export const ROOT_LEVEL = 3;
/** Highest level whose entries may be leaves: 1G (xe_pt.h:MAX_HUGEPTE_LEVEL). */
const HUGE_LEVEL = 2;
export const ENTRIES = 512;
/** Bytes that an entry stands for, by level. */
export const SIZES = [2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39];
const PAGE_64K = 2 ** 16;
/** Bitmap of page sizes; one of 64K is a run of sixteen entries of 4K. */
export const PAGE_SIZES = SIZES[0] + PAGE_64K + SIZES[1] + SIZES[HUGE_LEVEL];

/** Sizes of pages that a mapping uses, as its flags tell: 4K, 2M and 1G by level, and runs of 64K. */
export const USES_64K = 8;

/** One table, in two states: as jobs under way will leave it (`kids`, `live`), and as hardware finds it. */
export interface XeTable {
  readonly level: number;
  readonly kids: (XeTable | null)[];
  /** Entries in use (xe_pt.c:num_live). */
  live: number;
  readonly seenKids: (XeTable | null)[];
  /** Physical addresses of leaves. */
  readonly seen: Float64Array;
  /** Leaves in it. */
  leaves: number;
}

/** A run of entries of one table that a job writes or clears (xe_pt.c:xe_vm_pgtable_update). */
export interface EntryRun {
  readonly table: XeTable;
  readonly first: number;
  count: number;
  /** What entries are written with; null: they are cleared. */
  readonly kids: (XeTable | null)[] | null;
  readonly leaves: number[] | null;
  /** Tables that were there before. */
  readonly old: (XeTable | null)[];
}

/** One bind or unbind of a VMA. */
export class PtOp {
  readonly runs: EntryRun[] = [];

  /** Highest level of a table whose entries change. */
  get level(): number {
    return this.runs.reduce((level, { table }) => Math.max(level, table.level), 0);
  }
}

/** Builds the tables that a range needs (xe_pt.c:xe_pt_stage_bind). */
export class BindWalk {
  readonly #make: (level: number) => XeTable | null;
  /** What is being bound, and where its walk stands in the object. */
  #object: BufferObject | null = null;
  #toOffset = 0;
  #segment = 0;
  #uses = 0;
  #op = new PtOp();
  /** By level: the table in which the walk has inserted last, and its run; null for one that nobody can reach yet. */
  readonly #parents: (XeTable | null)[] = [null, null, null, null];
  readonly #runs: (EntryRun | null)[] = [null, null, null, null];

  /** `make` gives an empty table of a level; null: there is no memory. */
  constructor(make: (level: number) => XeTable | null) {
    this.#make = make;
  }

  /** Sizes of pages that the last range used, as flags. */
  get uses(): number {
    return this.#uses;
  }

  /** Notes in `op` what is to be written for [start, end); false: a table could not be had. */
  run(root: XeTable, start: number, end: number, object: BufferObject | null, offset: number, op: PtOp): boolean {
    this.#op = op;
    this.#object = object;
    this.#toOffset = offset - start;
    this.#segment = object?.segmentAt(offset) ?? 0;
    this.#uses = 0;
    this.#parents.fill(null);
    return this.#bindIn(root, start, end);
  }

  /** Tables of `table` for [start, end), a part of it; false: one could not be had. */
  #bindIn(table: XeTable, start: number, end: number): boolean {
    const { level } = table;
    if (level === 0) {
      this.#bindPages(table, start, end);
      return true;
    }
    const size = SIZES[level];
    for (let at = start; at < end; ) {
      const index = Math.floor(at / size) % ENTRIES;
      const next = Math.min(end, (Math.floor(at / size) + 1) * size);
      const covers = next - at === size;
      if (covers && level <= HUGE_LEVEL && this.#isBlock(at, size)) {
        this.#insert(table, index, null, this.#paddr(at));
        this.#uses |= 1 << level;
      } else {
        // A table whose whole range is mapped anew is replaced.
        let kid = covers ? null : table.kids[index];
        if (kid === null) {
          kid = this.#make(level - 1);
          if (kid === null) return false;
          this.#insert(table, index, kid, EMPTY);
        }
        if (!this.#bindIn(kid, at, next)) return false;
      }
      at = next;
    }
    return true;
  }

  #bindPages(table: XeTable, start: number, end: number): void {
    this.#uses |= 1;
    let index = Math.floor(start / PAGE) % ENTRIES;
    for (let at = start; at < end; at += PAGE, index++) {
      if (at % PAGE_64K === 0 && at + PAGE_64K <= end && this.#isBlock(at, PAGE_64K)) this.#uses |= USES_64K;
      this.#insert(table, index, null, this.#paddr(at));
    }
  }

  /** The `size` bytes from an address lie in one segment, and as an entry of that size needs it. */
  #isBlock(address: number, size: number): boolean {
    const object = this.#object;
    if (object === null) return true;
    const paddr = this.#paddr(address);
    const left = object.starts[this.#segment] + object.sizes[this.#segment] - (address + this.#toOffset);
    return paddr % size === 0 && left >= size;
  }

  #paddr(address: number): number {
    const object = this.#object;
    if (object === null) return ZEROS;
    const offset = address + this.#toOffset;
    const { starts, sizes, paddrs } = object;
    while (starts[this.#segment] + sizes[this.#segment] <= offset) this.#segment++;
    return paddrs[this.#segment] + (offset - starts[this.#segment]);
  }

  /** One entry more: in place where nobody can look yet, else in the run of its table (xe_pt.c:xe_pt_insert_entry). */
  #insert(table: XeTable, index: number, kid: XeTable | null, leaf: number): void {
    const { level } = table;
    if (this.#parents[level] !== table) {
      this.#parents[level] = table;
      const run = { table, first: index, count: 0, kids: [], leaves: [], old: [] };
      this.#runs[level] = run;
      this.#op.runs.push(run);
    }
    if (kid !== null) {
      this.#parents[kid.level] = kid;
      this.#runs[kid.level] = null;
    }
    const run = this.#runs[level];
    if (run !== null) {
      run.count++;
      run.leaves?.push(leaf);
      if (level > 0) run.kids?.push(kid);
      return;
    }
    table.live++;
    if (leaf !== EMPTY) table.leaves++;
    table.seen[index] = leaf;
    if (level === 0) return;
    table.kids[index] = kid;
    table.seenKids[index] = kid;
  }
}

/**
 * Notes in `op` what is to be cleared for [start, end). True: nothing is left in the table but [start, end), so that it goes as a whole
 * (xe_pt.c:xe_pt_stage_unbind, xe_pt_check_kill).
 */
export function unbindIn(table: XeTable, start: number, end: number, op: PtOp): boolean {
  const size = SIZES[table.level];
  let first = Math.floor(start / size);
  let last = Math.ceil(end / size);
  if (table.level > 0) {
    const alone = last - first === 1;
    const partFirst = start % size !== 0 || (alone && end % size !== 0);
    const partLast = !alone && end % size !== 0;
    const kept = last - 1;
    if (partFirst && !unbindKid(table, start, Math.min(end, (first + 1) * size), op)) first++;
    if (partLast && !unbindKid(table, kept * size, end, op)) last--;
  }
  const count = last - first;
  if (count <= 0) return false;
  if (table.level !== ROOT_LEVEL && count === table.live) return true;
  op.runs.push({ table, first: first % ENTRIES, count, kids: null, leaves: null, old: [] });
  return false;
}

function unbindKid(table: XeTable, start: number, end: number, op: PtOp): boolean {
  const kid = table.kids[Math.floor(start / SIZES[table.level]) % ENTRIES];
  return kid !== null && unbindIn(kid, start, end, op);
}
