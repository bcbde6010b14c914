import type { ChalkInstance } from 'chalk';
import { printable } from '../base/printable.ts';
import { exactSize, grouped, plural, readableBytes } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import type { RangeStats } from '../stats/metrics/range-metrics.ts';
import { type Column, renderColumns } from './columns.ts';
import { wrapped } from './wrap.ts';

/** Rows at most; `--json` has them all. */
const ROWS = 40;

interface Row extends RangeStats {
  readonly domain: string;
}

/** Lines of the summary about IOVA reservations and deferred frees; nothing without either. */
export function rangeRows({ counters }: StatsDocument, ink: ChalkInstance): [string, string][] {
  const n = (key: string): number => counters[key] ?? 0;
  const rows: [string, string][] = [];
  if (n('reservations.made') + n('reservations.failed') > 0) {
    const parts = [
      `${ink.bold(grouped(n('reservations.made')))} made, ${grouped(n('reservations.live'))} live`,
      `${plural(n('reservations.missing'), 'table')} allocated for ${grouped(n('reservations.full'))} wanted`,
    ];
    if (n('reservations.pinnedPeak') > 0) {
      parts.push(
        `${grouped(n('reservations.pinnedPeak'))} pinned at most (${readableBytes(n('reservations.pinnedBytesPeak'))})`,
      );
    }
    parts.push(`${plural(n('reservations.allocsInReserved'), 'allocation')} inside`);
    if (n('reservations.parks') > 0)
      parts.push(`${grouped(n('reservations.parks'))} parked, ${grouped(n('reservations.unparks'))} unparked`);
    if (n('reservations.setAside') > 0) parts.push(`${grouped(n('reservations.setAside'))} set aside`);
    if (n('reservations.splits') > 0)
      parts.push(`${plural(n('reservations.splits'), 'block')} written as smaller leaves`);
    if (n('reservations.straddlingMaps') > 0) parts.push(plural(n('reservations.straddlingMaps'), 'straddling map'));
    if (n('reservations.failed') > 0) parts.push(ink.yellow(`${grouped(n('reservations.failed'))} failed`));
    rows.push(['ranges', parts.join(', ')]);
  }
  // With nobody in the way pages go back in the event that freed them.
  if (n('rcu.deferred') + n('rcu.latencyMax') > 0) {
    const waited =
      n('rcu.frees') === 0 ? '' : `, waited ${grouped(n('rcu.latencyMin'))} to ${grouped(n('rcu.latencyMax'))} ticks`;
    const callbacks = plural(n('rcu.callbacks'), 'callback');
    const late = n('rcu.lateReaders') === 0 ? '' : `, ${plural(n('rcu.lateReaders'), 'reader')} known too late`;
    rows.push([
      'deferred',
      `${ink.bold(grouped(n('rcu.deferredPeak')))} tables at most, ${grouped(n('rcu.deferred'))} now; ${plural(n('rcu.frees'), 'free')} in ${callbacks}${waited}${late}`,
    ]);
  }
  return rows;
}

/** Every IOVA reservation: what it pinned and what it used of that. */
export function rangeTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  const { domains } = document;
  const rows: Row[] = domains.flatMap(({ id, reservations }) =>
    reservations.map((range) => ({ ...range, domain: id })),
  );
  if (rows.length === 0) return [ink.dim('no IOVA reservations; --reserve-around areas makes them from the maps\n')];
  const shown = rows.slice(0, ROWS);
  const more = rows.length - shown.length;
  const columns = domains.length > 1 ? [DOMAIN, ...COLUMNS] : COLUMNS;
  const rest = more === 0 ? '' : ink.dim(`... and ${plural(more, 'reservation')} more; --json lists all\n`);
  return [renderColumns(shown, columns, ink.bold, width) + rest + wrapped(inWords(rows, document), width, 4)];
}

const DOMAIN: Column<Row> = { title: 'domain', align: 'left', cell: ({ domain }) => shortened(printable(domain)) };

const COLUMNS: readonly Column<Row>[] = [
  {
    title: 'reservation',
    align: 'left',
    cell: ({ id, live }) => `${shortened(printable(id))}${live ? '' : ' (ended)'}`,
  },
  { title: 'iova', align: 'right', cell: ({ iova }) => iova },
  { title: 'size', align: 'right', cell: ({ size }) => exactSize(size) },
  { title: 'depth', align: 'right', cell: ({ depth }) => String(depth), spare: true },
  { title: 'tables pinned', align: 'right', cell: ({ pinned }) => grouped(pinned) },
  { title: 'bytes', align: 'right', cell: ({ pinnedBytes }) => readableBytes(pinnedBytes) },
  { title: 'allocated', align: 'right', cell: ({ allocated }) => grouped(allocated), spare: true },
  { title: 'used', align: 'right', cell: ({ used }) => grouped(used) },
  { title: 'maps', align: 'right', cell: ({ maps }) => grouped(maps), spare: true },
  { title: 'unmaps', align: 'right', cell: ({ unmaps }) => grouped(unmaps), spare: true },
  { title: 'mapped peak', align: 'right', cell: ({ mappedPeak }) => readableBytes(mappedPeak) },
  { title: 'freed', align: 'right', cell: ({ freed }) => grouped(freed), spare: true },
];

const NAME_WIDTH = 40;

function shortened(name: string): string {
  return name.length > NAME_WIDTH ? `${name.slice(0, NAME_WIDTH - 3)}...` : name;
}

function inWords(rows: readonly RangeStats[], { counters }: StatsDocument): string {
  const sum = (value: (row: RangeStats) => number): number => rows.reduce((total, row) => total + value(row), 0);
  const pins = sum(({ pinned }) => pinned);
  const used = sum(({ used: tables }) => tables);
  const share = pins === 0 ? '' : ` (${((100 * used) / pins).toFixed(0)} %)`;
  const peak = counters['reservations.pinnedPeak'];
  const atOnce = peak === undefined ? '' : `, ${plural(peak, 'table')} pinned at once at most`;
  const made = counters['reservations.made'] ?? rows.length;
  const listed = made === rows.length ? '' : `; of ${grouped(made)} made, the others ended and are not listed`;
  return `${plural(rows.length, 'reservation')} with ${plural(pins, 'pin')} on tables${atOnce}; ${grouped(used)} pins${share} were on tables that translated something${listed}.\n`;
}
