import { printable } from '../../base/printable.ts';
import { hexHi, hexLo, TWO_32 } from '../../base/u64.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { LeafRun, SpaceMap, TableAt } from '../../stats/space-map.ts';
import type { Timeline } from '../../stats/timeline.ts';
import { packColumn } from './columns-code.ts';
import { type DocumentData, EMPTY, type MapData, PARKED, type PageData, PINNED, type RunData } from './page-data.ts';
import { runsOf, shownMaps } from './shown.ts';

/** What the script of a page gets to know of its documents: timelines and maps. */
export function packPage(documents: readonly StatsDocument[]): PageData {
  const pool = new ColumnPool();
  const packed = documents.map((document) => packDocument(document, pool));
  return { columns: pool.columns, documents: packed };
}

/** Packed columns, each once. */
class ColumnPool {
  readonly columns: string[] = [];
  readonly #places = new Map<string, number>();

  /** The place of a column. */
  add(values: readonly number[]): number {
    const text = packColumn(values);
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    this.#places.set(text, this.columns.length);
    return this.columns.push(text) - 1;
  }
}

function packDocument(document: StatsDocument, pool: ColumnPool): DocumentData {
  return {
    compared: document.strategies?.some(({ driver }) => driver !== undefined) === true ? 'driver' : 'allocator',
    runs: runsOf(document).flatMap(({ name, timeline }) =>
      timeline === undefined || timeline.events === 0 ? [] : [packRun(name, timeline, pool)],
    ),
    maps: shownMaps(document).map((map) => packMap(map, pool)),
  };
}

function packRun(name: string, timeline: Timeline, pool: ColumnPool): RunData {
  return {
    name: printable(name),
    stride: timeline.stride,
    events: timeline.events,
    ts: timeline.ts === null ? null : pool.add(timeline.ts),
    gauges: Object.entries(timeline.gauges).map(
      ([key, { min, max }]) => [key, pool.add(min), pool.add(max.map((most, at) => most - min[at]))] as const,
    ),
    counts: Object.entries(timeline.counts).map(([key, values]) => [key, pool.add(values)] as const),
  };
}

function packMap(map: SpaceMap, pool: ColumnPool): MapData {
  const leaves = byAddress(map.leaves);
  const tables = byAddress(map.tables);
  const reserved = byAddress(map.reserved);
  const attrs = [...new Set(leaves.map((run) => run.attrs))];
  const places = new Map(attrs.map((text, at) => [text, at]));
  const ofLeaves = (value: (run: LeafRun) => number): number => pool.add(leaves.map(value));
  const ofTables = (value: (table: TableAt) => number): number => pool.add(tables.map(value));
  return {
    domain: printable(map.domain),
    ias: map.ias,
    granule: map.granule,
    startLevel: map.startLevel,
    attrs: attrs.map(printable),
    leaves: {
      iova: ofLeaves(({ iova }) => addressNumber(iova)),
      size: ofLeaves(({ size }) => size),
      count: ofLeaves(({ count }) => count),
      level: ofLeaves(({ level }) => level),
      paddr: ofLeaves(({ paddr }) => (paddr === null ? 0 : addressNumber(paddr))),
      known: ofLeaves(({ paddr }) => (paddr === null ? 0 : 1)),
      attrs: ofLeaves((run) => places.get(run.attrs) ?? 0),
      unmapped: ofLeaves(({ unmapped }) => unmapped ?? 0),
    },
    tables: {
      iova: ofTables(({ iova }) => addressNumber(iova)),
      size: ofTables(({ size }) => size),
      level: ofTables(({ level }) => level),
      paddr: ofTables(({ paddr }) => addressNumber(paddr)),
      live: ofTables(({ live }) => live),
      entries: ofTables(({ entries }) => entries),
      flags: ofTables(
        ({ pinned, parked, empty }) => (pinned ? PINNED : 0) + (parked ? PARKED : 0) + (empty ? EMPTY : 0),
      ),
    },
    reservedIds: reserved.map(({ id }) => printable(id)),
    reserved: {
      iova: pool.add(reserved.map(({ iova }) => addressNumber(iova))),
      size: pool.add(reserved.map(({ size }) => size)),
    },
  };
}

/** An address as a double: exact for multiples of 4096 up to 2^64. */
function addressNumber(text: string): number {
  return hexHi(text) * TWO_32 + hexLo(text);
}

function byAddress<Item extends { readonly iova: string }>(items: readonly Item[]): readonly Item[] {
  return [...items].sort((a, b) => addressNumber(a.iova) - addressNumber(b.iova));
}
