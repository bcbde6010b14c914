import type { ChalkInstance } from 'chalk';
import { grouped, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument, StrategyStats } from '../../stats/document.ts';
import { percentText, wastePercent } from '../allocator/strategy-figures.ts';
import { type Column, renderColumns } from '../columns.ts';
import { sumUnder } from '../counter-text.ts';
import { wrapped } from '../wrap.ts';
import { driverName, driversInWords, emptyRuns } from './driver-words.ts';
import { hardwareText } from './hardware-words.ts';

/** What columns mean, by their titles. */
const LEGEND: readonly (readonly [title: string, meaning: string])[] = [
  ['reserved', 'tables promised before an operation ran (nouveau, xe: made when it was submitted)'],
  ['idle peak', 'reserved and not used'],
  ['peak memory', 'tables and what is reserved'],
  ['spare VMAs', 'held ready and not used'],
];

type DriverColumn = Column<StrategyStats>;

const figure = (title: string, key: string, extra: Partial<DriverColumn> = {}): DriverColumn => ({
  title,
  align: 'right',
  cell: ({ counters }) => (counters[key] === undefined ? '-' : grouped(counters[key])),
  ...extra,
});

export const DRIVER_NAME: DriverColumn = { title: 'driver', align: 'left', cell: driverName };
const HARDWARE: DriverColumn = {
  title: 'hardware events',
  align: 'left',
  cell: ({ counters }) => hardwareText(counters),
};

const COLUMNS: readonly DriverColumn[] = [
  figure('reserved', 'op.reserved'),
  figure('used', 'op.used'),
  {
    title: 'waste',
    align: 'right',
    cell: (run) => {
      const waste = wastePercent(run);
      return waste === null ? '-' : percentText(waste);
    },
  },
  figure('idle peak', 'op.unusedPeak', { spare: true }),
  figure('tables', 'tables.peak'),
  {
    title: 'peak memory',
    align: 'right',
    cell: ({ counters }) => readableBytes(counters['alloc.heldPeak'] ?? 0),
  },
  figure('empty', 'tables.empty', { spare: true }),
  figure('map calls', 'calls.map', { spare: true }),
  figure('unmap calls', 'calls.unmap', { spare: true }),
  {
    title: 'spare VMAs',
    align: 'right',
    spare: true,
    cell: ({ counters }) => grouped((counters['vmas.preallocated'] ?? 0) - (counters['vmas.used'] ?? 0)),
  },
  { title: 'failed', align: 'right', optional: true, cell: ({ counters }) => grouped(sumUnder(counters, 'errors.')) },
];

/**
 * One row for each GPU driver that replayed the same binds, and what sets them apart in words. Where a terminal is too narrow
 * for all, the hardware events follow in a table of their own.
 */
export function driverTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  const { strategies: runs } = document;
  if (runs === undefined) return [];
  const { figures, hardware } = driverColumns(runs);
  const fits = width === null || widestLine(renderColumns(runs, [DRIVER_NAME, ...figures, hardware])) <= width;
  const table = renderColumns(
    runs,
    fits ? [DRIVER_NAME, ...figures, hardware] : [DRIVER_NAME, ...figures],
    ink.bold,
    width,
  );
  const parts = [`${table}${wrapped(ink.dim(legendOf(table)), width, 2)}`];
  if (!fits) parts.push(wrapped(renderColumns(runs, [DRIVER_NAME, hardware], ink.bold), width, NAME_WIDTH));
  const words = driversInWords(document, runs, ink);
  return words === '' ? parts : [...parts, wrapped(words, width, 4)];
}

/** What is told of each driver: figures, and its hardware events. */
export function driverColumns(runs: readonly StrategyStats[]): { figures: DriverColumn[]; hardware: DriverColumn } {
  const empty = emptyRuns(runs);
  return { figures: COLUMNS.map((column) => orDash(column, empty)), hardware: orDash(HARDWARE, empty) };
}

/** Where the hardware events begin that stand in a table of their own. */
const NAME_WIDTH = 9;

/** The column with `-` for runs whose figures would say nothing. */
function orDash(column: DriverColumn, empty: ReadonlySet<StrategyStats>): DriverColumn {
  return { ...column, cell: (run) => (empty.has(run) ? '-' : column.cell(run)) };
}

function widestLine(table: string): number {
  return Math.max(...table.split('\n').map((line) => line.length));
}

/** Explains the columns that the table shows. */
function legendOf(table: string): string {
  const [titles] = table.split('\n');
  const shown = LEGEND.filter(([title]) => titles.includes(title));
  return `${shown.map(([title, meaning]) => `${title}: ${meaning}`).join('; ')}\n`;
}
