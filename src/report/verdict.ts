import type { ChalkInstance } from 'chalk';
import { printable } from '../base/printable.ts';
import { exactSize, grouped, plural } from '../base/sizes.ts';
import { type Finding, VIOLATIONS } from '../replay/results/findings.ts';
import type { StatsDocument } from '../stats/document.ts';
import { broken } from './allocator/strategy-figures.ts';
import { hasContainers, listUnder, sumUnder } from './counter-text.ts';
import { incompleteText } from './incomplete.ts';

const FINDING_ROWS = 5;

/** The first findings, one a line; of a comparison those of every allocator. */
export function findingRows(document: StatsDocument, ink: ChalkInstance): string {
  const runs: readonly { driver?: string; allocator: string | null; findings: readonly Finding[] }[] =
    document.strategies ?? [{ allocator: null, findings: document.findings }];
  const lines: string[] = [];
  for (const { driver, allocator, findings } of runs) {
    const whose = allocator === null ? '' : `${driver ?? allocator}: `;
    for (const f of findings.slice(0, FINDING_ROWS)) lines.push(`${whose}${findingText(f, ink)}\n`);
  }
  const shown = lines.length;
  const counted = document.strategies ?? [document];
  const rest = counted.reduce((sum, { counters }) => sum + sumUnder(counters, 'findings.'), 0) - shown;
  if (rest > 0) lines.push(ink.dim(`... and ${plural(rest, 'finding')} more; --json lists up to 50 of each kind\n`));
  return lines.join('');
}

/** `VIOLATION(steal)  line 7, ...`: what it is, where it shows, about which range, and why. */
function findingText(f: Finding, ink: ChalkInstance): string {
  const kind = VIOLATIONS.has(f.kind) ? `VIOLATION(${f.kind})` : f.kind;
  const range = f.range === undefined ? '' : `, ${f.range.iova} + ${exactSize(f.range.size)}`;
  return `${ink.red(kind)}  line ${f.line}, event ${f.seq}, domain ${printable(f.domain)}${range}: ${printable(f.message)}`;
}

/** The last line: whether all is well, and what was checked. */
export function verdictLine(document: StatsDocument, ink: ChalkInstance): string {
  const { counters } = document;
  const n = (key: string): number => counters[key] ?? 0;
  const runs = document.strategies ?? [document];
  const violations = runs.reduce((sum, run) => sum + broken(run), 0);
  const findings = runs.reduce((sum, run) => sum + sumUnder(run.counters, 'findings.'), 0) - violations;
  const stale = runs.reduce((sum, run) => sum + (run.counters['alloc.staleLeaves'] ?? 0), 0);
  const checked = n('returns.checked');
  const nothing = document.domains.length === 0 && !hasContainers(document);
  const clauses = [
    ...(document.complete ? [] : [ink.red(incompleteText(document))]),
    ...lossClauses(document, ink),
    ...(nothing ? [ink.red('nothing was replayed')] : []),
    ...refusals(document, ink),
    ...(document.trace.skippedLines === 0
      ? []
      : [ink.yellow(`${plural(document.trace.skippedLines, 'line')} skipped`)]),
    ...(checked === 0
      ? []
      : [`${grouped(n('returns.equal'))} of ${grouped(checked)} recorded returns equal the model's`]),
    warnings(document, ink),
    ...(stale === 0 ? [] : [ink.red(plural(stale, 'stale translation'))]),
    ...(violations === 0 ? [] : [ink.red(`${plural(violations, 'broken promise')} (exit 1 under --strict)`)]),
    ...unsafePolicies(document, ink),
    findings === 0 ? 'no findings' : ink.red(plural(findings, 'finding') + likelyCause(document)),
  ];
  const good = document.complete && findings === 0 && violations === 0 && !nothing && !hasUnsafe(document);
  return `${good ? ink.green('ok') : ink.red('not ok')}: ${clauses.join('; ')}\n`;
}

/** Some flush policy let something be used again before it was invalidated. */
function hasUnsafe({ flushPolicies }: StatsDocument): boolean {
  return flushPolicies?.some(({ verdict }) => verdict === 'unsafe') === true;
}

/** Flush policies of a comparison that are not safe; one alone is told by its findings. */
function unsafePolicies({ flushPolicies }: StatsDocument, ink: ChalkInstance): string[] {
  if (flushPolicies === undefined || flushPolicies.length < 2) return [];
  const unsafe = flushPolicies.filter(({ verdict }) => verdict === 'unsafe').map(({ policy }) => policy);
  return unsafe.length === 0 ? [] : [ink.red(`unsafe flush policies: ${unsafe.join(', ')} (exit 1 under --strict)`)];
}

/** What says that the recording itself is not whole. */
function lossClauses({ counters, trace }: StatsDocument, ink: ChalkInstance): string[] {
  const losses = trace.import?.losses;
  const lost = losses === undefined ? 0 : losses.overrun + losses.marks + losses.gaps + losses.lateStarts;
  const kinds = ['mapsOverLive', 'unmapsOfNothing', 'unmapsOfPart'];
  const conflicts = kinds.reduce((sum, kind) => sum + (counters[`conflicts.${kind}`] ?? 0), 0);
  if (lost === 0 && conflicts === 0) return [];
  const contradicting = conflicts === 0 ? '' : `${plural(conflicts, 'event')} contradict those before`;
  const told = lost === 0 ? '' : 'the recording lost events';
  return [ink.yellow(`but ${[told, contradicting].filter((text) => text !== '').join(', ')}`)];
}

/** How many address spaces were refused; of a comparison by whom, where that differs. */
function refusals(document: StatsDocument, ink: ChalkInstance): string[] {
  const countOf = ({ domains }: Pick<StatsDocument, 'domains'>): number =>
    domains.filter(({ refused }) => refused !== null).length;
  const runs = document.strategies ?? [];
  const count = countOf(document);
  if (runs.every((run) => countOf(run) === count)) {
    return count === 0 ? [] : [ink.yellow(`${plural(count, 'domain')} refused`)];
  }
  const whose = runs.filter((run) => countOf(run) > 0).map((run) => `${run.driver ?? run.allocator} ${countOf(run)}`);
  return [ink.yellow(`domains refused under ${whose.join(', ')}`)];
}

/** Kernel warnings; of a comparison those of each allocator, where they differ. */
function warnings(document: StatsDocument, ink: ChalkInstance): string {
  const runs = document.strategies ?? [];
  const countOf = ({ counters }: Pick<StatsDocument, 'counters'>): number => counters['warns.total'] ?? 0;
  const total = countOf(document);
  if (runs.some((run) => countOf(run) !== total)) {
    const whose = runs.filter((run) => countOf(run) > 0).map((run) => `${run.driver ?? run.allocator} ${countOf(run)}`);
    return ink.yellow(`kernel warnings under ${whose.join(', ')}`);
  }
  if (total === 0) return 'no kernel warnings';
  return ink.yellow(`${plural(total, 'kernel warning')} (${warningKinds(document)})`);
}

function warningKinds(document: StatsDocument): string {
  const kinds = Object.fromEntries(Object.entries(document.counters).filter(([key]) => key !== 'warns.total'));
  return listUnder(kinds, 'warns.');
}

/** Why the returns of a recording differ when it is not the engine: it lacks something. */
function likelyCause(document: StatsDocument): string {
  const { counters, trace } = document;
  if (trace.import === null || (counters['findings.return-mismatch'] ?? 0) === 0) return '';
  const { losses, placement } = trace.import;
  const lost = losses.overrun + losses.marks + losses.lateStarts + losses.gaps > 0;
  if (lost) return ', likely for events that were lost';
  if (placement.by === 'single') return ', likely for several devices in one address space';
  const unmapped = counters['warns.not-mapped'] ?? 0;
  return unmapped * 2 > (counters['findings.return-mismatch'] ?? 0)
    ? ', likely for mappings made before the recording began'
    : '';
}
