import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';

/** The rules of preallocation, by the name of their counters. */
const RULES: readonly (readonly [rule: string, text: string])[] = [
  ['byStore', 'by type of the store (7.1)'],
  ['bySeries', "as 6.6's series counted"],
  ['byHeight', '1 + 3 x height (to 6.5)'],
  ['worstCase', 'any later state (proposed)'],
];

type Row = (typeof RULES)[number];

/** What a maple tree of the VMAs would have preallocated, a row for each rule; nothing unless it was asked for. */
export function mapleTable({ counters }: StatsDocument, ink: ChalkInstance): string[] {
  if (counters['maple.stores'] === undefined) return [];
  const n = (key: string): number => counters[key] ?? 0;
  const columns: readonly Column<Row>[] = [
    { title: 'maple tree of the VMAs', align: 'left', cell: ([, text]) => text },
    { title: 'nodes requested', align: 'right', cell: ([rule]) => grouped(n(`maple.requested.${rule}`)) },
    { title: 'used', align: 'right', cell: () => grouped(n('maple.used')) },
    { title: 'largest', align: 'right', cell: ([rule]) => grouped(n(`maple.largest.${rule}`)) },
    { title: 'held in sheaves', align: 'right', cell: ([rule]) => readableBytes(n(`maple.held.${rule}`)) },
    { title: 'too few', align: 'right', optional: true, cell: ([rule]) => grouped(n(`maple.shortfalls.${rule}`)) },
  ];
  const shape = `${plural(n('maple.stores'), 'store')}; ${plural(n('maple.nodesPeak'), 'node')} and ${plural(n('maple.heightPeak'), 'level')} at most\n`;
  return [`${renderColumns(RULES, columns, ink.bold)}${ink.dim(shape)}`];
}
