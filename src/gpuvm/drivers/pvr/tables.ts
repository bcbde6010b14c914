import * as C from '../../../lpae/counters.ts';
import type { OwnTable } from '../../gpu-vm.ts';
import { PAGE, RogueDirectory, RogueTable, TABLE_ENTRIES, VA_BITS } from './rogue.ts';
import { TableCounts } from './table-counts.ts';

/** Entries of a page catalogue. */
const CATALOGUE_ENTRIES = 1024;
const INDEX_BITS = 9;
const DIRECTORY_SHIFT = 2 * INDEX_BITS;
const INDEX_MASK = TABLE_ENTRIES - 1;

/** The tables as Arm counts levels: catalogue, directories, page tables. */
const CATALOGUE = 1;
const DIRECTORY = 2;
const PAGE_TABLE = 3;

const ENTRY_SPANS = [null, 2 ** 30, 2 ** 21, PAGE];

/**
 * The page tables of one PowerVR address space, in Rogue's own format (pvr_mmu.c): a catalogue (L2) of 1 GiB entries,
 * directories (L1) of 2 MiB entries, page tables (L0) of 4K pages, and no larger leaf. A table that holds no valid entry
 * any more is unlinked from the one above; the catalogue stays.
 */
export class PvrTables implements OwnTable {
  readonly #counts = new TableCounts();
  readonly counters = this.#counts.counters;
  readonly startLevel = CATALOGUE;
  readonly granule = PAGE;
  readonly pgsizes = PAGE;
  readonly ias = VA_BITS;
  readonly entrySpans = ENTRY_SPANS;
  readonly countsCalls = true;
  failAllocIn = 0;
  /** Page tables linked where an unmap had freed one. */
  recreated = 0;
  /** Tables that the last `missing` found to be none. */
  missingDirectories = 0;
  missingTables = 0;
  #catalogue: (RogueDirectory | null)[] = new Array(CATALOGUE_ENTRIES).fill(null);
  /** Unlinked by the operation at hand, which frees them at its end. */
  readonly #unlinkedDirectories: RogueDirectory[] = [];
  readonly #unlinkedTables: RogueTable[] = [];
  /** Freed, with no valid entry: used again. */
  readonly #spareDirectories: RogueDirectory[] = [];
  readonly #spareTables: RogueTable[] = [];
  /** 2 MiB slots whose table an unmap freed. */
  readonly #freedSlots = new Set<number>();

  constructor() {
    this.#counts.made(CATALOGUE);
  }

  /** So many tables are asked for, one by one; false: one of them cannot be had, and the others go back. */
  canReserve(tables: number): boolean {
    if (this.failAllocIn === 0) return true;
    if (this.failAllocIn > tables) {
      this.failAllocIn -= tables;
      return true;
    }
    this.failAllocIn = 0;
    this.counters[C.TABLE_ALLOC_FAILS]++;
    return false;
  }

  /** Live tables, the catalogue left out. */
  get directories(): number {
    return this.#counts.live(DIRECTORY);
  }

  get tables(): number {
    return this.#counts.live(PAGE_TABLE);
  }

  /** Valid entries of all page tables. */
  get pages(): number {
    return this.#counts.pages;
  }

  directoryOf(page: number): RogueDirectory | null {
    return this.#catalogue[page >> DIRECTORY_SHIFT];
  }

  tableOf(directory: RogueDirectory, page: number): RogueTable | null {
    return directory.tables[(page >> INDEX_BITS) & INDEX_MASK];
  }

  /** Physical address behind an address, -1 when nothing is mapped there. */
  translate(address: number): number {
    const page = Math.floor(address / PAGE);
    const directory = address < 2 ** VA_BITS ? this.directoryOf(page) : null;
    const entry = (directory && this.tableOf(directory, page))?.entries[page & INDEX_MASK] ?? 0;
    return entry === 0 ? -1 : (entry - 1) * PAGE + (address % PAGE);
  }

  /** A new directory above a page (pvr_mmu.c:pvr_page_table_l2_insert). */
  linkDirectory(page: number): RogueDirectory {
    const directory = this.#spareDirectories.pop() ?? new RogueDirectory();
    directory.slot = page >> DIRECTORY_SHIFT;
    this.#catalogue[directory.slot] = directory;
    this.#counts.made(DIRECTORY);
    return directory;
  }

  /** A new page table above a page (pvr_mmu.c:pvr_page_table_l1_insert). */
  linkTable(directory: RogueDirectory, page: number): RogueTable {
    const table = this.#spareTables.pop() ?? new RogueTable(directory);
    table.parent = directory;
    table.index = (page >> INDEX_BITS) & INDEX_MASK;
    directory.tables[table.index] = table;
    directory.used++;
    this.#counts.made(PAGE_TABLE);
    if (this.#freedSlots.delete(page >> INDEX_BITS)) this.recreated++;
    return table;
  }

  /** Unlinks an empty page table, and its directory once that is empty too; true when it is (pvr_mmu.c:pvr_page_table_l1_remove). */
  unlinkTable(table: RogueTable): boolean {
    const { parent } = table;
    parent.tables[table.index] = null;
    this.#unlinkedTables.push(table);
    if (--parent.used > 0) return false;
    this.unlinkDirectory(parent);
    return true;
  }

  /** Unlinks an empty directory (pvr_mmu.c:pvr_page_table_l2_remove). */
  unlinkDirectory(directory: RogueDirectory): void {
    this.#catalogue[directory.slot] = null;
    this.#unlinkedDirectories.push(directory);
  }

  /** Notes that an unmap, and no rollback, has freed the page table of a page. */
  noteFreed(page: number): void {
    this.#freedSlots.add(page >> INDEX_BITS);
  }

  /** Frees what was unlinked. */
  freeUnlinked(): void {
    for (const table of this.#unlinkedTables) this.#spareTables.push(table);
    for (const directory of this.#unlinkedDirectories) this.#spareDirectories.push(directory);
    this.#counts.freed(PAGE_TABLE, this.#unlinkedTables.length);
    this.#counts.freed(DIRECTORY, this.#unlinkedDirectories.length);
    this.#unlinkedTables.length = 0;
    this.#unlinkedDirectories.length = 0;
  }

  /** Writes up to `count` entries of a table from a page on, as far as none is valid; how many (pvr_mmu.c:pvr_page_create). */
  write(table: RogueTable, page: number, count: number, paddr: number): number {
    const { entries } = table;
    const first = page & INDEX_MASK;
    let entry = paddr / PAGE + 1;
    let done = 0;
    for (; done < count && entries[first + done] === 0; done++) entries[first + done] = entry++;
    table.used += done;
    this.#counts.written(done);
    return done;
  }

  /**
   * Clears what is valid of `count` entries of a table from a page on, one by one, until the table is empty
   * (pvr_mmu.c:pvr_page_destroy): how many it came past. The caller unlinks an empty table.
   */
  clear(table: RogueTable, page: number, count: number): number {
    const { entries, used } = table;
    const first = page & INDEX_MASK;
    let left = used;
    let past = 0;
    while (past < count && (left > 0 || used === 0)) {
      if (entries[first + past] !== 0) {
        entries[first + past] = 0;
        left--;
      }
      past++;
    }
    table.used = left;
    this.#counts.cleared(used - left);
    return past;
  }

  /** Counts the tables that a range needs and that are not there. */
  missing(page: number, pages: number): void {
    this.missingDirectories = 0;
    this.missingTables = 0;
    const last = (page + pages - 1) >> INDEX_BITS;
    for (let slot = page >> INDEX_BITS; slot <= last; ) {
      const directory = this.#catalogue[slot >> INDEX_BITS];
      const end = Math.min(last, slot | INDEX_MASK) + 1;
      if (directory === null) {
        this.missingDirectories++;
        this.missingTables += end - slot;
      } else {
        for (let at = slot; at < end; at++) if (directory.tables[at & INDEX_MASK] === null) this.missingTables++;
      }
      slot = end;
    }
  }

  leafSizes(): ReadonlyMap<number, number> {
    return new Map([[PAGE, this.pages]]);
  }

  census(): { tables: number[]; leaves: number[]; emptyTables: number } {
    const census = {
      tables: [0, 1 - this.counters[C.LEVEL_FREES + CATALOGUE], 0, 0],
      leaves: [0, 0, 0, 0],
      emptyTables: 0,
    };
    for (const directory of this.#catalogue) {
      if (directory === null) continue;
      census.tables[DIRECTORY]++;
      let leaves = 0;
      for (const table of directory.tables) {
        if (table === null) continue;
        census.tables[PAGE_TABLE]++;
        leaves += table.used;
        if (table.used === 0) census.emptyTables++;
      }
      if (leaves === 0) census.emptyTables++;
      census.leaves[PAGE_TABLE] += leaves;
    }
    return census;
  }

  /** Everything goes, also what is still mapped (pvr_mmu.c:pvr_mmu_context_destroy). */
  destroy(): void {
    const { tables, leaves } = this.census();
    this.freeUnlinked();
    for (const level of [PAGE_TABLE, DIRECTORY, CATALOGUE]) this.#counts.freed(level, tables[level]);
    this.#counts.cleared(leaves[PAGE_TABLE]);
    this.#catalogue = new Array(CATALOGUE_ENTRIES).fill(null);
  }
}
