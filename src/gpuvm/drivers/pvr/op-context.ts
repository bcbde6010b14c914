import { EEXIST, EINVAL, ENOMEM } from '../../../base/vocabulary.ts';
import type { BufferObject } from '../../buffer-object.ts';
import { PAGE, type RogueDirectory, type RogueTable, TABLE_ENTRIES } from './rogue.ts';
import type { PvrTables } from './tables.ts';

/** In place of an errno: the kernel dereferenced NULL. */
export const OOPS = 1;

const INDEX_MASK = TABLE_ENTRIES - 1;
const DIRECTORY_MASK = TABLE_ENTRIES * TABLE_ENTRIES - 1;

/** Directories to reserve for `size` bytes from an offset of an object (pvr_mmu.c:pvr_mmu_op_context_create): u32 arithmetic. */
export function reservedDirectories(offset: number, size: number): number {
  return (directoryIndex(offset + size) - directoryIndex(offset) + 1) >>> 0;
}

/** Page tables to reserve: as above. The index has 9 bits, so that the difference wraps where 1 GiB is crossed. */
export function reservedTables(offset: number, size: number): number {
  return (tableIndex(offset + size) - tableIndex(offset) + 1) >>> 0;
}

function directoryIndex(bytes: number): number {
  return Math.floor(bytes / 2 ** 30) & 1023;
}

function tableIndex(bytes: number): number {
  return Math.floor(bytes / 2 ** 21) & 511;
}

/**
 * One MMU operation of PowerVR (pvr_mmu.c:pvr_mmu_op_context): a cursor that steps from page to page and keeps the tables
 * that it stands in, and the tables reserved for the operation, which it takes where some are missing. Its error paths
 * are modelled with the holes that they have. Reserved tables are all alike, so the two lists are two numbers.
 */
export class PvrOpContext {
  /** Tables taken from the lists. */
  usedDirectories = 0;
  usedTables = 0;
  /** Tables taken and unlinked again by a rollback. */
  takenAndFreed = 0;
  /** A list was empty when a table was wanted. */
  ranShort = false;
  readonly #tables: PvrTables;
  #directoriesLeft = 0;
  #tablesLeft = 0;
  /** The cursor: a page, and the tables above it as far as they were loaded. */
  #page = 0;
  #directory: RogueDirectory | null = null;
  #table: RogueTable | null = null;
  #rollingBack = false;

  constructor(tables: PvrTables) {
    this.#tables = tables;
  }

  /** Begins an operation with so many tables reserved (pvr_mmu.c:pvr_mmu_op_context_create). */
  begin(directories: number, tables: number): void {
    this.#directoriesLeft = directories;
    this.#tablesLeft = tables;
    this.usedDirectories = 0;
    this.usedTables = 0;
    this.takenAndFreed = 0;
    this.ranShort = false;
  }

  /** What was reserved and not taken, and what was unlinked, is freed (pvr_mmu.c:pvr_mmu_op_context_destroy): how many were not taken. */
  end(): number {
    const left = this.#directoriesLeft + this.#tablesLeft;
    this.#directoriesLeft = 0;
    this.#tablesLeft = 0;
    this.#directory = null;
    this.#table = null;
    this.#tables.freeUnlinked();
    return left;
  }

  /**
   * Maps `size` bytes of an object from `offset` at a page, segment by segment (pvr_mmu.c:pvr_mmu_map). 0, an errno, or
   * OOPS. A segment that fails behind its first page is taken back and then reported as mapped.
   */
  map(page: number, object: BufferObject, offset: number, size: number): number {
    let ret = this.#setCursor(page, true);
    if (ret !== 0) return -EINVAL;
    const directory = this.#directory;
    const table = this.#table;
    const { starts, paddrs, sizes } = object;
    let segment = object.segmentAt(offset);
    let skip = segment === starts.length ? 0 : offset - starts[segment];
    let mapped = 0;
    for (; segment < starts.length; segment++) {
      const length = Math.min(sizes[segment] - skip, size - mapped);
      if (length === 0) continue;
      ret = this.#mapSegment(paddrs[segment] + skip, length / PAGE);
      if (ret !== 0) break;
      skip = 0;
      mapped += length;
      if (mapped >= size) break;
      ret = this.#nextPage(true);
      if (ret !== 0) break;
    }
    if (ret >= 0 || mapped === 0) return ret;
    return this.#rollBack(page, directory, table, mapped / PAGE) === OOPS ? OOPS : ret;
  }

  /** Unmaps pages from one on (pvr_mmu.c:pvr_mmu_unmap): 0 or OOPS. */
  unmap(page: number, pages: number): number {
    this.#setCursor(page, false);
    return this.#clearFromCursor(pages);
  }

  /** Maps the pages of one segment from the cursor on, which ends on the last of them (pvr_mmu.c:pvr_mmu_map_sgl). */
  #mapSegment(paddr: number, pages: number): number {
    const first = this.#page;
    const directory = this.#directory;
    const table = this.#table;
    let done = 0;
    for (;;) {
      if (this.#table === null) return OOPS;
      const run = Math.min(TABLE_ENTRIES - (this.#page & INDEX_MASK), pages - done);
      const written = this.#tables.write(this.#table, this.#page, run, paddr + done * PAGE);
      done += written;
      let ret = -EEXIST;
      if (written === run) {
        this.#page += run - 1;
        if (done === pages) return 0;
        ret = this.#nextPage(true);
        if (ret === 0) continue;
      }
      if (ret === OOPS || done === 0) return ret;
      // How the rollback ends overwrites why there was one.
      return this.#rollBack(first, directory, table, done);
    }
  }

  /** Takes pages back from a cursor that was saved when they were not mapped yet. */
  #rollBack(page: number, directory: RogueDirectory | null, table: RogueTable | null, pages: number): number {
    this.#page = page;
    this.#directory = directory;
    this.#table = table;
    this.#rollingBack = true;
    const ret = this.#clearFromCursor(pages);
    this.#rollingBack = false;
    return ret;
  }

  /**
   * Clears pages from the cursor on (pvr_mmu.c:pvr_mmu_op_context_unmap_curr_page). Only the first page is checked for a missing
   * table: the look-up of the others hides that there is none.
   */
  #clearFromCursor(pages: number): number {
    let left = pages;
    if (this.#table === null) {
      if (--left === 0) return 0;
      const ret = this.#nextPage(false);
      if (ret !== 0) return ret;
    }
    for (;;) {
      const table = this.#table;
      if (table === null) return OOPS;
      const run = Math.min(TABLE_ENTRIES - (this.#page & INDEX_MASK), left);
      const before = table.used;
      const past = this.#tables.clear(table, this.#page, run);
      if (before > 0 && table.used === 0) this.#unlink(table);
      // The entries behind the last valid one have no table any more.
      if (past < run) return OOPS;
      left -= run;
      this.#page += run - 1;
      if (left === 0) return 0;
      const ret = this.#nextPage(false);
      if (ret !== 0) return ret;
    }
  }

  #unlink(table: RogueTable): void {
    this.#table = null;
    if (this.#rollingBack) this.takenAndFreed++;
    else this.#tables.noteFreed(this.#page);
    if (!this.#tables.unlinkTable(table)) return;
    this.#directory = null;
    if (this.#rollingBack) this.takenAndFreed++;
  }

  /** pvr_mmu.c:pvr_mmu_op_context_set_curr_page. */
  #setCursor(page: number, insert: boolean): number {
    this.#page = page;
    return this.#loadDirectory(insert);
  }

  /** Steps to the next page; tables are looked up at their borders only (pvr_mmu.c:pvr_mmu_op_context_next_page). */
  #nextPage(insert: boolean): number {
    this.#page++;
    if ((this.#page & INDEX_MASK) !== 0) return 0;
    return (this.#page & DIRECTORY_MASK) === 0 ? this.#loadDirectory(insert) : this.#loadTable(insert, false);
  }

  /** Looks up both tables above the cursor, and inserts what is missing (pvr_mmu.c:pvr_mmu_op_context_load_tables). */
  #loadDirectory(insert: boolean): number {
    this.#table = null;
    this.#directory = this.#tables.directoryOf(this.#page);
    if (this.#directory !== null) return this.#loadTable(insert, false);
    if (!insert) return 0;
    if (this.#directoriesLeft === 0) return this.#short();
    this.#directoriesLeft--;
    this.usedDirectories++;
    this.#directory = this.#tables.linkDirectory(this.#page);
    return this.#loadTable(true, true);
  }

  /** `inserted`: the directory is new, and goes again when there is no page table for it. */
  #loadTable(insert: boolean, inserted: boolean): number {
    this.#table = null;
    const directory = this.#directory;
    if (directory === null) return OOPS;
    this.#table = this.#tables.tableOf(directory, this.#page);
    if (this.#table !== null || !insert) return 0;
    if (this.#tablesLeft === 0) {
      if (inserted) {
        this.#tables.unlinkDirectory(directory);
        this.#directory = null;
        this.takenAndFreed++;
      }
      return this.#short();
    }
    this.#tablesLeft--;
    this.usedTables++;
    this.#table = this.#tables.linkTable(directory, this.#page);
    return 0;
  }

  #short(): number {
    this.ranShort = true;
    return -ENOMEM;
  }
}
