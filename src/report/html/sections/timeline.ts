import { grouped, plural, readableBytes } from '../../../base/sizes.ts';
import type { StatsDocument } from '../../../stats/document.ts';
import type { Timeline } from '../../../stats/timeline.ts';
import type { Column } from '../../columns.ts';
import { text } from '../markup.ts';
import { type Panel, panelsFor } from '../panels.ts';
import { runsOf } from '../shown.ts';
import { folded, htmlTable } from '../table.ts';
import type { Part } from './section.ts';

const HOW = '<code>pgtrace replay TRACE --format html -o report.html</code>';

/** One metric of a timeline in numbers. */
interface Row {
  readonly name: string;
  readonly unit: Panel['unit'];
  readonly least: number;
  readonly most: number;
  readonly last: number;
  /** Of what is counted in each bucket. */
  readonly sum: number | null;
}

/** The place of the charts, and the same in numbers for those who do not see them. */
export function timeline(document: StatsDocument, nth: number): Part[] {
  const runs = runsOf(document).flatMap(({ name, timeline: line }) =>
    line === undefined || line.events === 0 ? [] : [{ name, line }],
  );
  const title = 'Timeline';
  if (runs.length === 0) {
    const content = `<p class="note">These statistics hold no timeline; ${HOW} makes one.</p>\n`;
    return [{ name: 'timeline', title, content }];
  }
  const tables = runs.map(({ name, line }) =>
    htmlTable(rowsOf(line), COLUMNS, runs.length === 1 ? 'Over the whole timeline' : text(name)),
  );
  const [{ line }] = runs;
  const buckets = line.stride === 1 ? '' : `, in buckets of ${grouped(line.stride)}`;
  const keys =
    '<p class="note script">Drag to zoom, double click to show all. With the charts in focus: arrow keys move the cursor (shift: by ten), <kbd>+</kbd> and <kbd>-</kbd> zoom, page up and page down scroll, <kbd>0</kbd> shows all. Names in a legend switch their lines. Bands reach from the least to the most of a bucket.</p>\n';
  const content = `<p>${plural(line.events, 'event')}${buckets}</p>\n<div class="timeline" id="charts-${nth}"></div>\n${keys}${folded('The timeline in numbers', tables.join(''))}`;
  return [{ name: 'timeline', title, content }];
}

function rowsOf({ gauges, counts }: Timeline): Row[] {
  return panelsFor(Object.keys(gauges), Object.keys(counts)).flatMap(({ title, unit, kind, series }) =>
    series.map(([key, label]) => {
      const most = kind === 'gauge' ? gauges[key].max : counts[key];
      const least = kind === 'gauge' ? gauges[key].min : counts[key];
      return {
        name: series.length === 1 ? title : `${title}: ${label}`,
        unit,
        least: least.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER),
        most: most.reduce((a, b) => Math.max(a, b), 0),
        last: most[most.length - 1],
        sum: kind === 'gauge' ? null : most.reduce((a, b) => a + b, 0),
      };
    }),
  );
}

const amount = (title: string, value: (row: Row) => number | null, optional = false): Column<Row> => ({
  title,
  align: 'right',
  optional,
  cell: (row) => {
    const found = value(row);
    return found === null ? '-' : row.unit === 'bytes' ? readableBytes(found) : grouped(found);
  },
});

const COLUMNS: readonly Column<Row>[] = [
  { title: 'value', align: 'left', cell: ({ name }) => name },
  amount('least', ({ least }) => least),
  amount('most', ({ most }) => most),
  amount('at the end', ({ last }) => last),
  amount('in all', ({ sum }) => sum, true),
];
