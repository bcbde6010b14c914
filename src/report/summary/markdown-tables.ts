import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { DomainStats, StatsDocument, StrategyStats } from '../../stats/document.ts';
import type { Counters } from '../../stats/metrics/metric.ts';
import { metricOf } from '../../stats/metrics/metrics.ts';
import { broken, failures, percentText, wastePercent } from '../allocator/strategy-figures.ts';
import { hasContainers, LEVELS, sumUnder } from '../counter-text.ts';
import { driverName } from '../gpu/driver-words.ts';
import { hardwareText } from '../gpu/hardware-words.ts';
import type { Listing } from '../markup/fit.ts';
import { code, prose, tableHead, tableRow } from '../markup/markdown.ts';

/** A column of a Markdown table: its title, `:` before it when it holds numbers, and its cells, escaped. */
export interface MarkdownColumn<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Left out where every cell is `0`, `-` or empty. */
  readonly optional?: boolean;
}

const BLANK = new Set(['', '0', '-']);

/** A table of which whole rows may be left out; `noun` is what a row is. */
export function markdownTable<Row>(
  rows: readonly Row[],
  columns: readonly MarkdownColumn<Row>[],
  noun: string,
  before = '',
  after = '\n',
): Listing {
  const shown = columns
    .map((column) => ({ column, cells: rows.map(column.cell) }))
    .filter(({ column, cells }) => column.optional !== true || cells.some((cell) => !BLANK.has(cell)));
  return {
    head: before + tableHead(shown.map(({ column }) => column.title)),
    rows: rows.map((_, at) => tableRow(shown.map(({ cells }) => cells[at]))),
    tail: after,
    rest: (left) => `\n${plural(left, noun)} more left out: the json report has them all.\n`,
  };
}

export const figure = <Row extends { readonly counters: Counters }>(
  title: string,
  key: string,
  optional = false,
): MarkdownColumn<Row> => ({ title, optional, cell: ({ counters }) => countText(counters, key) });

/** A counter in its unit; `-` where there is none. */
export function countText(counters: Counters, key: string): string {
  const value = counters[key];
  if (value === undefined) return '-';
  return metricOf(key)?.unit === 'bytes' ? readableBytes(value) : grouped(value);
}

/** What the totals tell, in this order; those after the gap only where they are not 0. */
const ALWAYS = ['tables.peak', 'tables.live', 'tables.allocated', 'tables.empty', 'memory.occupiedPeak', 'mapped.live'];
const SOMETIMES = [
  'tables.allocFailed',
  'blocks.split',
  'tlb.flushWalks',
  'tlb.iotlbSyncs',
  'tlb.addPages',
  'tlb.flushAlls',
  'tlb.commands',
  'tlb.commandSyncs',
  'walker.ptSyncs',
  'alloc.calls',
  'alloc.callsInRun',
  'alloc.heldPeak',
  'op.reserved',
  'op.used',
  'op.returned',
  'op.stolen',
  'op.unusedPeak',
  'reservations.made',
  'reservations.pinnedPeak',
  'reservations.allocsInReserved',
  'rcu.deferredPeak',
  'bind.jobs',
  'vmas.peak',
  'locked.peakBytes',
  'windows.tableBytes.allocatedPeak',
  'pins.made',
  'pins.avoided',
  'tce.written',
  'tce.lost',
  'nested.childMaps',
  'nested.pinsAvoided',
  'aperture.rejected',
  'aperture.bytesSaved',
  'warns.total',
  'returns.checked',
  'returns.equal',
];

/** What a replay came to in total, each metric by the name that it has everywhere, with what it means. */
export function totalsTable(document: StatsDocument): Listing {
  const { counters, domains } = document;
  // Requests to containers are about no page table of the engine.
  const always = domains.length === 0 && hasContainers(document) ? [] : ALWAYS;
  const keys = [...always, ...SOMETIMES.filter((key) => (counters[key] ?? 0) > 0)];
  return markdownTable(
    keys,
    [
      { title: 'metric', cell: code },
      { title: ':total', cell: (key) => countText(counters, key) },
      { title: 'meaning', cell: (key) => prose(metricOf(key)?.help ?? '') },
    ],
    'metric',
  );
}

/** Tables and leaves by level; nothing where no table was made. */
export function levelsTable({ counters }: StatsDocument): Listing[] {
  const levels = LEVELS.filter((level) => (counters[`tables.allocated.l${level}`] ?? 0) > 0);
  if (levels.length === 0) return [];
  const column = (title: string, key: string): MarkdownColumn<number> => ({
    title,
    cell: (level) => countText(counters, `${key}.l${level}`),
  });
  return [
    markdownTable(
      levels,
      [
        { title: 'level', cell: (level) => `L${level}` },
        column(':tables peak', 'tables.peak'),
        column(':live', 'tables.live'),
        column(':allocated', 'tables.allocated'),
        column(':freed', 'tables.freed'),
        column(':leaves', 'leaves.live'),
      ],
      'level',
    ),
  ];
}

/** Address spaces side by side. */
export const DOMAIN_COLUMNS: readonly MarkdownColumn<DomainStats>[] = [
  { title: 'domain', cell: ({ id, destroyed }) => `${code(id)}${destroyed ? ' (destroyed)' : ''}` },
  figure(':tables peak', 'tables.peak'),
  figure(':live', 'tables.live'),
  figure(':empty', 'tables.empty', true),
  figure(':table memory', 'memory.occupied'),
  figure(':mapped', 'mapped.live'),
  { title: ':operations', cell: ({ counters }) => grouped(sumUnder(counters, 'ops.')) },
  figure(':walk flushes', 'tlb.flushWalks', true),
  figure(':gathers', 'tlb.iotlbSyncs', true),
  figure(':warnings', 'warns.total', true),
  { title: ':failed', optional: true, cell: ({ counters }) => grouped(sumUnder(counters, 'errors.')) },
];

const WASTE: MarkdownColumn<StrategyStats> = {
  title: ':waste',
  cell: (run) => {
    const waste = wastePercent(run);
    return waste === null ? '-' : prose(percentText(waste));
  },
};

/** Allocators side by side. */
export const ALLOCATOR_COLUMNS: readonly MarkdownColumn<StrategyStats>[] = [
  { title: 'allocator', cell: ({ allocator }) => code(allocator) },
  figure(':in run', 'alloc.callsInRun'),
  figure(':reserved', 'op.reserved'),
  WASTE,
  figure(':idle peak', 'op.unusedPeak'),
  figure(':peak memory', 'alloc.heldPeak'),
  figure(':calls', 'alloc.calls'),
  figure(':hypercalls', 'alloc.hypercalls', true),
  { title: ':failed', optional: true, cell: (run) => grouped(failures(run)) },
  { title: ':broken', optional: true, cell: (run) => grouped(broken(run)) },
];

/** GPU drivers side by side. */
export const DRIVER_COLUMNS: readonly MarkdownColumn<StrategyStats>[] = [
  { title: 'driver', cell: (run) => code(driverName(run)) },
  figure(':reserved', 'op.reserved'),
  figure(':used', 'op.used'),
  WASTE,
  figure(':idle peak', 'op.unusedPeak'),
  figure(':tables', 'tables.peak'),
  figure(':peak memory', 'alloc.heldPeak'),
  figure(':empty', 'tables.empty'),
  { title: ':failed', optional: true, cell: ({ counters }) => grouped(sumUnder(counters, 'errors.')) },
  { title: 'hardware events', cell: ({ counters }) => prose(hardwareText(counters)) },
];
