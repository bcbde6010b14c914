import { EMPTY, type OwnCensus } from '../own-tables.ts';
import type { SharedPage } from './pages.ts';

/** Page shifts, and the tables that their entries stand in: small (SPT), large (LPT), and the directory PD0 itself. */
export const SMALL_SHIFT = 12;
export const BIG_SHIFT = 16;
export const HUGE_SHIFT = 21;

/** Bytes that one slot of PD0, PD1, PD2 and the root stands for. */
export const SLOT = 2 ** 21;
export const PD0_SPAN = 2 ** 29;
export const PD1_SPAN = 2 ** 38;
export const PD2_SPAN = 2 ** 47;
/**
 * The same by level as Arm counts them. On level 0 is PD2, and above it the root, of which one entry is used; level 3 has tables of 4K and
 * of 64K pages side by side.
 */
export const ENTRY_SPANS: readonly (number | null)[] = [PD1_SPAN, PD0_SPAN, SLOT, null];
export const PD0_SLOTS = PD0_SPAN / SLOT;
/** Four entries of 8 bytes. */
export const ROOT_BYTES = 32;

/** Entries of 4K or of 64K pages below a slot of PD0; it lives as long as anybody has a reference to one of them. */
export interface PageEntries {
  refs: number;
  /** Entries that are not EMPTY. */
  leaves: number;
  readonly entries: Float64Array;
  /** The page that it shares; null where it has one of its own. */
  readonly share: SharedPage | null;
}

/** PD0: 2M pages, and in each slot two tables side by side. References: its 2M entries' and one for each table. */
export interface Pd0 extends PageEntries {
  readonly small: (PageEntries | null)[];
  readonly big: (PageEntries | null)[];
}

/** A directory of directories; a reference for each. */
export interface Directory<Kid> {
  refs: number;
  readonly kids: (Kid | null)[];
}

/** Four slots, of which 47 bits reach the first. */
export interface Root extends Directory<Directory<Directory<Pd0>>> {
  /** Until the address space is destroyed. */
  alive: boolean;
}

export function newDirectory<Kid>(): Directory<Kid> {
  return { refs: 0, kids: new Array(512).fill(null) };
}

export function newEntries(count: number, share: SharedPage | null): PageEntries {
  return { refs: 0, leaves: 0, entries: new Float64Array(count).fill(EMPTY), share };
}

export function newPd0(): Pd0 {
  const none: null[] = new Array(PD0_SLOTS).fill(null);
  return { ...newEntries(PD0_SLOTS, null), small: [...none], big: [...none] };
}

/** The table of entries of a page size below PD0, which is that of the largest pages itself. */
export function entriesOf(pd0: Pd0, address: number, shift: number): PageEntries | null {
  if (shift === HUGE_SHIFT) return pd0;
  return (shift === SMALL_SHIFT ? pd0.small : pd0.big)[indexOf(address, HUGE_SHIFT)];
}

/** Index of an address's entry in its table: 256, 32 or 512 of them. */
export function indexOf(address: number, shift: number): number {
  const entries = shift === HUGE_SHIFT ? PD0_SLOTS : shift === BIG_SHIFT ? 32 : 512;
  return Math.floor(address / 2 ** shift) % entries;
}

/** Adds what stands below a root. */
export function countTables(root: Root, census: OwnCensus): void {
  const { tables, leaves } = census;
  if (root.alive) tables[0]++;
  for (const pd2 of root.kids) {
    if (pd2 === null) continue;
    tables[0]++;
    let below2 = 0;
    for (const pd1 of pd2.kids) {
      if (pd1 === null) continue;
      tables[1]++;
      let below1 = 0;
      for (const pd0 of pd1.kids) {
        if (pd0 === null) continue;
        tables[2]++;
        leaves[2] += pd0.leaves;
        let below0 = pd0.leaves;
        for (const table of [...pd0.small, ...pd0.big]) {
          if (table === null) continue;
          tables[3]++;
          leaves[3] += table.leaves;
          below0 += table.leaves;
          if (table.leaves === 0) census.emptyTables++;
        }
        if (below0 === 0) census.emptyTables++;
        below1 += below0;
      }
      if (below1 === 0) census.emptyTables++;
      below2 += below1;
    }
    if (below2 === 0) census.emptyTables++;
  }
}
