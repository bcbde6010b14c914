import { hex64 } from '../../base/u64.ts';
import * as C from '../../lpae/counters.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { translatedLeaves } from '../../lpae/sharing/expansion.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { type Census, censusOf } from '../census.ts';
import type { LevelTotals, SpaceMap } from '../space-map.ts';
import { fairShares } from './fair-share.ts';
import { countRuns, leafRuns } from './leaf-runs.ts';
import { countTables, type TableList, tableList } from './table-list.ts';

/** What all maps of a document hold together, at most: runs, tables, reservations. */
export interface MapLimits {
  readonly runs: number;
  readonly tables: number;
  readonly reserved: number;
}

export const MAP_LIMITS: MapLimits = { runs: 4000, tables: 4000, reserved: 4000 };

/**
 * What the address spaces of a replay look like now, after the event with number `seq`, in the order of their creation. Those
 * that were refused or destroyed have no map. Page tables of a driver's own format are no tables of the engine: of them only the
 * sums are known, and all count as left out. What is mapped, and what each level has, is told of all whatever is left out. Address spaces share the limits; see `leafRuns` and `tableList` for what goes first.
 */
export function mapsOf(
  { spaces }: { readonly spaces: readonly AddressSpace[] },
  seq: number,
  limits: MapLimits = MAP_LIMITS,
): SpaceMap[] {
  const shown = spaces.filter(({ refusal, destroyed }) => refusal === null && !destroyed);
  const runs = fairShares(
    shown.map(({ table }) => (table === null ? 0 : countRuns(table))),
    limits.runs,
  );
  const tables = fairShares(
    shown.map(({ table }) => (table === null ? 0 : sum(countTables(table)))),
    limits.tables,
  );
  const reserved = fairShares(
    shown.map(({ ranges }) => ranges?.reservations?.liveCount ?? 0),
    limits.reserved,
  );
  return shown.map((space, at) => spaceMap(space, seq, runs[at], tables[at], reserved[at]));
}

function spaceMap(space: AddressSpace, seq: number, runs: number, tables: number, places: number): SpaceMap {
  const { table } = space;
  const own = space.gpu?.own ?? null;
  const leaves = table === null ? null : leafRuns(table, runs);
  const list = table === null ? null : tableList(table, tables);
  const census = own?.census() ?? { leaves: [], tables: [] };
  const live = liveReservations(space);
  return {
    domain: space.id,
    seq,
    ias: own?.ias ?? table?.config.ias ?? space.asked.ias,
    granule: own?.granule ?? table?.granule ?? 0,
    startLevel: own?.startLevel ?? table?.startLevel ?? 0,
    leaves: leaves?.runs ?? [],
    tables: list?.tables ?? [],
    reserved: live.slice(0, places),
    leavesLeftOut: leaves?.leftOut ?? sum(census.leaves),
    tablesLeftOut: list?.leftOut ?? sum(census.tables),
    ...(live.length > places ? { reservedLeftOut: live.length - places } : {}),
    mapped: Math.min(space.counters[C.MAPPED_BYTES], Number.MAX_SAFE_INTEGER),
    levels: table === null ? sumsOf(census) : totalsOf(table, list?.totals ?? []),
  };
}

/** What stands in a table of the engine, by level. */
function totalsOf(table: PageTable, tables: TableList['totals']): LevelTotals[] {
  const { leaves } = censusOf(table);
  const translated = table.sharing === null ? leaves : translatedLeaves(table);
  return tables
    .map((total, level) => ({ level, leaves: leaves[level], mapped: translated[level] * table.sizes[level], ...total }))
    .filter((total) => total.tables + total.leaves > 0);
}

/** What is known of a driver's own format. */
function sumsOf({ tables, leaves }: Pick<Census, 'tables' | 'leaves'>): LevelTotals[] {
  return tables
    .map((count, level) => ({ level, tables: count, leaves: leaves[level] ?? 0 }))
    .filter((total) => total.tables + total.leaves > 0);
}

/** The reservations that live now, by ascending IOVA. */
function liveReservations({ ranges }: AddressSpace): { id: string; iova: string; size: number }[] {
  const list = (ranges?.reservations?.list ?? []).filter(({ live }) => live);
  return list
    .sort((a, b) => a.start - b.start)
    .map(({ id, iovaHi, iovaLo, size }) => ({ id, iova: hex64(iovaHi, iovaLo), size }));
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
