import { nearest } from '../../base/edit-distance.ts';
import {
  EXIT_BUG,
  EXIT_ENVIRONMENT,
  EXIT_INPUT,
  EXIT_NO,
  EXIT_OK,
  EXIT_USAGE,
  type PgtraceError,
  usageError,
} from '../../base/errors.ts';
import { hexHi, hexLo, TWO_32 } from '../../base/u64.ts';
import type { CheckOptions } from '../../check/options.ts';
import { CHECK_RULES } from '../../check/rules.ts';
import { toolVersion } from '../../library/version.ts';
import type { Hint } from '../../reduce/reduce.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import type { Replayer } from '../../replay/replayer.ts';
import { FINDING_KINDS, type Finding, type FindingKind } from '../../replay/results/findings.ts';
import { metricOf } from '../../stats/metrics/metrics.ts';
import { statsDocument } from '../../stats/replay-document.ts';

/** A replay of some events: where it stands, whether it has ended, and what ended it early. */
export interface Seen {
  readonly replayer: Replayer;
  readonly options: ReplayOptions;
  readonly ended: boolean;
  readonly error: PgtraceError | null;
}

/** Something that a trace must still show. */
export interface Condition {
  /** As it was given. */
  readonly text: string;
  /** The finding that it is about; null for other conditions. */
  readonly kind: FindingKind | null;
  holds(seen: Seen): boolean;
  /** Where it shows in a replay for which it holds; null where that is not known. */
  hint(replayer: Replayer): Hint | null;
}

/** Reads `--keep`. Throws a usage error. */
export function parseCondition(text: string): Condition {
  const colon = text.indexOf(':');
  const [kind, rest] = [text.slice(0, colon), text.slice(colon + 1)];
  if (kind === 'finding') return findingCondition(text, rest);
  if (kind === 'exit') return exitCondition(text, rest);
  if (kind === 'counter') return counterCondition(text, rest);
  throw usageError(
    `--keep ${JSON.stringify(text)} is no condition; such as finding:steal, finding:steal@d0, exit:1 or counter:errors.EEXIST>0`,
  );
}

/** What a replay needs so that these conditions can show: these checks of `pgtrace check`, when one is about a rule of theirs. */
export function optionsFor(
  conditions: readonly Condition[],
  options: ReplayOptions,
  checks: CheckOptions,
): ReplayOptions {
  return conditions.some(isOfCheck) ? { ...options, checks } : options;
}

/** Whether a condition is about a finding of `pgtrace check`. */
export function isOfCheck({ kind }: Condition): boolean {
  return kind !== null && Object.hasOwn(CHECK_RULES, kind);
}

function findingCondition(text: string, rest: string): Condition {
  const at = rest.indexOf('@');
  const kind = (at < 0 ? rest : rest.slice(0, at)) as FindingKind;
  const domain = at < 0 ? null : rest.slice(at + 1);
  if (!Object.hasOwn(FINDING_KINDS, kind)) {
    const kinds = Object.keys(FINDING_KINDS);
    const guess = nearest(kind, kinds);
    const meant = guess === null ? '' : ` (did you mean ${guess}?)`;
    throw usageError(`--keep: ${JSON.stringify(kind)} is no finding${meant}; there is ${kinds.join(', ')}`);
  }
  const first = (replayer: Replayer): Finding | undefined =>
    replayer.findings.list.find((finding) => finding.kind === kind && (domain === null || finding.domain === domain));
  return {
    text,
    kind,
    holds: ({ replayer }) =>
      domain === null ? (replayer.findings.counts.get(kind) ?? 0) > 0 : first(replayer) !== undefined,
    hint: (replayer) => {
      const finding = first(replayer);
      if (finding === undefined) return null;
      const start = finding.range === undefined ? 0 : hexHi(finding.range.iova) * TWO_32 + hexLo(finding.range.iova);
      const range = finding.range === undefined ? null : { start, end: start + finding.range.size };
      return { seq: finding.seq, domain: finding.domain, range };
    },
  };
}

/** What a replay can end with, whatever becomes of the person at the keyboard. */
const EXIT_CODES: readonly number[] = [EXIT_OK, EXIT_NO, EXIT_USAGE, EXIT_INPUT, EXIT_ENVIRONMENT, EXIT_BUG];

function exitCondition(text: string, rest: string): Condition {
  const wanted = /^\d{1,3}$/.test(rest) ? Number(rest) : null;
  if (wanted === null || !EXIT_CODES.includes(wanted)) {
    throw usageError(`--keep ${text}: exit: takes an exit code of replay: ${EXIT_CODES.join(', ')}`);
  }
  return {
    text,
    kind: null,
    holds: ({ replayer, ended, error }) => ended && exitOf(replayer, error) === wanted,
    hint: () => null,
  };
}

/** The exit code of `replay --strict`. */
function exitOf(replayer: Replayer, error: PgtraceError | null): number {
  if (error !== null) return error.exitCode;
  return replayer.findings.counts.size > 0 ? EXIT_NO : EXIT_OK;
}

const RELATIONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '=': (a, b) => a === b,
};

function counterCondition(text: string, rest: string): Condition {
  const match = /^([A-Za-z0-9.-]+?)(>=|<=|>|<|=)(\d{1,15})$/.exec(rest);
  if (match === null) throw usageError(`--keep ${text}: counter: takes NAME>N, such as counter:errors.EEXIST>0`);
  const [, name, relation, value] = match;
  if (metricOf(name) === null) {
    throw usageError(`--keep ${text}: ${JSON.stringify(name)} is no counter; replay --json shows those of a trace`);
  }
  return {
    text,
    kind: null,
    holds: ({ replayer, options, ended, error }) => {
      if (!ended || error !== null) return false;
      const { counters } = statsDocument(replayer, NOTHING_READ, options, toolVersion());
      return RELATIONS[relation](counters[name] ?? 0, Number(value));
    },
    hint: () => null,
  };
}

/** What is said of the reading of a part of a trace: it was read before. */
const NOTHING_READ = {
  complete: true,
  error: null,
  format: '',
  lines: 0,
  skippedLines: 0,
  skippedErrors: [],
  notes: null,
} as const;
