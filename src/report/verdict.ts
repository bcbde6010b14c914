import type { ChalkInstance } from 'chalk';
import { printable } from '../base/printable.ts';
import { grouped, plural } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import { listUnder, sumUnder } from './counter-text.ts';

const FINDING_ROWS = 5;

/** The first findings, one a line. */
export function findingRows(document: StatsDocument, ink: ChalkInstance): string {
  const shown = document.findings.slice(0, FINDING_ROWS);
  const lines = shown.map(
    (f) =>
      `${ink.red(f.kind)}  line ${f.line}, event ${f.seq}, domain ${printable(f.domain)}: ${printable(f.message)}\n`,
  );
  const rest = sumUnder(document.counters, 'findings.') - shown.length;
  if (rest > 0) lines.push(ink.dim(`... and ${plural(rest, 'finding')} more; --json lists up to 50 of each kind\n`));
  return lines.join('');
}

/** The last line: whether all is well, and what was checked. */
export function verdictLine(document: StatsDocument, ink: ChalkInstance): string {
  const { counters } = document;
  const n = (key: string): number => counters[key] ?? 0;
  const findings = sumUnder(counters, 'findings.');
  const warnings = n('warns.total');
  const checked = n('returns.checked');
  const refused = document.domains.filter((domain) => domain.refused !== null).length;
  const nothing = document.domains.length === 0;
  const clauses = [
    ...(document.complete ? [] : [ink.red('incomplete: the trace could not be read to its end')]),
    ...(nothing ? [ink.red('nothing was replayed')] : []),
    ...(refused === 0 ? [] : [ink.yellow(`${plural(refused, 'domain')} refused`)]),
    ...(document.trace.skippedLines === 0
      ? []
      : [ink.yellow(`${plural(document.trace.skippedLines, 'line')} skipped`)]),
    ...(checked === 0
      ? []
      : [`${grouped(n('returns.equal'))} of ${grouped(checked)} recorded returns equal the model's`]),
    warnings === 0
      ? 'no kernel warnings'
      : ink.yellow(`${plural(warnings, 'kernel warning')} (${warningKinds(document)})`),
    findings === 0 ? 'no findings' : ink.red(plural(findings, 'finding') + likelyCause(document)),
  ];
  const good = document.complete && findings === 0 && !nothing;
  return `${good ? ink.green('ok') : ink.red('not ok')}: ${clauses.join('; ')}\n`;
}

function warningKinds(document: StatsDocument): string {
  const kinds = Object.fromEntries(Object.entries(document.counters).filter(([key]) => key !== 'warns.total'));
  return listUnder(kinds, 'warns.');
}

/** Why the returns of a recording differ when it is not the engine: it lacks something. */
function likelyCause(document: StatsDocument): string {
  const { counters, trace } = document;
  if (trace.import === null || (counters['findings.return-mismatch'] ?? 0) === 0) return '';
  const { losses } = trace.import;
  if (losses.overrun > 0 || losses.marks > 0 || losses.lateStarts > 0) return ', likely for events that were lost';
  if (trace.import.sharedDomain) return ', likely for several devices in one address space';
  const unmapped = counters['warns.not-mapped'] ?? 0;
  return unmapped * 2 > (counters['findings.return-mismatch'] ?? 0)
    ? ', likely for mappings made before the recording began'
    : '';
}
