import { grouped } from '../../../base/sizes.ts';
import type { StatsDocument } from '../../../stats/document.ts';
import { WASTE_COLUMNS, type WasteRow, wasteRows } from '../../allocator/allocator-tables.ts';
import { percentText } from '../../allocator/strategy-figures.ts';
import { useShares } from '../../counter-text.ts';
import { text } from '../markup.ts';
import { nameOf } from '../shown.ts';
import { folded, htmlTable } from '../table.ts';
import type { Part } from './section.ts';

const ROW = 26;
const BAR = 14;
const LABELS = 130;
const BARS = 440;
const WIDTH = LABELS + BARS + 190;

/** What operations reserved and did not use, by their size and by level: bars and the table, of every allocator that reserves. */
export function waste(document: StatsDocument): Part[] {
  const runs = (document.strategies ?? [{ allocator: document.config.allocator, counters: document.counters }]).map(
    (run) => ({ name: nameOf(run), counters: run.counters, rows: wasteRows(run.counters) }),
  );
  const shown = runs.filter(({ rows }) => rows.length > 0);
  if (shown.length === 0) return [];
  const contents = shown.map(({ rows, counters }) => chart(rows) + table(rows) + shares(counters));
  const content =
    shown.length === 1 ? contents[0] : shown.map(({ name }, at) => folded(text(name), contents[at], at === 0)).join('');
  return [{ name: 'waste', title: 'Reserved and not used, by size of the operation', content }];
}

function table(rows: readonly WasteRow[]): string {
  return htmlTable(rows, WASTE_COLUMNS, 'Pages reserved and used, by size of the operation and by level');
}

/** Bars of the pages that were reserved, the used ones in another colour. */
function chart(rows: readonly WasteRow[]): string {
  const most = Math.max(...rows.map(({ reserved, used }) => Math.max(reserved, used)), 1);
  const height = rows.length * ROW + 26;
  const width = (pages: number): string => ((BARS * pages) / most).toFixed(1);
  const bars = rows.map(({ name, reserved, used }, at) => {
    const top = at * ROW + (ROW - BAR) / 2;
    const middle = at * ROW + ROW / 2;
    const lost = reserved === 0 ? '' : `, ${percentText((100 * (reserved - used)) / reserved)} unused`;
    return [
      `<text class="bar-name" x="${LABELS - 8}" y="${middle}">${text(name)}</text>`,
      `<rect class="bar-reserved" x="${LABELS}" y="${top}" width="${width(reserved)}" height="${BAR}"/>`,
      `<rect class="bar-used" x="${LABELS}" y="${top}" width="${width(Math.min(used, reserved))}" height="${BAR}"/>`,
      `<text class="bar-value" x="${(LABELS + 6 + (BARS * Math.max(reserved, used)) / most).toFixed(1)}" y="${middle}">${grouped(used)} of ${grouped(reserved)}${lost}</text>\n`,
    ].join('');
  });
  const key = height - 12;
  const legend = [
    `<rect class="bar-used" x="${LABELS}" y="${key - 5}" width="10" height="10"/><text class="bar-value" x="${LABELS + 16}" y="${key}">used</text>`,
    `<rect class="bar-reserved" x="${LABELS + 64}" y="${key - 5}" width="10" height="10"/><text class="bar-value" x="${LABELS + 80}" y="${key}">reserved and not used</text>`,
  ];
  return `<svg class="bars" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Pages reserved and used; the table below has the numbers">\n${bars.join('')}${legend.join('')}\n</svg>\n`;
}

/** How much of their reservation operations used. */
function shares(counters: StatsDocument['counters']): string {
  const rows = useShares(counters);
  if (rows.length === 0) return '';
  return htmlTable(
    rows,
    [
      { title: 'share used', align: 'left', cell: ([share]) => `${share} %` },
      { title: 'operations', align: 'right', cell: ([, count]) => grouped(count) },
    ],
    'Operations by the share of their reservation that they used',
  );
}
