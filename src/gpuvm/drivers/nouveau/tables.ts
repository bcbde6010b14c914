import type { BufferObject } from '../../buffer-object.ts';
import { EMPTY, type OwnPages, type OwnShape, TableBooks, ZEROS } from '../own-tables.ts';
import * as L from './levels.ts';
import { TablePages } from './pages.ts';

/**
 * The page tables of one address space in the layout of GP100 and later (vmmgp100.c:gp100_vmm): root, PD2, PD1, PD0, and below them
 * tables of 4K pages (512 entries) and of 64K pages (32 entries of 8 bytes). Who wants to map takes references to entries first; a
 * table exists as long as the sum of its entries' references is above 0 (vmm.c:nvkm_vmm_ref_ptes, nvkm_vmm_unref_ptes).
 * `flush` is called for every invalidation of the whole address space. Ranges are multiples of the page size.
 */
export class NouveauTables {
  readonly books: TableBooks;
  readonly pages: TablePages;
  readonly #flush: () => void;
  #root: L.Root = { alive: true, refs: 0, kids: [null, null, null, null] };
  /** What the last walk passed. */
  #pd2: L.Directory<L.Directory<L.Pd0>> | null = null;
  #pd1: L.Directory<L.Pd0> | null = null;

  constructor(pages: OwnPages, shape: OwnShape, flush: () => void) {
    this.books = new TableBooks(pages, shape, (census) => L.countTables(this.#root, census));
    this.pages = new TablePages(this.books);
    this.#flush = flush;
    this.books.allocate(0, L.ROOT_BYTES);
    this.books.occupy(1);
  }

  /**
   * Takes a reference to every entry of [start, end) and makes the tables that are missing; false, and nothing is changed, when
   * one cannot be had (vmm.c:nvkm_vmm_ptes_get). One flush when an entry of a directory was written.
   */
  get(start: number, end: number, shift: number): boolean {
    this.books.refuseHopeless(Math.floor((end - start) / (shift === L.HUGE_SHIFT ? L.PD0_SPAN : L.SLOT)));
    const allocs = this.pages.taken;
    const page = 2 ** shift;
    for (let at = start; at < end; ) {
      const pd0 = this.#makePd0(at);
      const next = Math.min(end, this.#endOf(at, shift));
      const table = pd0 === null || shift === L.HUGE_SHIFT ? pd0 : this.#makeEntries(pd0, at, shift);
      if (table === null) {
        this.#dropEmpty(at);
        this.put(start, at, shift);
        return false;
      }
      table.refs += (next - at) / page;
      at = next;
    }
    if (this.pages.taken > allocs) this.#flush();
    return true;
  }

  /** Drops references, and the tables that nobody has any to (vmm.c:nvkm_vmm_ptes_put). One flush for each chain of tables. */
  put(start: number, end: number, shift: number): void {
    const page = 2 ** shift;
    for (let at = start; at < end; ) {
      const next = Math.min(end, this.#endOf(at, shift));
      const pd0 = this.#findPd0(at);
      const table = pd0 === null ? null : L.entriesOf(pd0, at, shift);
      if (pd0 !== null && table !== null) {
        table.refs -= (next - at) / page;
        if (table.refs === 0) this.#dropEntries(pd0, at, shift, table);
      }
      at = next;
    }
  }

  /** Writes the entries of [start, end) for `object` from `offset` on, or for zeros; one flush (vmm.c:nvkm_vmm_ptes_map). */
  map(start: number, end: number, shift: number, object: BufferObject | null, offset: number): void {
    if (start === end) return;
    const page = 2 ** shift;
    let segment = object?.segmentAt(offset) ?? 0;
    for (let at = start; at < end; ) {
      const next = Math.min(end, this.#endOf(at, shift));
      const pd0 = this.#findPd0(at);
      const table = pd0 === null ? null : L.entriesOf(pd0, at, shift);
      if (table !== null) {
        const { entries } = table;
        let fresh = 0;
        let index = L.indexOf(at, shift);
        for (let address = at; address < next; address += page, index++) {
          let paddr = ZEROS;
          if (object !== null) {
            const from = offset + (address - start);
            while (object.starts[segment] + object.sizes[segment] <= from) segment++;
            paddr = object.paddrs[segment] + (from - object.starts[segment]);
          }
          if (entries[index] === EMPTY) fresh++;
          entries[index] = paddr;
        }
        const count = (next - at) / page;
        this.#cleared(count - fresh, shift);
        this.#written(count, shift);
        table.leaves += fresh;
      }
      at = next;
    }
    this.#flush();
  }

  /** Clears the entries of [start, end); one flush (vmm.c:nvkm_vmm_ptes_unmap). */
  unmap(start: number, end: number, shift: number): void {
    if (start === end) return;
    const page = 2 ** shift;
    for (let at = start; at < end; ) {
      const next = Math.min(end, this.#endOf(at, shift));
      const pd0 = this.#findPd0(at);
      const table = pd0 === null ? null : L.entriesOf(pd0, at, shift);
      if (table !== null) {
        const { entries } = table;
        const first = L.indexOf(at, shift);
        const last = first + (next - at) / page;
        let gone = 0;
        for (let index = first; index < last; index++) if (entries[index] !== EMPTY) gone++;
        entries.fill(EMPTY, first, last);
        table.leaves -= gone;
        this.#cleared(gone, shift);
      }
      at = next;
    }
    this.#flush();
  }

  /** Physical address behind an address, -1 when there is none. */
  translate(address: number): number {
    const pd0 = address < 0 || address >= L.PD2_SPAN ? null : this.#findPd0(address);
    if (pd0 === null) return -1;
    for (const shift of [L.HUGE_SHIFT, L.BIG_SHIFT, L.SMALL_SHIFT]) {
      const paddr = L.entriesOf(pd0, address, shift)?.entries[L.indexOf(address, shift)] ?? EMPTY;
      if (paddr >= 0) return paddr + (address % 2 ** shift);
    }
    return -1;
  }

  /** The root goes, and the pages that are kept for later tables; every other table must have gone. */
  destroy(): void {
    this.books.free(0, L.ROOT_BYTES);
    this.books.occupy(-1);
    this.pages.drop();
    this.#root = { alive: false, refs: 0, kids: [] };
  }

  /** Where the table ends that the entry of an address stands in. */
  #endOf(address: number, shift: number): number {
    const span = shift === L.HUGE_SHIFT ? L.PD0_SPAN : L.SLOT;
    return (Math.floor(address / span) + 1) * span;
  }

  #findPd0(address: number): L.Pd0 | null {
    this.#pd2 = this.#root.kids[Math.floor(address / L.PD2_SPAN)] ?? null;
    this.#pd1 = this.#pd2?.kids[Math.floor(address / L.PD1_SPAN) % 512] ?? null;
    return this.#pd1?.kids[Math.floor(address / L.PD0_SPAN) % 512] ?? null;
  }

  /** The PD0 of an address, made when missing; null: no memory, and what was made on the way is still there, without use. */
  #makePd0(address: number): L.Pd0 | null {
    const found = this.#findPd0(address);
    if (found !== null) return found;
    this.#pd2 ??= this.#add<L.Directory<L.Directory<L.Pd0>>>(
      this.#root,
      Math.floor(address / L.PD2_SPAN),
      0,
      L.newDirectory,
    );
    if (this.#pd2 === null) return null;
    this.#pd1 ??= this.#add<L.Directory<L.Pd0>>(this.#pd2, Math.floor(address / L.PD1_SPAN) % 512, 1, L.newDirectory);
    if (this.#pd1 === null) return null;
    return this.#add(this.#pd1, Math.floor(address / L.PD0_SPAN) % 512, 2, L.newPd0);
  }

  #add<Kid>(directory: L.Directory<Kid>, at: number, level: number, make: () => Kid): Kid | null {
    if (!this.pages.take(level)) return null;
    const kid = make();
    directory.kids[at] = kid;
    directory.refs++;
    return kid;
  }

  #makeEntries(pd0: L.Pd0, address: number, shift: number): L.PageEntries | null {
    const found = L.entriesOf(pd0, address, shift);
    if (found !== null) return found;
    const small = shift === L.SMALL_SHIFT;
    const share = small ? null : this.pages.takeShare(3);
    if (small ? !this.pages.take(3) : share === null) return null;
    const table = L.newEntries(small ? 512 : 32, share);
    (small ? pd0.small : pd0.big)[L.indexOf(address, L.HUGE_SHIFT)] = table;
    pd0.refs++;
    return table;
  }

  /** A table has no references any more: it goes, and with it the directories above that have nothing else. */
  #dropEntries(pd0: L.Pd0, address: number, shift: number, table: L.PageEntries): void {
    this.#cleared(table.leaves, shift);
    table.leaves = 0;
    if (shift !== L.HUGE_SHIFT) {
      (shift === L.SMALL_SHIFT ? pd0.small : pd0.big)[L.indexOf(address, L.HUGE_SHIFT)] = null;
      pd0.refs--;
    }
    this.#dropEmpty(address);
    if (table.share !== null) this.pages.putShare(3, table.share);
    else if (shift === L.SMALL_SHIFT) this.pages.put(3);
  }

  /** Frees the directories above an address that have nothing below, and flushes at the one that stays. */
  #dropEmpty(address: number): void {
    const pd0 = this.#findPd0(address);
    const pd1 = this.#pd1;
    const pd2 = this.#pd2;
    const drops0 = pd1 !== null && pd0 !== null && pd0.refs === 0;
    if (drops0) {
      pd1.kids[Math.floor(address / L.PD0_SPAN) % 512] = null;
      pd1.refs--;
    }
    const drops1 = pd2 !== null && pd1 !== null && pd1.refs === 0;
    if (drops1) {
      pd2.kids[Math.floor(address / L.PD1_SPAN) % 512] = null;
      pd2.refs--;
    }
    const drops2 = pd2 !== null && pd2.refs === 0;
    if (drops2) {
      this.#root.kids[Math.floor(address / L.PD2_SPAN)] = null;
      this.#root.refs--;
    }
    // The walker may have kept what the directory that stays pointed to.
    this.#flush();
    if (drops2) this.pages.put(0);
    if (drops1) this.pages.put(1);
    if (drops0) this.pages.put(2);
  }

  #written(count: number, shift: number): void {
    if (count > 0) this.books.written(count, 2 ** shift);
  }

  #cleared(count: number, shift: number): void {
    if (count > 0) this.books.cleared(count, 2 ** shift);
  }
}
