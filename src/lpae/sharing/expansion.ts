import { LAST_LEVEL, LEVELS } from '../format/geometry.ts';
import type { PageTable } from '../page-table.ts';
import { unitOf } from '../table/memory.ts';

/** Entries below a table, each counted for every address that it stands for: leaves by level, and links to tables. */
export interface Expansion {
  readonly leaves: readonly number[];
  readonly links: number;
}

/** Entries of page tables with shared tables as if each of those were there for every entry that points to it. */
class Expander {
  readonly #pt: PageTable;
  readonly #known = new Map<number, Expansion>();

  constructor(pt: PageTable) {
    this.#pt = pt;
  }

  below(slot: number, level: number): Expansion {
    const found = this.#known.get(slot);
    if (found !== undefined) return found;
    const pt = this.#pt;
    const { lo, kid, live } = pt.memory;
    const leaves = new Array<number>(LEVELS).fill(0);
    let links = 0;
    let left = live[unitOf(slot)];
    if (level === LAST_LEVEL) leaves[level] = left;
    else {
      for (let entry = slot; left > 0; entry++) {
        if (lo[entry] === 0) continue;
        left--;
        if (kid[entry] === 0) {
          leaves[level]++;
          continue;
        }
        const { leaves: more, links: deeper } = this.below(kid[entry], level + 1);
        for (let at = level + 1; at < LEVELS; at++) leaves[at] += more[at];
        links += 1 + deeper;
      }
    }
    const expansion = { leaves, links };
    if (pt.sharing?.isShared(slot)) this.#known.set(slot, expansion);
    return expansion;
  }
}

/** What a page table expands to, found without expanding it. */
export function expansionOf(pt: PageTable): Expansion {
  if (pt.root === 0) return { leaves: new Array<number>(LEVELS).fill(0), links: 0 };
  return new Expander(pt).below(pt.root, pt.startLevel);
}

/** Leaves of a page table by level, one for each address that they stand for. */
export function translatedLeaves(pt: PageTable): readonly number[] {
  return expansionOf(pt).leaves;
}

/** Below one table of it: leaves by level and addresses. */
export function translatedBelow(pt: PageTable, slot: number, level: number): readonly number[] {
  return new Expander(pt).below(slot, level).leaves;
}
