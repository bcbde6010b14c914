import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument, StrategyStats } from '../../stats/document.ts';
import type { Counters } from '../../stats/metrics/metric.ts';
import { type Column, renderColumns } from '../columns.ts';
import { wrapped } from '../wrap.ts';
import { driverName, emptyRuns } from './driver-words.ts';

/** The rules of preallocation, by the name of their counters; the second text heads a column. */
const RULES: readonly (readonly [rule: string, text: string, short: string])[] = [
  ['byStore', 'by type of the store (7.1)', '7.1'],
  ['bySeries', "as 6.6's series counted", '6.6 series'],
  ['byHeight', '1 + 3 x height (to 6.5)', 'to 6.5'],
  ['worstCase', 'any later state (proposed)', 'proposed'],
];

const TITLE = 'maple tree of the VMAs';
const LEGEND =
  'nodes requested: 7.1 by the type of the store; as the series for 6.6 counted them; to 6.5 1 + 3 x height; proposed for any later state\n';

type Row = (typeof RULES)[number];

/**
 * What a maple tree of the VMAs would have preallocated, a row for each rule, or for each driver of a comparison; nothing
 * unless it was asked for.
 */
export function mapleTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  const { strategies } = document;
  if (strategies?.some(({ driver }) => driver !== undefined) === true) return byDriver(strategies, ink, width);
  return byRule(document, ink, width);
}

function byRule({ counters, domains }: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  if (counters['maple.stores'] === undefined) return [];
  const n = (key: string): number => counters[key] ?? 0;
  // Of one tree each: the largest of several has no counter of its own.
  const most = (key: string): number => Math.max(...domains.map((domain) => domain.counters[key] ?? 0));
  const columns: readonly Column<Row>[] = [
    { title: TITLE, align: 'left', cell: ([, text]) => text },
    { title: 'nodes requested', align: 'right', cell: ([rule]) => grouped(n(`maple.requested.${rule}`)) },
    { title: 'used', align: 'right', cell: () => grouped(n('maple.used')), spare: true },
    { title: 'largest', align: 'right', cell: ([rule]) => grouped(most(`maple.largest.${rule}`)) },
    { title: 'held at most', align: 'right', cell: ([rule]) => readableBytes(most(`maple.heldLargest.${rule}`)) },
    { title: 'too few', align: 'right', optional: true, cell: ([rule]) => grouped(n(`maple.shortfalls.${rule}`)) },
  ];
  const shape = `${plural(n('maple.stores'), 'store')}; ${plural(most('maple.nodesPeak'), 'node')} and ${plural(most('maple.heightPeak'), 'level')} at most; held at most: in filled sheaves, for one store\n`;
  return [`${renderColumns(RULES, columns, ink.bold, width)}${wrapped(ink.dim(shape), width, 2)}`];
}

function byDriver(runs: readonly StrategyStats[], ink: ChalkInstance, width: number | null): string[] {
  if (runs.every(({ counters }) => counters['maple.stores'] === undefined)) return [];
  const empty = emptyRuns(runs);
  const column = (title: string, key: string): Column<StrategyStats> => ({
    title,
    align: 'right',
    cell: (run) => (empty.has(run) ? '-' : text(run.counters, key)),
  });
  const columns: readonly Column<StrategyStats>[] = [
    { title: TITLE, align: 'left', cell: driverName },
    column('stores', 'maple.stores'),
    ...RULES.map(([rule, , short]) => column(short, `maple.requested.${rule}`)),
    column('used', 'maple.used'),
  ];
  return [`${renderColumns(runs, columns, ink.bold, width)}${wrapped(ink.dim(LEGEND), width, 2)}`];
}

function text(counters: Counters, key: string): string {
  return counters[key] === undefined ? '-' : grouped(counters[key]);
}
