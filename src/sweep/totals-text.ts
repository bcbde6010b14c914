import { grouped, plural, readableBytes } from '../base/sizes.ts';
import { type Column, renderColumns } from '../report/columns.ts';
import type { Counters } from '../stats/metrics/metric.ts';
import { varyingKeys } from './cell-config.ts';
import type { ConfigTotals, Totals } from './totals.ts';

/** The totals as a table for people: what the configurations differ in, how many traces, what they cost. */
export function renderTotals({ engine, configurations }: Totals, width: number | null): string {
  if (engine === null) return 'no rows\n';
  const cells = configurations.reduce((sum, { traces }) => sum + traces, 0);
  const incomplete = configurations.reduce((sum, totals) => sum + totals.incomplete, 0);
  const failed = incomplete === 0 ? '' : `, ${plural(incomplete, 'cell')} failed and counted nothing`;
  const title = `${plural(configurations.length, 'configuration')}, ${plural(cells, 'cell')}, pgtrace ${engine}${failed}`;
  const keys = varyingKeys(configurations.map(({ config }) => config));
  const columns: Column<ConfigTotals>[] = [
    ...keys.map(
      (key): Column<ConfigTotals> => ({
        title: key,
        align: 'left',
        cell: ({ config }) => (config[key] === null ? "the trace's" : String(config[key])),
      }),
    ),
    { title: 'traces', align: 'right', cell: ({ traces }) => grouped(traces) },
    { title: 'failed', align: 'right', cell: (totals) => grouped(totals.incomplete), optional: true },
    ...COUNTERS.map(
      ([title, value, text = grouped]): Column<ConfigTotals> => ({
        title,
        align: 'right',
        cell: ({ counters }) => cellText(value(counters), text),
        optional: true,
        spare: true,
      }),
    ),
  ];
  return `${title}\n\n${renderColumns(configurations, columns, undefined, width)}`;
}

type Reading = readonly [
  title: string,
  value: (counters: Counters) => number | undefined,
  text?: (value: number) => string,
];

const byKey =
  (key: string) =>
  (counters: Counters): number | undefined =>
    counters[key];

/** The sum of all counters below a prefix. */
const below =
  (prefix: string) =>
  (counters: Counters): number =>
    Object.entries(counters).reduce((sum, [key, value]) => (key.startsWith(prefix) ? sum + value : sum), 0);

const COUNTERS: readonly Reading[] = [
  ['tables', byKey('tables.allocated')],
  ['most memory', byKey('memory.occupiedPeak'), readableBytes],
  ['walk flushes', byKey('tlb.flushWalks')],
  ['commands', byKey('tlb.commands')],
  ['syncs', byKey('tlb.commandSyncs')],
  ['page calls', byKey('alloc.calls')],
  ['in run', byKey('alloc.callsInRun')],
  ['reserved', byKey('op.reserved')],
  ['waste', byKey('op.wasteBasisPoints'), (points) => `${(points / 100).toFixed(1)} %`],
  ['errors', below('errors.')],
  ['warnings', byKey('warns.total')],
  ['findings', below('findings.')],
];

function cellText(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? '-' : value === 0 ? '0' : text(value);
}
