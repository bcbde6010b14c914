import { exactSize, grouped, plural, readableBytes } from '../../../base/sizes.ts';
import { type Finding, VIOLATIONS } from '../../../replay/results/findings.ts';
import type { StatsDocument } from '../../../stats/document.ts';
import { METRICS } from '../../../stats/metrics/metrics.ts';
import type { Offender } from '../../../stats/timeline.ts';
import type { Column } from '../../columns.ts';
import { sumUnder } from '../../counter-text.ts';
import { text } from '../markup.ts';
import { nameOf, runsOf } from '../shown.ts';
import { folded, htmlTable } from '../table.ts';
import { eventLink, type Part } from './section.ts';

const FINDINGS = 200;
const OFFENDERS = 200;

/** Something that belongs to an event, and whose run it was. */
type Of<What> = What & { readonly run: string | null };

/** What is wrong, one row each. */
export function findings(document: StatsDocument, nth: number): Part[] {
  const runs = document.strategies ?? [{ allocator: '', ...document }];
  const all = runs.flatMap(({ findings: list, ...run }) =>
    list.map((finding) => ({ ...finding, run: document.strategies === undefined ? null : nameOf(run) })),
  );
  if (all.length === 0) return [];
  const shown = all.slice(0, FINDINGS);
  const rest = runs.reduce((sum, { counters }) => sum + sumUnder(counters, 'findings.'), 0) - shown.length;
  const columns: Column<Of<Finding>>[] = [
    { title: 'finding', align: 'left', cell: ({ kind }) => (VIOLATIONS.has(kind) ? `VIOLATION(${kind})` : kind) },
    ...RUN,
    { title: 'event', align: 'right', cell: ({ seq }) => grouped(seq) },
    { title: 'line', align: 'right', cell: ({ line }) => grouped(line) },
    { title: 'domain', align: 'left', cell: ({ domain }) => domain },
    {
      title: 'range',
      align: 'left',
      optional: true,
      cell: ({ range }) => (range === undefined ? '' : `${range.iova} + ${exactSize(range.size)}`),
    },
    { title: 'what', align: 'left', cell: ({ message }) => message },
  ];
  const table = htmlTable(
    shown,
    columns,
    'What is held against the trace, the recording or the driver',
    linked(document, nth),
  );
  const more =
    rest <= 0
      ? ''
      : `<p class="note">... and ${plural(rest, 'finding')} more; --json lists up to 50 of each kind</p>\n`;
  return [{ name: 'findings', title: 'Findings', content: table + more }];
}

/** Events that cost the most. */
export function offenders(document: StatsDocument, nth: number): Part[] {
  const runs = (document.strategies ?? []).filter((run) => (run.offenders ?? []).length > 0);
  const title = 'Events that cost the most';
  const own = (document.offenders ?? []).map((one) => ({ ...one, run: null }));
  if (runs.length === 0) {
    return own.length === 0 ? [] : [{ name: 'offenders', title, content: offenderTable(own, document, nth) }];
  }
  const tables = runs.map((run, at) => {
    const rows = (run.offenders ?? []).map((one) => ({ ...one, run: nameOf(run) }));
    return folded(text(nameOf(run)), offenderTable(rows, document, nth), at === 0);
  });
  return [{ name: 'offenders', title, content: tables.join('') }];
}

function offenderTable(all: readonly Of<Offender>[], document: StatsDocument, nth: number): string {
  const shown = all.slice(0, OFFENDERS);
  const columns: Column<Of<Offender>>[] = [
    { title: 'cost', align: 'left', cell: ({ metric }) => meaning(metric) },
    { title: 'amount', align: 'right', cell: ({ metric, value }) => amount(metric, value) },
    { title: 'event', align: 'right', cell: ({ seq }) => grouped(seq) },
    { title: 'line', align: 'right', cell: ({ line }) => grouped(line) },
    { title: 'operation', align: 'left', cell: ({ op }) => op },
    { title: 'domain', align: 'left', cell: ({ domain }) => domain },
    { title: 'iova', align: 'left', optional: true, cell: ({ iova }) => iova ?? '' },
    { title: 'size', align: 'right', optional: true, cell: ({ size }) => exactSize(size) },
  ];
  const content = htmlTable(shown, columns, 'A link shows the event in the timeline', linked(document, nth));
  const rest = all.length - shown.length;
  const more = rest === 0 ? '' : `<p class="note">... and ${plural(rest, 'event')} more; --json lists them</p>\n`;
  return content + more;
}

const RUN: readonly Column<{ readonly run: string | null }>[] = [
  { title: 'under', align: 'left', optional: true, cell: ({ run }) => run ?? '' },
];

/** The number of an event leads to it in the timeline, where there is one. */
function linked(
  document: StatsDocument,
  nth: number,
): (row: Of<{ seq: number }>, cell: string, title: string) => string {
  const events = Math.max(0, ...runsOf(document).map(({ timeline }) => timeline?.events ?? 0));
  return ({ seq, run }, cell, title) =>
    title === 'event' ? eventLink(nth, seq, text(cell), run === null ? null : text(run), seq < events) : text(cell);
}

/** What events cost, where the words of the metric need those of another before them. */
const COSTS: ReadonlyMap<string, string> = new Map([
  ['tables.allocated', 'tables allocated'],
  ['op.returned', 'pages reserved in vain'],
  ['tlb.flushWalks', 'walk flushes'],
  ['tlb.addPages', 'pages handed to a gather'],
  ['blocks.split', 'blocks split'],
]);

/** What a metric counts, in words where it is declared by its whole name. */
function meaning(key: string): string {
  return COSTS.get(key) ?? METRICS.find((metric) => metric.key === key)?.help ?? key;
}

function amount(key: string, value: number): string {
  return METRICS.find((metric) => metric.key === key)?.unit === 'bytes' ? readableBytes(value) : grouped(value);
}
