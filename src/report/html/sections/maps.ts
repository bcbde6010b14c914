import { grouped, plural, readableBytes } from '../../../base/sizes.ts';
import type { StatsDocument } from '../../../stats/document.ts';
import type { SpaceMap } from '../../../stats/space-map.ts';
import type { Column } from '../../columns.ts';
import { LEVELS } from '../../counter-text.ts';
import { text } from '../markup.ts';
import { folded, htmlTable } from '../table.ts';
import type { Part } from './section.ts';

/** Maps that are unfolded from the start. */
const OPEN = 3;

const HOW = '<code>pgtrace replay TRACE --format html -o report.html</code>';
const SWATCHES: readonly (readonly [className: string, name: string])[] = [
  ['table', 'table, filled as far as its entries are in use'],
  ['empty', 'empty table'],
  ['pinned', 'pinned table'],
  ['parked', 'parked table'],
  ['block', 'block'],
  ['page', 'page'],
  ['reserved', 'IOVA reservation'],
  ['fold', 'unused addresses, folded'],
];

/** The places of the address-space maps, and what they show in numbers. */
export function maps(document: StatsDocument, nth: number): Part[] {
  const title = 'Address space';
  const all = document.maps;
  if (all === undefined) {
    const content = `<p class="note">These statistics hold no map of the address spaces; ${HOW} makes them.</p>\n`;
    return [{ name: 'maps', title, content }];
  }
  if (all.length === 0) return [{ name: 'maps', title, content: '<p class="note">No address space was there.</p>\n' }];
  const swatches = SWATCHES.map(([className, name]) => `<li><span class="map-${className}"></span>${name}</li>`);
  const keys =
    '<p class="note script">Drag to zoom, with shift to move; the wheel zooms; double click shows all. With a map in focus: left and right go from entry to entry (shift: from run to run), up and down from row to row, <kbd>+</kbd> and <kbd>-</kbd> zoom, enter shows an entry at full width, <kbd>0</kbd> shows all.</p>\n';
  const content = [
    `<ul class="swatches script">${swatches.join('')}</ul>\n`,
    ...all.map((map, at) => folded(heading(map), body(map, `map-${nth}-${at + 1}`), at < OPEN)),
    keys,
  ];
  return [{ name: 'maps', title, content: content.join('') }];
}

function heading(map: SpaceMap): string {
  const mapped = mappedBytes(map.leaves);
  const facts = [
    `${readableBytes(mapped)} mapped`,
    plural(map.tables.length, 'table'),
    ...(map.reserved.length === 0 ? [] : [plural(map.reserved.length, 'reservation')]),
    `after event ${grouped(map.seq)}`,
  ];
  const name = map.domain.trim() === '' ? JSON.stringify(map.domain) : map.domain;
  return `<strong>${text(name)}</strong> ${facts.join(', ')}`;
}

function mappedBytes(leaves: SpaceMap['leaves']): number {
  return leaves.reduce((sum, { size, unmapped }) => sum + size - (unmapped ?? 0), 0);
}

function body(map: SpaceMap, id: string): string {
  const left = [
    ...(map.leavesLeftOut === 0 ? [] : [plural(map.leavesLeftOut, 'run')]),
    ...(map.tablesLeftOut === 0 ? [] : [plural(map.tablesLeftOut, 'table')]),
    ...((map.reservedLeftOut ?? 0) === 0 ? [] : [plural(map.reservedLeftOut ?? 0, 'reservation')]),
  ];
  const more =
    left.length === 0 ? '' : `<p class="note">Not shown, since there are too many: ${left.join(', ')}.</p>\n`;
  return `<div class="map" id="${id}"></div>\n${more}${htmlTable(rowsOf(map), COLUMNS, 'What the map shows, by level')}`;
}

interface Row {
  readonly level: number;
  readonly tables: SpaceMap['tables'];
  readonly leaves: SpaceMap['leaves'];
}

function rowsOf({ tables, leaves }: SpaceMap): Row[] {
  return LEVELS.map((level) => ({
    level,
    tables: tables.filter((table) => table.level === level),
    leaves: leaves.filter((run) => run.level === level),
  })).filter((row) => row.tables.length + row.leaves.length > 0);
}

const count = (title: string, value: (row: Row) => number): Column<Row> => ({
  title,
  align: 'right',
  optional: true,
  cell: (row) => grouped(value(row)),
});

const COLUMNS: readonly Column<Row>[] = [
  { title: 'level', align: 'left', cell: ({ level }) => `L${level}` },
  count('tables', ({ tables }) => tables.length),
  count('entries in use', ({ tables }) => tables.reduce((sum, { live }) => sum + live, 0)),
  count('empty', ({ tables }) => tables.filter(({ empty }) => empty).length),
  count('pinned', ({ tables }) => tables.filter(({ pinned }) => pinned).length),
  count('parked', ({ tables }) => tables.filter(({ parked }) => parked).length),
  count('leaves', ({ leaves }) => leaves.reduce((sum, run) => sum + run.count, 0)),
  count('runs', ({ leaves }) => leaves.length),
  {
    title: 'mapped',
    align: 'right',
    cell: ({ leaves }) => (leaves.length === 0 ? '-' : readableBytes(mappedBytes(leaves))),
  },
];
