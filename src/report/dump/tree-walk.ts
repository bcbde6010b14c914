import { addHi, addLo } from '../../base/u64.ts';
import { sameAttributes } from '../../lpae/format/decode-descriptor.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { Entry } from '../../lpae/visit.ts';
import { type DumpFilter, visitSelected } from './filter.ts';
import { type SharedTable, ShownOnce } from './shared-tables.ts';

/** An entry on the way to others, and the table that it points to where that is shared. */
interface Above {
  readonly entry: Entry;
  readonly shared: SharedTable | null;
}

/** Receives a table entry, or `count` leaves of which `entry` is the first. */
export interface TreeVisitor {
  /** `shared`: others point to the table, too. */
  table(entry: Readonly<Entry>, shared: SharedTable | null): void;
  leaves(entry: Readonly<Entry>, count: number): void;
  /** `count` entries from this one on that point to a table which has been given before. */
  again(entry: Readonly<Entry>, count: number, shared: SharedTable): void;
}

/** Gives what a filter selects and the table entries on the way to it, in the order of the tables. */
export function walkTree(pt: PageTable, filter: DumpFilter, visitor: TreeVisitor): void {
  /** Table entries on the way that have not been given, for want of anything below them. */
  let pending: Above[] = [];
  let first: Entry | null = null;
  let count = 0;
  const endLeaves = (): void => {
    if (first !== null) visitor.leaves(first, count);
    first = null;
  };
  const givePending = (): void => {
    for (const { entry, shared } of pending) visitor.table(entry, shared);
    pending = [];
  };
  const once = new ShownOnce(pt, filter);
  let alias: Entry | null = null;
  let aliases = 0;
  let aliasOf: SharedTable | null = null;
  const endAliases = (): void => {
    if (alias !== null && aliasOf !== null) visitor.again(alias, aliases, aliasOf);
    alias = null;
  };
  const seen = (entry: Readonly<Entry>, shared: SharedTable, selected: boolean): void => {
    const goesOn =
      alias !== null && entry.table === alias.table && entry.index === alias.index + aliases && entry.kid === alias.kid;
    if (!goesOn) endAliases();
    if (!selected) return;
    givePending();
    if (alias === null) {
      alias = { ...entry };
      aliases = 0;
      aliasOf = shared;
    }
    aliases++;
  };
  visitSelected(
    pt,
    filter,
    (entry, selected) => {
      const shared = once.meet(entry);
      if (first !== null && (!selected || !continues(pt, first, count, entry))) endLeaves();
      if (pending.length > 0) pending = pending.filter((above) => above.entry.level < entry.level);
      if (once.again && shared !== null) {
        seen(entry, shared, selected);
        return;
      }
      endAliases();
      if (entry.kid !== 0) {
        pending.push({ entry: { ...entry }, shared });
        if (selected) givePending();
      } else if (selected) {
        givePending();
        if (first === null) {
          first = { ...entry };
          count = 0;
        }
        count++;
      }
    },
    () => !once.again,
  );
  endLeaves();
  endAliases();
}

/** The entry is the next of its table, with the attributes of the first and the address after `count` leaves. */
function continues(pt: PageTable, first: Entry, count: number, entry: Entry): boolean {
  if (entry.kid !== 0 || entry.table !== first.table || entry.index !== first.index + count) return false;
  if (!sameAttributes(first.pteHi, first.pteLo, entry.pteHi, entry.pteLo)) return false;
  const hi = unpackHi(first.pteHi, first.pteLo, pt.granule64K);
  const lo = unpackLo(first.pteLo, pt.granule64K);
  const offset = count * pt.sizes[entry.level];
  return (
    addLo(lo, offset) === unpackLo(entry.pteLo, pt.granule64K) &&
    addHi(hi, lo, offset) === unpackHi(entry.pteHi, entry.pteLo, pt.granule64K)
  );
}
