import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../../base/printable.ts';
import { plural } from '../../base/sizes.ts';
import type { CompareResult, MetricChange, RowComparison, RowVerdict } from '../../stats/compare/result.ts';
import { metricOf } from '../../stats/metrics/metrics.ts';
import { shortened } from '../markup/shorten.ts';
import type { CompareReporter } from '../reporter.ts';
import { wrapped } from '../wrap.ts';
import { alignedLines, type PaintedColumn } from './aligned.ts';
import { answer, closing, countsInWords, metricsInWords } from './verdict-words.ts';
import {
  differenceText,
  percentOf,
  relativeText,
  rowName,
  thresholdText,
  traceOf,
  unchangedText,
  valueText,
} from './words.ts';

const LABEL = 12;
/** No metric of ours is longer; a longer one would push all columns away. */
const NAME = 50;
const VERDICT = 'regressed'.length;
/** Where the second line of a broken one begins. */
const HANG = 6;

/** Tables for a person: the answer, what differs row by row, the answer again. */
export const textReporter: CompareReporter = {
  help: 'tables for the terminal',
  render: (result, style) => {
    const ink = new Chalk({ level: style.color ? 1 : 0 });
    const parts = [
      heading(result, ink, style.width),
      ...differences(result, style.all, ink, style.width),
      ...folded(result, style.all, ink),
      ...means(result, ink, style.width),
      ...notices(result, ink, style.width),
      wrapped(`${coloured(closing(result), result, ink)}\n`, style.width, HANG),
    ];
    return parts.join('\n');
  },
};

/** A line of a table: a metric that differs, or one that is equal. */
interface Line {
  readonly change: MetricChange;
  readonly same: boolean;
}

function heading(result: CompareResult, ink: ChalkInstance, width: number | null): string {
  const { base, now, thresholds } = result;
  const metrics = metricsInWords(result);
  const counts = countsInWords(result);
  const labelled: [string, string][] = [
    // Of a single row the first line says it.
    ...(metrics === '' || metrics === counts
      ? []
      : [['metrics', metrics.replace(/ metrics?/, '')] as [string, string]]),
    ['base', `${plural(base.rows, 'row')} of pgtrace ${printable(base.version)}`],
    ['now', `${plural(now.rows, 'row')} of pgtrace ${printable(now.version)}`],
    ...(thresholds.length === 0 ? [] : [['allowed', thresholds.map(printable).join(', ')] as [string, string]]),
  ];
  const lines = labelled.map(([label, text]) => `${label.padEnd(LABEL)}${text}\n`).join('');
  const first = coloured(`${answer(result)}: ${counts}`, result, ink);
  return `${wrapped(`${first}\n`, width, HANG)}${wrapped(lines, width, LABEL)}`;
}

/** The answer in its colour; a failure that is a warning only is no alarm. */
function coloured(text: string, result: CompareResult, ink: ChalkInstance): string {
  const word = answer(result);
  const paint = !result.failed ? ink.green : result.warnOnly ? ink.yellow : ink.red;
  return `${paint(word)}${text.slice(word.length)}`;
}

/** Every row that differs with its metrics in columns that are the same for all; with `all` the equal rows, too. */
function differences(result: CompareResult, all: boolean, ink: ChalkInstance, width: number | null): string[] {
  const rows = result.rows.filter(({ verdict }) => all || verdict !== 'same');
  if (rows.length === 0) return [];
  const linesOf = (row: RowComparison): Line[] => [
    ...row.changes.map((change) => ({ change, same: false })),
    ...(all ? Object.entries(row.same ?? {}).map(([key, value]) => ({ change: equal(key, value), same: true })) : []),
  ];
  const lines = rows.map(linesOf);
  const table = alignedLines(lines.flat(), columns(ink), width);
  let at = 0;
  const blocks = rows.map((row, r) => {
    const own = table.lines.slice(at, at + lines[r].length);
    at += own.length;
    return `${[title(row, ink), ...own, ...unlisted(row, all, ink)].join('\n')}\n`;
  });
  const head = at === 0 ? '' : `${ink.bold(table.head)}\n`;
  return [wrapped(`${head}${blocks.join('')}`, width, HANG)];
}

/** The verdict of a row and its name. */
function title(row: RowComparison, ink: ChalkInstance): string {
  const allowed = row.verdict === 'missing' && row.allowed ? '  (allowed)' : '';
  return `${painted(row.verdict, ink)(row.verdict.padEnd(VERDICT))}  ${ink.bold(rowName(row))}${allowed}`;
}

/** How many metrics of a row are the same, unless they are listed or the row is on one side only. */
function unlisted(row: RowComparison, all: boolean, ink: ChalkInstance): string[] {
  const listed = all && row.same !== null;
  return row.unchanged === 0 || listed ? [] : [ink.dim(`  ${unchangedText(row)}`)];
}

const columns = (ink: ChalkInstance): PaintedColumn<Line>[] => [
  { title: '  metric', align: 'left', cell: ({ change }) => `  ${shortened(printable(change.metric), NAME)}` },
  { title: 'base', align: 'right', cell: ({ change }) => valueText(change.base, change.unit) },
  { title: 'now', align: 'right', cell: ({ change }) => valueText(change.now, change.unit) },
  { title: 'change', align: 'right', spare: true, cell: ({ change, same }) => (same ? '' : differenceText(change)) },
  { title: '%', align: 'right', cell: ({ change, same }) => (same ? '' : relativeText(change)) },
  {
    title: 'verdict',
    align: 'left',
    cell: ({ change, same }) => (same ? 'same' : change.verdict),
    paint: (text, { change, same }) => painted(same ? 'same' : change.verdict, ink)(text),
  },
  {
    title: 'threshold',
    align: 'left',
    optional: true,
    trailing: true,
    cell: ({ change }) => thresholdText(change),
  },
];

function painted(verdict: RowVerdict, ink: ChalkInstance): (text: string) => string {
  if (verdict === 'regressed' || verdict === 'missing') return ink.red;
  if (verdict === 'worse') return ink.yellow;
  if (verdict === 'better') return ink.green;
  return verdict === 'same' ? ink.dim : (text) => text;
}

/** An equal metric in the form of one that differs. */
function equal(key: string, value: number): MetricChange {
  const { unit = 'count', direction = 'none', kind = 'exact', help = '' } = metricOf(key) ?? {};
  const both = { base: value, now: value, basisPoints: 0 };
  return { metric: key, unit, direction, kind, help, ...both, verdict: 'changed', threshold: null };
}

/** The rows that are not listed because nothing in them differs. */
function folded({ rowCounts, rows }: CompareResult, all: boolean, ink: ChalkInstance): string[] {
  if (rowCounts.same === 0 || all) return [];
  // A single pair of documents has no name.
  if (rows.length === 1 && traceOf(rows[0]) === '') return [];
  return [`${ink.dim(`${plural(rowCounts.same, 'row')} the same; --all lists them`)}\n`];
}

function means({ geomean }: CompareResult, ink: ChalkInstance, width: number | null): string[] {
  if (geomean.length === 0) return [];
  const table = alignedLines(
    geomean,
    [
      { title: 'metric', align: 'left', cell: ({ metric }) => shortened(printable(metric), NAME) },
      { title: 'mean change', align: 'right', cell: ({ basisPoints }) => percentOf(basisPoints) },
      { title: 'over', align: 'right', cell: ({ rows }) => plural(rows, 'row') },
    ],
    width,
  );
  return [wrapped(`${[ink.bold(table.head), ...table.lines].join('\n')}\n`, width, HANG)];
}

function notices({ notices: all }: CompareResult, ink: ChalkInstance, width: number | null): string[] {
  if (all.length === 0) return [];
  return [wrapped(all.map((notice) => `${ink.dim('note')}  ${printable(notice)}\n`).join(''), width, HANG)];
}
