import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument } from '../../stats/document.ts';
import { CLASS_NAMES } from '../../stats/metrics/allocator-metrics.ts';
import { type Column, renderColumns } from '../columns.ts';
import { LEVELS, useShares } from '../counter-text.ts';
import { percentText } from './strategy-figures.ts';

/** Lines of the summary about where table pages came from; nothing for the kernel's own way. */
export function allocatorRows({ config, counters }: StatsDocument, ink: ChalkInstance): [string, string][] {
  const n = (key: string): number => counters[key] ?? 0;
  const stale = staleRow(counters, ink);
  if (config.allocator === 'kernel') return stale;
  if (n('alloc.calls') === 0 && n('op.count') === 0) return [...stale, ...reservedRow(counters, ink)];
  const parts = [
    `${ink.bold(grouped(n('alloc.calls')))} ${n('alloc.calls') === 1 ? 'call' : 'calls'} of the page allocator for ${plural(n('alloc.pages'), 'page')}`,
  ];
  // A driver with tables of its own has no allocator that could hold pages.
  if (counters['alloc.hits'] !== undefined) {
    parts.push(
      `${plural(n('alloc.callsInRun'), 'request')} while operations ran`,
      `${plural(n('alloc.hits'), 'hit')}, ${plural(n('alloc.misses'), 'miss', 'misses')}`,
    );
  }
  if (n('alloc.bulkCalls') > 0) {
    const mean = (n('alloc.bulkPages') / n('alloc.bulkCalls')).toFixed(1);
    parts.push(`${plural(n('alloc.bulkCalls'), 'bulk call')} of ${mean} pages on average`);
  }
  if (n('alloc.hypercalls') > 0) parts.push(plural(n('alloc.hypercalls'), 'hypercall'));
  if (n('alloc.throttleWaits') > 0) parts.push(plural(n('alloc.throttleWaits'), 'throttle wait'));
  parts.push(`${readableBytes(n('alloc.heldPeak'))} held at most`);
  const failed = n('alloc.failedSubmit') + n('alloc.failedRun');
  if (failed > 0) parts.push(ink.red(`${plural(failed, 'operation')} without pages`));
  return [['pages', parts.join(', ')], ...stale, ...reservedRow(counters, ink)];
}

function reservedRow(counters: StatsDocument['counters'], ink: ChalkInstance): [string, string][] {
  const n = (key: string): number => counters[key] ?? 0;
  if (n('op.reserved') === 0) return [];
  const stolen = n('op.stolen') === 0 ? '' : `, ${ink.red(`${grouped(n('op.stolen'))} stolen`)}`;
  const waste = `${percentText((100 * n('op.returned')) / n('op.reserved'))} waste`;
  return [
    [
      'reserved',
      `${grouped(n('op.reserved'))} pages, ${grouped(n('op.used'))} used, ${grouped(n('op.returned'))} returned${stolen} (${ink.bold(waste)}, ${readableBytes(n('op.wasteBytes'))})${idle(counters)}`,
    ],
  ];
}

/** What recycled pages brought back that nobody had zeroed. */
function staleRow(counters: StatsDocument['counters'], ink: ChalkInstance): [string, string][] {
  const leaves = counters['alloc.staleLeaves'] ?? 0;
  const dropped = counters['alloc.staleDropped'] ?? 0;
  if (leaves + dropped === 0) return [];
  const rest =
    dropped === 0 ? '' : `; ${plural(dropped, 'stale entry', 'stale entries')} at other levels not modelled further`;
  return [['stale', ink.red(`${plural(leaves, 'translation')} came back in pages that nobody zeroed${rest}`)]];
}

function idle(counters: StatsDocument['counters']): string {
  const peak = counters['op.unusedPeak'];
  if (peak === undefined) return '';
  const ticks = counters['op.unusedPageTicks'];
  return `; ${grouped(peak)} idle at most${ticks === undefined ? '' : `, ${grouped(ticks)} page-ticks`}`;
}

/** What operations of a size, or tables of a level, reserved and used. */
export interface WasteRow {
  readonly name: string;
  readonly operations: number | null;
  readonly reserved: number;
  readonly used: number;
}

/** What was reserved and not used by size of the operation and by level, and how much of their reservations operations used. */
export function allocatorTables({ counters }: StatsDocument, ink: ChalkInstance): string[] {
  const rows = wasteRows(counters);
  if (rows.length === 0) return [];
  const shares = useShares(counters).map(([share, count]) => `${share} %: ${grouped(count)}`);
  const line =
    shares.length === 0
      ? ''
      : `${ink.dim('operations by the share of their reservation that they used')}  ${shares.join(', ')}\n`;
  return [renderColumns(rows, WASTE_COLUMNS, ink.bold) + line];
}

/** Rows by size of the operation, then by level; none where nothing was reserved. */
export function wasteRows(counters: StatsDocument['counters']): WasteRow[] {
  if ((counters['op.reserved'] ?? 0) === 0 || counters['op.count'] === undefined) return [];
  const n = (key: string): number => counters[key] ?? 0;
  const classes = CLASS_NAMES.filter((name) => n(`op.class.${name}.count`) > 0).map((name) => ({
    name: name === 'more' ? 'above' : `up to ${name.slice(2)}`,
    operations: n(`op.class.${name}.count`),
    reserved: n(`op.class.${name}.reserved`),
    used: n(`op.class.${name}.used`),
  }));
  const levels = LEVELS.filter((level) => n(`op.reserved.l${level}`) + n(`op.used.l${level}`) > 0).map((level) => ({
    name: `L${level} tables`,
    operations: null,
    reserved: n(`op.reserved.l${level}`),
    used: n(`op.used.l${level}`),
  }));
  return [...classes, ...levels];
}

export const WASTE_COLUMNS: readonly Column<WasteRow>[] = [
  { title: 'size or level', align: 'left', cell: ({ name }) => name },
  { title: 'operations', align: 'right', cell: ({ operations }) => (operations === null ? '-' : grouped(operations)) },
  { title: 'reserved', align: 'right', cell: ({ reserved }) => grouped(reserved) },
  { title: 'used', align: 'right', cell: ({ used }) => grouped(used) },
  {
    // Not the waste of the summary, which is what came back: stolen pages are not used by whom they were reserved for.
    title: 'unused',
    align: 'right',
    cell: ({ reserved, used }) => (reserved === 0 ? '-' : percentText((100 * (reserved - used)) / reserved)),
  },
];
