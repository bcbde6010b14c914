import { EMPTY, type MapData, PARKED, PINNED } from '../../page-data.ts';
import type { Page } from '../page.ts';

/** A range of addresses; doubles, exact for multiples of 4096 below 2^64. */
export interface Extent {
  readonly iova: number;
  readonly size: number;
}

export interface Leaves extends Extent {
  readonly kind: 'leaves';
  readonly level: number;
  readonly count: number;
  /** Bytes of it that none of its leaves map: a run of several that were merged. */
  readonly unmapped: number;
  /** Null where addresses do not rise together. */
  readonly paddr: number | null;
  readonly attrs: string;
}

export interface Table extends Extent {
  readonly kind: 'table';
  readonly level: number;
  readonly paddr: number;
  readonly live: number;
  readonly entries: number;
  readonly pinned: boolean;
  readonly parked: boolean;
  readonly empty: boolean;
}

export interface Reserved extends Extent {
  readonly kind: 'reserved';
  readonly id: string;
}

export type Item = Leaves | Table | Reserved;

/** A row of the map: items of one kind and level in the order of addresses. */
export interface Lane {
  readonly label: string;
  readonly kind: Item['kind'];
  readonly level: number;
  readonly items: readonly Item[];
}

const LEVELS = 4;

/** One address space: its items, and the rows that they stand in. */
export class Space {
  readonly domain: string;
  readonly granule: number;
  readonly lanes: readonly Lane[];
  readonly items: readonly Item[];
  readonly #tables: readonly (readonly Table[])[];
  readonly #reserved: readonly Reserved[];

  constructor(data: MapData, page: Page) {
    this.domain = data.domain;
    this.granule = data.granule;
    const leaves = readLeaves(data, page);
    const tables = readTables(data, page);
    this.#reserved = readReserved(data, page);
    this.items = [...this.#reserved, ...tables, ...leaves];
    const levels = Array.from({ length: LEVELS }, (_, level) => level);
    this.#tables = levels.map((level) => tables.filter((table) => table.level === level));
    this.lanes = [
      { label: 'reserved', kind: 'reserved' as const, level: -1, items: this.#reserved },
      ...levels.flatMap((level): Lane[] => [
        { label: `L${level} tables`, kind: 'table', level, items: this.#tables[level] },
        {
          label: `L${level} ${level === LEVELS - 1 ? 'pages' : 'blocks'}`,
          kind: 'leaves',
          level,
          items: leaves.filter((run) => run.level === level),
        },
      ]),
    ].filter(({ items }) => items.length > 0);
  }

  /** The table of a level that translates an address. */
  tableAt(level: number, iova: number): Table | null {
    return level < 0 ? null : itemAt(this.#tables[level] ?? [], iova);
  }

  /** The lowest table that translates an address. */
  lowestAt(iova: number): Table | null {
    for (let level = LEVELS - 1; level >= 0; level--) {
      const table = this.tableAt(level, iova);
      if (table !== null) return table;
    }
    return null;
  }

  /** Reservations that hold an address. */
  reservedAt(iova: number): Reserved[] {
    return this.#reserved.filter((range) => iova >= range.iova && iova - range.iova < range.size);
  }
}

/** Bytes of each leaf of a run. */
export function leafSize({ size, unmapped, count }: Leaves): number {
  return (size - unmapped) / count;
}

/** The place of the last item that begins at an address or below; -1: none. */
export function placeAt(items: readonly Extent[], iova: number): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle].iova <= iova) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The item that holds an address, of items that do not overlap. */
export function itemAt<Kind extends Extent>(items: readonly Kind[], iova: number): Kind | null {
  const item = items[placeAt(items, iova)];
  return item !== undefined && iova - item.iova < item.size ? item : null;
}

function readLeaves({ leaves, attrs }: MapData, page: Page): Leaves[] {
  const [iova, size, count, level, paddr, known, names, unmapped] = (
    ['iova', 'size', 'count', 'level', 'paddr', 'known', 'attrs', 'unmapped'] as const
  ).map((name) => page.column(leaves[name]));
  return iova.map((start, at) => ({
    kind: 'leaves',
    iova: start,
    size: size[at],
    count: count[at],
    unmapped: unmapped[at],
    level: level[at],
    paddr: known[at] === 0 ? null : paddr[at],
    attrs: attrs[names[at]],
  }));
}

function readTables({ tables }: MapData, page: Page): Table[] {
  const [iova, size, level, paddr, live, entries, flags] = (
    ['iova', 'size', 'level', 'paddr', 'live', 'entries', 'flags'] as const
  ).map((name) => page.column(tables[name]));
  return iova.map((start, at) => ({
    kind: 'table',
    iova: start,
    size: size[at],
    level: level[at],
    paddr: paddr[at],
    live: live[at],
    entries: entries[at],
    pinned: (flags[at] & PINNED) !== 0,
    parked: (flags[at] & PARKED) !== 0,
    empty: (flags[at] & EMPTY) !== 0,
  }));
}

function readReserved({ reserved, reservedIds }: MapData, page: Page): Reserved[] {
  const size = page.column(reserved.size);
  return page
    .column(reserved.iova)
    .map((iova, at) => ({ kind: 'reserved', iova, size: size[at], id: reservedIds[at] }));
}
