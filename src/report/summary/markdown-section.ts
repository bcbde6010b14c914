import { Chalk } from 'chalk';
import { plural } from '../../base/sizes.ts';
import type { Finding } from '../../replay/results/findings.ts';
import type { StatsDocument } from '../../stats/document.ts';
import { inWords } from '../allocator/strategy-words.ts';
import { operationCount } from '../counter-text.ts';
import { hasPolicies, type PolicyRow, policyRows } from '../flush/policy-rows.ts';
import { driversInWords } from '../gpu/driver-words.ts';
import type { Listing, Part } from '../markup/fit.ts';
import { code, DETAILS_END, detailsStart, prose } from '../markup/markdown.ts';
import { importNotes } from '../notes.ts';
import { verdictLine } from '../verdict.ts';
import { detailText, judgedRuns, kindText, unlistedText } from './judged.ts';
import {
  ALLOCATOR_COLUMNS,
  DOMAIN_COLUMNS,
  DRIVER_COLUMNS,
  levelsTable,
  type MarkdownColumn,
  markdownTable,
  totalsTable,
} from './markdown-tables.ts';

const PLAIN = new Chalk({ level: 0 });
/** Characters of a sentence that has several clauses. */
const LONG = 1_000;

/** The verdict of a trace in words, without its line feed. */
export function verdictOf(document: StatsDocument): string {
  return verdictLine(document, PLAIN).trimEnd();
}

/** What there is to say of one trace below its name; what matters most first, which also gets its room first. */
export function sectionOf(document: StatsDocument): Part[] {
  const compares = document.strategies !== undefined;
  return [
    `**${prose(verdictOf(document), LONG)}**\n\n${prose(replayed(document), LONG)}\n\n`,
    ...findings(document),
    ...(compares ? comparison(document) : [totalsTable(document), ...levelsTable(document)]),
    ...policies(document),
    ...notes(document),
    ...(compares || document.domains.length < 2 ? [] : [domains(document)]),
  ];
}

/** What was replayed, and how. */
function replayed({ trace, config, counters, domains: spaces, strategies, flushPolicies }: StatsDocument): string {
  const operations = Math.max(...(strategies ?? [{ counters }]).map((run) => operationCount(run.counters)));
  return [
    trace.format,
    plural(operations, 'operation'),
    plural(spaces.length, 'domain'),
    `kernel ${config.kernel}`,
    ...(config.driver === null || strategies !== undefined ? [] : [`driver ${config.driver}`]),
    ...(strategies === undefined ? [`allocator ${config.allocator}`] : []),
    ...(config.queue === null ? [] : [`queue ${config.queue}`]),
    ...(config.zero ? [] : ['recycled pages not zeroed']),
    flushPolicies !== undefined && flushPolicies.length > 1
      ? `${flushPolicies.length} flush policies`
      : `flush ${config.flush}`,
  ].join(', ');
}

interface FindingLine {
  readonly whose: string;
  readonly finding: Finding;
}

function findings(document: StatsDocument): Part[] {
  const runs = judgedRuns(document, false);
  const lines = runs.flatMap(({ driver, allocator, failing, allowed }) =>
    [...failing, ...allowed].map((finding): FindingLine => ({ whose: driver ?? allocator, finding })),
  );
  if (lines.length === 0) return [];
  const columns: MarkdownColumn<FindingLine>[] = [
    ...(runs.length > 1 ? [{ title: 'under', cell: ({ whose }: FindingLine) => code(whose) }] : []),
    { title: 'finding', cell: ({ finding }) => `**${prose(kindText(finding.kind))}**` },
    { title: ':line', cell: ({ finding }) => String(finding.line) },
    { title: 'what', cell: ({ finding }) => prose(detailText(finding), 2 * 200) },
  ];
  const unlisted = runs.reduce((sum, run) => sum + run.unlisted.failing + run.unlisted.allowed, 0);
  const after = unlisted === 0 ? '\n' : `\n${unlistedText(unlisted)}\n\n`;
  return [markdownTable(lines, columns, 'finding', '', after)];
}

/** Flush policies side by side, one column each. */
function policies(document: StatsDocument): Part[] {
  if (!hasPolicies(document)) return [];
  const columns: MarkdownColumn<PolicyRow>[] = [
    { title: 'flush policy', cell: ({ name }) => name },
    ...document.flushPolicies.map(
      (stats): MarkdownColumn<PolicyRow> => ({
        title: `:${code(stats.policy)}`,
        cell: ({ cell }) => prose(cell(stats)),
      }),
    ),
  ];
  return [markdownTable(policyRows(document.flushPolicies), columns, 'line')];
}

/** Allocators or drivers side by side, and what that means in words. */
function comparison(document: StatsDocument): Part[] {
  const runs = document.strategies ?? [];
  const ofDrivers = comparesDrivers(document);
  const words = ofDrivers ? driversInWords(document, runs, PLAIN) : inWords(runs, PLAIN);
  return [
    markdownTable(runs, ofDrivers ? DRIVER_COLUMNS : ALLOCATOR_COLUMNS, ofDrivers ? 'driver' : 'allocator'),
    ...list(words.split('\n').filter((line) => line !== '')),
  ];
}

function comparesDrivers({ strategies }: StatsDocument): boolean {
  return strategies?.some(({ driver }) => driver !== undefined) === true;
}

function notes(document: StatsDocument): Part[] {
  const refused = document.domains
    // A comparison of drivers tells it for each of them.
    .filter((domain) => domain.refused !== null && !comparesDrivers(document))
    .map(({ id, refused: why }) => `refused: ${id}: ${why}`);
  return list([...refused, ...importNotes(document)]);
}

function list(sentences: readonly string[]): Listing[] {
  if (sentences.length === 0) return [];
  return [
    {
      head: '',
      rows: sentences.map((sentence) => `- ${prose(sentence, LONG)}\n`),
      tail: '\n',
      rest: (left) => `- ${plural(left, 'note')} more left out\n`,
    },
  ];
}

function domains({ domains: spaces }: StatsDocument): Listing {
  return markdownTable(
    spaces,
    DOMAIN_COLUMNS,
    'domain',
    detailsStart(plural(spaces.length, 'domain')),
    `${DETAILS_END}\n`,
  );
}
