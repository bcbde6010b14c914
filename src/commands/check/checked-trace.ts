import { LEVELS } from '../../check/rules.ts';
import { ruleOf } from '../../replay/checks/rule-book.ts';
import type { Replayer } from '../../replay/replayer.ts';
import type { Finding, FindingKind } from '../../replay/results/findings.ts';
import { type CheckedTrace, type Judged, RANK, type RuleCounts } from '../../report/check/result.ts';
import type { ReplayRun } from '../replay/run-replay.ts';

/** What a replay under the check came to, as far as some rules are concerned. */
export function checkedTrace({ reader, replayer, outcome }: ReplayRun, rules: readonly FindingKind[]): CheckedTrace {
  const { checks, findings } = replayer;
  return {
    name: reader.name,
    format: outcome.format,
    events: replayer.seq,
    domains: replayer.spaces.length,
    concurrency: checks?.concurrency ?? null,
    comparable: checks === null ? 0 : checks.concurrency === 'time' ? checks.lasting : checks.lined,
    complete: outcome.complete,
    full: checks?.full === true,
    findings: inOrder(
      findings.list.filter(({ kind }) => rules.includes(kind)),
      rules,
    ),
    counts: rules.flatMap((rule) => countsOf(replayer, rule)),
  };
}

/** By level, then in the order of the rules, then by place. */
function inOrder(findings: readonly Finding[], rules: readonly FindingKind[]): Judged[] {
  return findings
    .map((finding) => ({ ...finding, level: finding.level ?? ruleOf(finding.kind).level }))
    .sort(
      (a, b) =>
        RANK[a.level] - RANK[b.level] ||
        rules.indexOf(a.kind) - rules.indexOf(b.kind) ||
        a.seq - b.seq ||
        (a.events?.[0]?.seq ?? 0) - (b.events?.[0]?.seq ?? 0),
    );
}

/** How many findings of a rule there are by level; none where there are none. */
function countsOf({ findings }: Replayer, rule: FindingKind): RuleCounts[] {
  const count = findings.counts.get(rule) ?? 0;
  if (count === 0) return [];
  const levels = findings.levels.get(rule) ?? LEVELS.map((level) => (level === ruleOf(rule).level ? count : 0));
  return [{ rule, error: levels[0], warning: levels[1], note: levels[2] }];
}
