import type { TableBooks } from '../own-tables.ts';

/** Bytes of a table, and of one of 64K pages, of which 16 share a page. */
export const TABLE_BYTES = 4096;
export const BIG_TABLE_BYTES = 256;
const SHARES = TABLE_BYTES / BIG_TABLE_BYTES;
/** Idle pages that are kept (base.c:nvkm_mmu_ptc_put). */
const KEPT = 8;

/** A page that is cut into tables of 64K pages. */
export interface SharedPage {
  free: number;
}

/**
 * Where nouveau's tables come from. Pages that were tables are kept for later ones, up to eight (base.c:nvkm_mmu_ptc_get, ..._put):
 * SPT, PD0, PD1 and PD2 are of one size and share the list, as do the pages that tables of 64K pages are cut from
 * (nvkm_mmu_ptp_get). In the kernel the list is the device's; here each address space has its own.
 */
export class TablePages {
  /** Tables handed out so far. */
  taken = 0;
  /** Pages kept. */
  idle = 0;
  readonly #books: TableBooks;
  /** Cut pages with room, the one to take from next last. */
  readonly #open: SharedPage[] = [];

  constructor(books: TableBooks) {
    this.#books = books;
  }

  /** A table of 4096 bytes for a level; false: no memory. */
  take(level: number): boolean {
    if (!this.#books.allocate(level, TABLE_BYTES)) return false;
    this.taken++;
    this.#takePage();
    return true;
  }

  put(level: number): void {
    this.#books.free(level, TABLE_BYTES);
    this.#putPage();
  }

  /** Room for a table of 64K pages; null: no memory. */
  takeShare(level: number): SharedPage | null {
    if (!this.#books.allocate(level, BIG_TABLE_BYTES)) return null;
    this.taken++;
    let page = this.#open.at(-1);
    if (page === undefined) {
      this.#takePage();
      page = { free: SHARES };
      this.#open.push(page);
    }
    if (--page.free === 0) this.#open.pop();
    return page;
  }

  putShare(level: number, page: SharedPage): void {
    this.#books.free(level, BIG_TABLE_BYTES);
    if (page.free++ === 0) this.#open.push(page);
    if (page.free < SHARES) return;
    this.#open.splice(this.#open.indexOf(page), 1);
    this.#putPage();
  }

  /** Gives up what is kept. */
  drop(): void {
    this.#books.occupy(-this.idle);
    this.idle = 0;
  }

  #takePage(): void {
    if (this.idle > 0) this.idle--;
    else this.#books.occupy(1);
  }

  #putPage(): void {
    if (this.idle < KEPT) this.idle++;
    else this.#books.occupy(-1);
  }
}
