import * as C from '../../../lpae/counters.ts';
import type { BufferObject } from '../../buffer-object.ts';
import { EMPTY, type OwnCensus, type OwnPages, PAGE, TableBooks } from '../own-tables.ts';
import {
  BindWalk,
  ENTRIES,
  type EntryRun,
  PAGE_SIZES,
  PtOp,
  ROOT_LEVEL,
  SIZES,
  unbindIn,
  type XeTable,
} from './walks.ts';

/**
 * The page tables of one address space of 48 bits (xe_pt.c). Binds build the tables that are missing and unbinds take those away that
 * nothing else uses, at once but where hardware does not look; entries of tables that it can reach are written by jobs, in
 * the order of the operations. Tables taken away are freed by the caller when the job that unlinked them has run, as their
 * memory waits for its fence. Tables of level 0 always have 512 entries of 4K: the compact layout of 64K pages is not used.
 */
export class XeTables {
  readonly books: TableBooks;
  readonly #root: XeTable;
  readonly #walk = new BindWalk((level) => this.#make(level));

  /** `ias`: bits of the addresses, up to 48. */
  constructor(pages: OwnPages, ias: number) {
    const shape = { pgsizes: PAGE_SIZES, ias, entrySpans: [...SIZES].reverse(), countsCalls: false };
    this.books = new TableBooks(pages, shape, (census) => this.#census(census));
    this.#root = this.#make(ROOT_LEVEL) as XeTable;
  }

  /** Sizes of pages that the last bind used, as flags. */
  get uses(): number {
    return this.#walk.uses;
  }

  /**
   * Builds what [start, end) needs to map `object` from `offset` on, or zeros; null, and nothing is changed, when a table
   * cannot be had.
   */
  bind(start: number, end: number, object: BufferObject | null, offset: number): PtOp | null {
    const op = new PtOp();
    if (!this.#walk.run(this.#root, start, end, object, offset, op)) {
      for (const { kids } of op.runs) for (const kid of kids ?? []) if (kid !== null) this.free(kid);
      return null;
    }
    for (const run of op.runs) {
      run.table.live += run.count;
      this.#install(run);
    }
    return op;
  }

  /** Takes [start, end), which is bound as a whole, out of the tables. */
  unbind(start: number, end: number): PtOp {
    const op = new PtOp();
    unbindIn(this.#root, start, end, op);
    for (const run of op.runs) {
      run.table.live -= run.count;
      this.#install(run);
    }
    return op;
  }

  /** Undoes an operation that no job has written, and frees what it had made (xe_pt.c:xe_pt_abort_bind, ..._unbind). */
  abort({ runs }: PtOp): void {
    for (const run of [...runs].reverse()) {
      const { table, first, count, kids, old } = run;
      table.live += kids === null ? count : -count;
      for (let at = 0; at < old.length; at++) {
        const kid = table.kids[first + at];
        table.kids[first + at] = old[at];
        if (kids !== null && kid !== null) this.free(kid);
      }
    }
  }

  /** Writes the entries of an operation, as its job does. */
  write({ runs }: PtOp): void {
    const { books } = this;
    for (const { table, first, count, kids, leaves } of runs) {
      const size = SIZES[table.level];
      let written = 0;
      let cleared = 0;
      for (let at = 0; at < count; at++) {
        const index = first + at;
        if (table.seen[index] !== EMPTY) cleared++;
        const gone = table.level > 0 ? table.seenKids[index] : null;
        if (gone !== null) this.#count(gone, false);
        table.seen[index] = leaves === null ? EMPTY : leaves[at];
        if (table.seen[index] !== EMPTY) written++;
        if (table.level === 0) continue;
        const kid = kids === null ? null : kids[at];
        table.seenKids[index] = kid;
        if (kid !== null) this.#count(kid, true);
      }
      table.leaves += written - cleared;
      books.cleared(cleared, size);
      books.written(written, size);
    }
  }

  /** Frees a table and all below. */
  free(table: XeTable): void {
    this.books.free(ROOT_LEVEL - table.level, PAGE);
    this.books.occupy(-1);
    for (const kid of table.kids) if (kid !== null) this.free(kid);
  }

  /** Physical address behind an address as hardware finds it, -1 when there is none. */
  translate(address: number): number {
    if (address < 0 || address >= SIZES[ROOT_LEVEL] * ENTRIES) return -1;
    let table: XeTable | null = this.#root;
    while (table !== null) {
      const size: number = SIZES[table.level];
      const index: number = Math.floor(address / size) % ENTRIES;
      if (table.seen[index] !== EMPTY) return table.seen[index] < 0 ? -1 : table.seen[index] + (address % size);
      table = table.level === 0 ? null : table.seenKids[index];
    }
    return -1;
  }

  /** Everything goes. */
  destroy(): void {
    this.#count(this.#root, false);
    this.free(this.#root);
    this.#root.kids.fill(null);
    this.#root.seenKids.fill(null);
    this.#root.seen.fill(EMPTY);
    this.#root.leaves = 0;
  }

  #make(level: number): XeTable | null {
    if (!this.books.allocate(ROOT_LEVEL - level, PAGE)) return null;
    this.books.occupy(1);
    const kids: null[] = level === 0 ? [] : new Array(ENTRIES).fill(null);
    return {
      level,
      kids,
      live: 0,
      seenKids: level === 0 ? [] : [...kids],
      seen: new Float64Array(ENTRIES).fill(EMPTY),
      leaves: 0,
    };
  }

  /** Links the tables of a run in the state that later operations see. */
  #install({ table, first, count, kids, old }: EntryRun): void {
    if (table.level === 0) return;
    for (let at = 0; at < count; at++) {
      old.push(table.kids[first + at]);
      table.kids[first + at] = kids === null ? null : kids[at];
    }
  }

  /** All leaves below a table appear to hardware, or vanish. */
  #count(table: XeTable, appear: boolean): void {
    const { level, leaves } = table;
    if (leaves > 0) {
      if (appear) this.books.written(leaves, SIZES[level]);
      else this.books.cleared(leaves, SIZES[level]);
    }
    for (const kid of table.seenKids) if (kid !== null) this.#count(kid, appear);
  }

  #census(census: OwnCensus): void {
    const { books } = this;
    for (let level = 0; level <= ROOT_LEVEL; level++) census.tables[level] = books.live(level);
    let used = 0;
    const visit = (table: XeTable): boolean => {
      census.leaves[ROOT_LEVEL - table.level] += table.leaves;
      let hasLeaf = table.leaves > 0;
      for (const kid of table.seenKids) if (kid !== null && visit(kid)) hasLeaf = true;
      if (hasLeaf && table !== this.#root) used++;
      return hasLeaf;
    };
    visit(this.#root);
    census.emptyTables = Math.max(0, books.counters[C.TABLES_LIVE] - 1 - used);
  }
}
