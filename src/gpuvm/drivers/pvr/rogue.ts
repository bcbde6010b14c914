export const PAGE = 4096;
/** Pages are counted from address 0: 40 bits of address are 28 bits of page number. */
export const VA_BITS = 40;
/** Entries of a page directory and of a page table. */
export const TABLE_ENTRIES = 512;

/** A page directory (L1): 512 page tables, 1 GiB. */
export class RogueDirectory {
  /** Its entry in the catalogue, also after it was unlinked. */
  slot = 0;
  used = 0;
  readonly tables: (RogueTable | null)[] = new Array(TABLE_ENTRIES).fill(null);
}

/** A page table (L0): 512 pages, 2 MiB. An entry is the number of its physical page plus one; 0: not valid. */
export class RogueTable {
  parent: RogueDirectory;
  index = 0;
  used = 0;
  readonly entries = new Float64Array(TABLE_ENTRIES);

  constructor(parent: RogueDirectory) {
    this.parent = parent;
  }
}
