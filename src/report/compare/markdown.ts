import { plural } from '../../base/sizes.ts';
import type { CompareResult, MetricChange, RowComparison } from '../../stats/compare/result.ts';
import { fitted, type Listing, type Part } from '../markup/fit.ts';
import { code, DETAILS_END, detailsStart, prose, tableHead, tableRow } from '../markup/markdown.ts';
import type { CompareReporter } from '../reporter.ts';
import { answer, countsInWords, metricsInWords, WARN_ONLY } from './verdict-words.ts';
import { configurationOf, differenceText, percentOf, relativeText, traceOf, valueText } from './words.ts';

/** By its first line a bot finds the comment that it wrote before. */
export const COMPARE_MARKER = '<!-- pgtrace-compare -->';

/** GitHub takes comments of 65,536 characters; a bot may want to add a line of its own. */
export const COMMENT_BYTES = 64_000;

/** Reasons, notices and thresholds at most; these always have their place. */
const SENTENCES = 10;

const TITLES = ['row', 'metric', ':base', ':now', ':change', ':%', 'verdict'];

/** A comment for a pull request: the answer, what got worse, and folded away what did not. */
export const markdownReporter: CompareReporter = {
  help: 'a comment for a pull request, cut to what GitHub takes',
  render: (result) => fitted(partsOf(result), COMMENT_BYTES),
};

/** A line of a table: a change of a row, or a row that is on one side only. */
interface Line {
  readonly row: RowComparison;
  readonly change: MetricChange | null;
}

function partsOf(result: CompareResult): Part[] {
  const lines = result.rows.flatMap((row): Line[] => {
    if (row.verdict === 'missing' || row.verdict === 'new') return [{ row, change: null }];
    return row.changes.map((change) => ({ row, change }));
  });
  const bad = lines.filter((line) => matters(line, result));
  const rest = lines.filter((line) => !matters(line, result));
  const same = result.rows.filter(({ verdict }) => verdict === 'same');
  return [
    `${COMPARE_MARKER}\n### pgtrace compare: ${answer(result)}\n\n`,
    `**${countsInWords(result)}**${metricsText(result)}\n\n`,
    list(sentences(result)),
    ...(bad.length === 0 ? [] : [table(bad, '', '\n')]),
    ...(rest.length === 0
      ? []
      : [
          table(
            rest,
            detailsStart(`${plural(rest.length, 'other difference')}, none for the worse`),
            `${DETAILS_END}\n`,
          ),
        ]),
    ...(same.length === 0 ? [] : [sameRows(same)]),
    ...means(result),
    footer(result),
  ];
}

function metricsText(result: CompareResult): string {
  const words = metricsInWords(result);
  return words === '' || words === countsInWords(result) ? '' : `: ${words}`;
}

/** Why it failed, and what a reader should know. */
function sentences({ reasons, notices, failed, warnOnly }: CompareResult): string[] {
  return [
    ...cut(reasons, (reason) => `**${prose(reason)}**`),
    ...(failed && warnOnly ? [WARN_ONLY] : []),
    ...cut(notices, (notice) => `note: ${prose(notice)}`),
  ];
}

function cut(all: readonly string[], text: (one: string) => string): string[] {
  const rest = all.length - SENTENCES;
  return [...all.slice(0, SENTENCES).map(text), ...(rest > 0 ? [`... and ${rest} more`] : [])];
}

/** Whether a line belongs into the table that everybody sees. */
function matters({ row, change }: Line, { failOn }: CompareResult): boolean {
  if (change === null) return row.verdict === 'missing';
  if (change.verdict === 'better') return failOn.includes('improvement');
  return change.verdict !== 'changed';
}

function table(lines: readonly Line[], before: string, after: string): Listing {
  return {
    head: before + tableHead(TITLES),
    // A row is named once; where its lines are told apart by their metrics the name would only be in the way.
    rows: lines.map((line, at) => lineText(line, at === 0 || lines[at - 1].row !== line.row)),
    tail: after,
    rest: (left) => `\n${plural(left, 'line')} more left out: the json report has them all.\n`,
  };
}

function lineText({ row, change }: Line, named: boolean): string {
  const name = named ? rowCell(row) : '';
  if (change === null) return tableRow([name, '', '', '', '', '', verdictCell(row)]);
  const { metric, base, now, unit, verdict, threshold } = change;
  const decided = threshold === null || verdict === 'better' || verdict === 'changed' ? '' : ` (${code(threshold)})`;
  return tableRow([
    name,
    code(metric),
    valueText(base, unit),
    valueText(now, unit),
    differenceText(change),
    relativeText(change).replace(/[<>]/, (sign) => (sign === '<' ? '&lt;' : '&gt;')),
    `${verdict === 'regressed' ? '**regressed**' : verdict}${decided}`,
  ]);
}

function verdictCell({ verdict, allowed }: RowComparison): string {
  return verdict !== 'missing' ? verdict : allowed ? 'missing, allowed' : '**missing**';
}

function rowCell(row: RowComparison): string {
  return [traceOf(row), configurationOf(row)]
    .filter((part) => part !== '')
    .map(code)
    .join(' ');
}

function sameRows(rows: readonly RowComparison[]): Listing {
  return {
    head: detailsStart(`${plural(rows.length, 'row')} the same`),
    rows: rows.map((row) => `- ${rowCell(row)}\n`),
    tail: `${DETAILS_END}\n`,
    rest: (left) => `\n${plural(left, 'row')} more left out.\n`,
  };
}

function means({ geomean }: CompareResult): Part[] {
  if (geomean.length === 0) return [];
  const rows = geomean.map(({ metric, rows: over, basisPoints }) =>
    tableRow([code(metric), percentOf(basisPoints), plural(over, 'row')]),
  );
  return [
    {
      head: detailsStart('Mean changes') + tableHead(['metric', ':mean change', ':over']),
      rows,
      tail: `${DETAILS_END}\n`,
      rest: (left) => `\n${plural(left, 'metric')} more left out.\n`,
    },
  ];
}

/** A list of sentences that stands before all tables. */
function list(sentences: readonly string[]): string {
  return sentences.length === 0 ? '' : `${sentences.map((sentence) => `- ${sentence}\n`).join('')}\n`;
}

function footer({ base, now, thresholds }: CompareResult): string {
  const allowed = thresholds.length === 0 ? 'any worsening fails' : `allowed ${cut(thresholds, code).join(', ')}`;
  const sides = `base ${plural(base.rows, 'row')} of pgtrace ${prose(base.version)}, now ${plural(now.rows, 'row')} of pgtrace ${prose(now.version)}`;
  return `${sides}; ${allowed}\n`;
}
