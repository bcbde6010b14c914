import { usageError } from '../../base/errors.ts';
import { grouped } from '../../base/sizes.ts';
import { addHi, addLo, compare64 } from '../../base/u64.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { expansionOf } from '../../lpae/sharing/expansion.ts';
import type { Entry } from '../../lpae/visit.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import type { DumpFilter } from './filter.ts';
import { shownTable } from './spaces.ts';
import type { DumpRequest } from './view.ts';

/** Entries that a view shows at most where shared tables are shown at every address that they stand for. */
const MOST_EXPANDED = 1_000_000;

/**
 * Throws a usage error where a view that shows every address by itself would have to show millions, since a few shared
 * tables stand for them. A range of IOVAs is the reader's own limit; `--expand` asks for all.
 */
export function checkExpansion(spaces: readonly AddressSpace[], request: DumpRequest): void {
  if (request.expand || request.filter.iova !== null) return;
  for (const space of spaces) {
    const table = shownTable(space);
    if (table === null || table.sharing === null || table.sharing.tables === 0) continue;
    const { leaves, links } = expansionOf(table);
    const entries = leaves.reduce((sum, count) => sum + count, links);
    if (entries <= MOST_EXPANDED) continue;
    throw usageError(
      `shared tables of domain ${JSON.stringify(space.id)} stand for ${grouped(entries)} entries; --view tree shows each table once, --iova a part, --expand all of them`,
    );
  }
}

/** A shared table as a dump names it, where each is shown once. */
export interface SharedTable {
  /** Counts from 1 in the order in which they are met. */
  readonly number: number;
  /** Entries that point to it. */
  readonly links: number;
}

/** The shared tables that a view has shown, so that it shows each of them once. */
export class ShownOnce {
  readonly #pt: PageTable;
  readonly #filter: DumpFilter;
  readonly #shown = new Map<number, SharedTable>();
  /** The entry at hand points to a table that has been shown. */
  again = false;

  constructor(pt: PageTable, filter: DumpFilter) {
    this.#pt = pt;
    this.#filter = filter;
  }

  /** Meets an entry before what is below it; the table that it points to, when that is shared. */
  meet(entry: Readonly<Entry>): SharedTable | null {
    this.again = false;
    const { sharing } = this.#pt;
    if (sharing === null || entry.kid === 0 || !sharing.isShared(entry.kid) || !this.#whole(entry)) return null;
    const known = this.#shown.get(entry.kid);
    if (known !== undefined) {
      this.again = true;
      return known;
    }
    const shared = { number: this.#shown.size + 1, links: sharing.of(entry.kid) };
    this.#shown.set(entry.kid, shared);
    return shared;
  }

  /** True when the filter leaves nothing of what is below an entry out, but for whole levels. */
  #whole({ level, iovaHi, iovaLo }: Readonly<Entry>): boolean {
    const { attributes, iova } = this.#filter;
    if (attributes.length > 0) return false;
    if (iova === null) return true;
    const size = this.#pt.sizes[level];
    const lastHi = addHi(iovaHi, iovaLo, size - 1);
    const lastLo = addLo(iovaLo, size - 1);
    return (
      compare64(iovaHi, iovaLo, iova.startHi, iova.startLo) >= 0 &&
      compare64(lastHi, lastLo, iova.lastHi, iova.lastLo) <= 0
    );
  }
}
