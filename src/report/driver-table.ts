import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../base/sizes.ts';
import type { StatsDocument, StrategyStats } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';
import { listUnder, sumUnder } from './counter-text.ts';
import { hardwareText } from './hardware-words.ts';
import { percentText, wastePercent } from './strategy-figures.ts';
import { wrapped } from './wrap.ts';

const LEGEND =
  'reserved: tables promised before an operation ran (nouveau, xe: made when it was submitted); idle: reserved and not used; spare VMAs: held ready and not used\n';

const figure = (title: string, key: string, extra: Partial<Column<StrategyStats>> = {}): Column<StrategyStats> => ({
  title,
  align: 'right',
  cell: ({ counters }) => (counters[key] === undefined ? '-' : grouped(counters[key])),
  ...extra,
});

const COLUMNS: readonly Column<StrategyStats>[] = [
  { title: 'driver', align: 'left', cell: ({ driver, allocator }) => driver ?? allocator },
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
    title: 'table memory',
    align: 'right',
    cell: ({ counters }) => readableBytes(counters['memory.occupiedPeak'] ?? 0),
  },
  figure('empty', 'tables.empty', { spare: true }),
  figure('map calls', 'calls.map'),
  figure('unmap calls', 'calls.unmap', { spare: true }),
  {
    title: 'spare VMAs',
    align: 'right',
    spare: true,
    cell: ({ counters }) => grouped((counters['vmas.preallocated'] ?? 0) - (counters['vmas.used'] ?? 0)),
  },
  { title: 'failed', align: 'right', optional: true, cell: ({ counters }) => grouped(sumUnder(counters, 'errors.')) },
  { title: 'hardware events', align: 'left', cell: ({ counters }) => hardwareText(counters) },
];

/** One row for each GPU driver that replayed the same binds, and what sets them apart in words. */
export function driverTable({ strategies }: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  if (strategies === undefined) return [];
  const table = renderColumns(strategies, COLUMNS, ink.bold, width);
  return [`${table}${wrapped(ink.dim(LEGEND), width, 2)}`, wrapped(inWords(strategies, ink), width, 4)];
}

function inWords(runs: readonly StrategyStats[], ink: ChalkInstance): string {
  const name = ({ driver, allocator }: StrategyStats): string => driver ?? allocator;
  const lines: string[] = [];
  const memory = ({ counters }: StrategyStats): number => counters['memory.occupiedPeak'] ?? 0;
  const sound = runs.filter(({ counters }) => sumUnder(counters, 'errors.') === 0);
  if (sound.length > 1) {
    const least = sound.reduce((a, b) => (memory(b) < memory(a) ? b : a));
    const most = sound.reduce((a, b) => (memory(b) > memory(a) ? b : a));
    lines.push(
      memory(least) === memory(most)
        ? `All that went through take ${readableBytes(memory(least))} of tables at most.`
        : `Least table memory: ${ink.green(name(least))} with ${readableBytes(memory(least))}; most: ${name(most)} with ${readableBytes(memory(most))}.`,
    );
  }
  const wasteful = runs.filter(({ counters }) => (counters['op.returned'] ?? 0) > 0);
  if (wasteful.length > 0) {
    const worst = wasteful.reduce((a, b) => ((wastePercent(b) ?? 0) > (wastePercent(a) ?? 0) ? b : a));
    const { counters } = worst;
    lines.push(
      `${name(worst)} reserved ${plural(counters['op.reserved'], 'page')} to use ${grouped(counters['op.used'])} (${ink.bold(`${percentText(wastePercent(worst) ?? 0)} waste`)}).`,
    );
  }
  for (const run of runs) {
    const errors = listUnder(run.counters, 'errors.');
    if (errors !== '') lines.push(ink.red(`${name(run)} refused or failed: ${errors}.`));
  }
  return lines.map((line) => `${line}\n`).join('');
}
