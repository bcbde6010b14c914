import type { Concurrency, LockRegime } from '../../check/options.ts';
import type { Level, Rule } from '../../check/rules.ts';
import type { Finding, FindingKind } from '../../replay/results/findings.ts';
import type { Reporter } from '../reporter.ts';

export const CHECK_SCHEMA = 'pgtrace.check/1';

/** What a finding says, beside what the replay knows of it. */
export interface Judged extends Finding {
  readonly level: Level;
}

/** How many findings of a rule there are, by level. */
export interface RuleCounts {
  readonly rule: FindingKind;
  readonly error: number;
  readonly warning: number;
  readonly note: number;
}

/** One trace under the check. */
export interface CheckedTrace {
  readonly name: string;
  readonly format: string;
  readonly events: number;
  readonly domains: number;
  /** What told which operations run at once; null: there was no operation. */
  readonly concurrency: Concurrency | null;
  /** Operations that last a while, or belong to a queue or a thread, where these decide. */
  readonly comparable: number;
  /** It was read to its end. */
  readonly complete: boolean;
  /** More pairs met than are counted. */
  readonly full: boolean;
  /** By level, rule and place; the first fifty of each rule and level. */
  readonly findings: readonly Judged[];
  readonly counts: readonly RuleCounts[];
}

/** What a check of some traces came to. */
export interface CheckResult {
  readonly version: string;
  readonly lock: LockRegime;
  /** Findings of this level, and worse ones, make the answer no. */
  readonly failOn: Level;
  readonly failed: boolean;
  /** The rules that were asked for, or all. */
  readonly rules: readonly (Rule & { readonly name: FindingKind })[];
  /** Findings of a rule that the text tells of each trace. */
  readonly limit: number;
  readonly traces: readonly CheckedTrace[];
}

export type CheckReporter = Reporter<CheckResult>;

/** Findings of one level over all traces. */
export function countOf({ traces }: CheckResult, level: Level): number {
  return traces.reduce((sum, { counts }) => sum + counts.reduce((own, count) => own + count[level], 0), 0);
}

/** Whether a level is as bad as another, or worse. */
export function isAtLeast(level: Level, least: Level): boolean {
  return RANK[level] <= RANK[least];
}

export const RANK: Readonly<Record<Level, number>> = { error: 0, warning: 1, note: 2 };
