import { grouped, plural, readableBytes } from '../../../base/sizes.ts';
import type { StatsDocument } from '../../../stats/document.ts';
import type { LevelTotals, SpaceMap } from '../../../stats/space-map.ts';
import type { Column } from '../../columns.ts';
import { LEVELS } from '../../counter-text.ts';
import { text } from '../markup.ts';
import { leavesBytes, mappedOf, shownMaps } from '../shown.ts';
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
  const shown = shownMaps(document);
  const rest = all.length - shown.length;
  const content = [
    `<ul class="swatches script">${swatches.join('')}</ul>\n`,
    ...shown.map((map, at) => folded(heading(map), body(map, `map-${nth}-${at + 1}`), at < OPEN)),
    rest === 0
      ? ''
      : `<p class="note">Those that map the most; ${plural(rest, 'address space')} more in the statistics that --json prints.</p>\n`,
    keys,
  ];
  return [{ name: 'maps', title, content: content.join('') }];
}

function heading(map: SpaceMap): string {
  const reserved = map.reserved.length + (map.reservedLeftOut ?? 0);
  const facts = [
    `${readableBytes(mappedOf(map))} mapped`,
    plural(map.tables.length + map.tablesLeftOut, 'table'),
    ...(reserved === 0 ? [] : [plural(reserved, 'reservation')]),
    `after event ${grouped(map.seq)}`,
  ];
  const name = map.domain.trim() === '' ? JSON.stringify(map.domain) : map.domain;
  return `<strong>${text(name)}</strong> ${facts.join(', ')}`;
}

function body(map: SpaceMap, id: string): string {
  const left = [
    ...(map.leavesLeftOut === 0 ? [] : [plural(map.leavesLeftOut, 'run')]),
    ...(map.tablesLeftOut === 0 ? [] : [plural(map.tablesLeftOut, 'table')]),
    ...((map.reservedLeftOut ?? 0) === 0 ? [] : [plural(map.reservedLeftOut ?? 0, 'reservation')]),
  ];
  const merged = map.leaves.filter(({ paddr }) => paddr === null).length;
  const notes = [
    ...(merged === 0 ? [] : [`${plural(merged, 'run')} of the map stand for several each, since there are too many.`]),
    ...(left.length === 0 ? [] : [`Not shown, since there are too many: ${left.join(', ')}.`]),
  ];
  const told = notes.map((note) => `<p class="note">${note}</p>\n`);
  const caption = map.levels === undefined ? 'What the map shows, by level' : 'What the address space has, by level';
  return `<div class="map" id="${id}"></div>\n${told.join('')}${htmlTable(map.levels ?? levelsOf(map), COLUMNS, caption)}`;
}

/** What the map shows, of one that does not tell what there is. */
function levelsOf({ tables: all, leaves }: SpaceMap): LevelTotals[] {
  return LEVELS.map((level) => {
    const tables = all.filter((table) => table.level === level);
    const runs = leaves.filter((run) => run.level === level);
    return {
      level,
      tables: tables.length,
      leaves: runs.reduce((sum, run) => sum + run.count, 0),
      mapped: leavesBytes(runs),
      live: tables.reduce((sum, { live }) => sum + live, 0),
      pinned: tables.filter(({ pinned }) => pinned).length,
      parked: tables.filter(({ parked }) => parked).length,
      empty: tables.filter(({ empty }) => empty).length,
    };
  }).filter(({ tables, leaves: count }) => tables + count > 0);
}

const count = (title: string, value: (row: LevelTotals) => number | undefined): Column<LevelTotals> => ({
  title,
  align: 'right',
  optional: true,
  cell: (row) => grouped(value(row) ?? 0),
});

const COLUMNS: readonly Column<LevelTotals>[] = [
  { title: 'level', align: 'left', cell: ({ level }) => `L${level}` },
  count('tables', ({ tables }) => tables),
  count('entries in use', ({ live }) => live),
  count('empty', ({ empty }) => empty),
  count('pinned', ({ pinned }) => pinned),
  count('parked', ({ parked }) => parked),
  count('leaves', ({ leaves }) => leaves),
  {
    title: 'mapped',
    align: 'right',
    optional: true,
    cell: ({ leaves, mapped }) => (leaves === 0 || mapped === undefined ? '-' : readableBytes(mapped)),
  },
];
