import { grouped, plural } from '../../base/sizes.ts';
import { operationCount, sumUnder } from '../counter-text.ts';
import { bytesOf, fitted, leastBytes, type Part } from '../markup/fit.ts';
import { code, DETAILS_END, detailsStart, htmlCode, prose } from '../markup/markdown.ts';
import type { NamedDocument, StatsReporter } from '../reporter.ts';
import { sectionOf, verdictOf } from './markdown-section.ts';
import { countText, type MarkdownColumn, markdownTable } from './markdown-tables.ts';

/** By its first line a bot finds the comment that it wrote before. */
export const REPLAY_MARKER = '<!-- pgtrace-replay -->';

/** A step of GitHub Actions may write a summary of 1 MiB; other commands of the step may want a part of it. */
export const SUMMARY_BYTES = 1_000_000;
/** Of several traces each gets so much at most. */
const SECTION_BYTES = 100_000;
/** Kept for the line that says what was left out. */
const LAST_LINE = 100;

/** A summary for a job or a pull request: each verdict, what the tables cost, what was found. */
export const markdownReporter: StatsReporter = {
  help: 'a summary for a job or a pull request',
  render: (documents) => {
    if (documents.length !== 1) return several(documents);
    const [{ name, document }] = documents;
    const heading = `${REPLAY_MARKER}\n### pgtrace replay: ${code(name)}: ${answer(verdictOf(document))}\n\n`;
    return `${fitted([heading, ...sectionOf(document)], SUMMARY_BYTES).trimEnd()}\n`;
  },
};

/** A trace with its verdict in words. */
interface Judged extends NamedDocument {
  readonly verdict: string;
}

/** A table of all traces, those first that are not ok, and each trace folded away below. */
function several(documents: readonly NamedDocument[]): string {
  const judged = documents.map((named): Judged => ({ ...named, verdict: verdictOf(named.document) }));
  const bad = judged.filter((named) => !isGood(named));
  const inOrder = [...bad, ...judged.filter(isGood)];
  const outcome =
    documents.length === 0
      ? 'no traces'
      : bad.length === 0
        ? `${plural(documents.length, 'trace')} ok`
        : `${grouped(bad.length)} of ${plural(documents.length, 'trace')} not ok`;
  const overview: Part[] = [
    `${REPLAY_MARKER}\n### pgtrace replay: ${outcome}\n\n`,
    ...(documents.length === 0 ? [] : [markdownTable(inOrder, OVERVIEW, 'trace')]),
  ];
  const texts = [fitted(overview, SUMMARY_BYTES / 2)];
  let room = SUMMARY_BYTES - LAST_LINE - bytesOf(texts[0]);
  for (const [at, { name, document, verdict }] of inOrder.entries()) {
    const parts = [detailsStart(`${htmlCode(name)}: ${answer(verdict)}`), ...sectionOf(document), `${DETAILS_END}\n`];
    if (leastBytes(parts) > room) {
      texts.push(`${plural(inOrder.length - at, 'trace')} more: the json report has all.\n`);
      break;
    }
    const text = fitted(parts, Math.max(leastBytes(parts), Math.min(room, SECTION_BYTES)));
    room -= bytesOf(text);
    texts.push(text);
  }
  return `${texts.join('').trimEnd()}\n`;
}

function answer(verdict: string): string {
  return verdict.startsWith('ok:') ? 'ok' : 'not ok';
}

function isGood({ verdict }: Judged): boolean {
  return answer(verdict) === 'ok';
}

const count = (title: string, key: string): MarkdownColumn<Judged> => ({
  title,
  optional: true,
  cell: ({ document }) => countText(document.counters, key),
});

const OVERVIEW: readonly MarkdownColumn<Judged>[] = [
  { title: 'trace', cell: ({ name }) => code(name) },
  { title: 'verdict', cell: (named) => (isGood(named) ? 'ok' : '**not ok**') },
  { title: ':operations', cell: ({ document }) => grouped(operationCount(document.counters)) },
  count(':tables peak', 'tables.peak'),
  count(':memory peak', 'memory.occupiedPeak'),
  count(':walk flushes', 'tlb.flushWalks'),
  count(':gathers', 'tlb.iotlbSyncs'),
  count(':kernel warnings', 'warns.total'),
  {
    title: ':findings',
    optional: true,
    cell: ({ document }) => {
      const runs = document.strategies ?? [document];
      return grouped(runs.reduce((sum, { counters }) => sum + sumUnder(counters, 'findings.'), 0));
    },
  },
  { title: 'why', optional: true, cell: (named) => (isGood(named) ? '' : prose(named.verdict, 400)) },
];
