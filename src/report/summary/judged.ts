import { printable } from '../../base/printable.ts';
import { exactSize, plural } from '../../base/sizes.ts';
import { type Finding, VIOLATIONS } from '../../replay/results/findings.ts';
import type { StatsDocument, StrategyStats } from '../../stats/document.ts';
import { hasContainers } from '../counter-text.ts';
import { incompleteText } from '../incomplete.ts';

/** What is held against one run of a trace: what makes `replay` answer no, and what it lets pass. */
export interface JudgedRun {
  readonly driver: string | null;
  readonly allocator: string;
  readonly failing: readonly Finding[];
  /** Broken promises, which count only under --strict. */
  readonly allowed: readonly Finding[];
  /** Findings that are counted and not kept. */
  readonly unlisted: { readonly failing: number; readonly allowed: number };
}

/** One run of a document, or one for each allocator or driver that it compares. */
export function judgedRuns(document: StatsDocument, strict: boolean): JudgedRun[] {
  const runs: readonly (StrategyStats | StatsDocument)[] = document.strategies ?? [document];
  const fails = ({ kind }: Pick<Finding, 'kind'>): boolean => strict || !VIOLATIONS.has(kind);
  return runs.map((run) => {
    // Of several flush policies those beside the first have findings of their own.
    const all = [...run.findings, ...otherPolicies(document)];
    const failing = all.filter(fails);
    const allowed = all.filter((finding) => !fails(finding));
    const counted = (wanted: boolean): number =>
      Object.entries(run.counters)
        .filter(([key]) => key.startsWith('findings.'))
        .filter(([key]) => (strict || !VIOLATIONS.has(key.slice('findings.'.length))) === wanted)
        .reduce((sum, [, count]) => sum + count, 0);
    return {
      driver: ('allocator' in run ? run.driver : run.config.driver) ?? null,
      allocator: 'allocator' in run ? run.allocator : run.config.allocator,
      failing,
      allowed,
      unlisted: {
        failing: Math.max(0, counted(true) - failing.length),
        allowed: Math.max(0, counted(false) - allowed.length),
      },
    };
  });
}

/** What was found of flush policies beside the first. */
function otherPolicies({ flushPolicies }: StatsDocument): readonly Finding[] {
  return flushPolicies?.slice(1).flatMap(({ findings }) => findings) ?? [];
}

/** `VIOLATION(steal)`: promises that were broken stand out. */
export function kindText(kind: string): string {
  return VIOLATIONS.has(kind) ? `VIOLATION(${kind})` : kind;
}

/** Where a finding is and what it says, without its kind and line. */
export function detailText({ seq, domain, range, message }: Finding): string {
  const where = range === undefined ? '' : `, ${range.iova} + ${exactSize(range.size)}`;
  return printable(`event ${seq}, domain ${domain}${where}: ${message}`);
}

/** Why a replay could not be judged; null when it could. */
export function troubleOf(document: StatsDocument): string | null {
  if (!document.complete) return incompleteText(document);
  return document.domains.length === 0 && !hasContainers(document) ? 'nothing was replayed' : null;
}

/** `... and 3 findings more` */
export function unlistedText(count: number): string {
  return `... and ${plural(count, 'finding')} more`;
}
