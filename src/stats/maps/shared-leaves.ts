import { sameAttributes } from '../../lpae/format/decode-descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';

/** What all leaves below a table have in common. */
export interface LeavesAlike {
  readonly level: number;
  /** One of them, for its attributes. */
  readonly pteHi: number;
  readonly pteLo: number;
}

/** Looks once at each table that several entries point to. Whatever is shared is mapped from end to end. */
export class SharedLeaves {
  readonly #pt: PageTable;
  readonly #known = new Map<number, LeavesAlike | null>();

  constructor(pt: PageTable) {
    this.#pt = pt;
  }

  /** What the leaves below a shared table have in common; null: they differ, or the table is not shared. */
  below(slot: number, level: number): LeavesAlike | null {
    return this.#pt.sharing?.isShared(slot) ? this.#alike(slot, level) : null;
  }

  #alike(slot: number, level: number): LeavesAlike | null {
    const known = this.#known.get(slot);
    if (known !== undefined) return known;
    const { lo, hi, kid } = this.#pt.memory;
    let all: LeavesAlike | null = null;
    for (let entry = slot; entry < slot + this.#pt.tableEntries; entry++) {
      const one: LeavesAlike | null =
        kid[entry] === 0 ? { level, pteHi: hi[entry], pteLo: lo[entry] } : this.#alike(kid[entry], level + 1);
      const agrees =
        one !== null &&
        (all === null || (all.level === one.level && sameAttributes(all.pteHi, all.pteLo, one.pteHi, one.pteLo)));
      if (!agrees) {
        all = null;
        break;
      }
      all ??= one;
    }
    this.#known.set(slot, all);
    return all;
  }
}
