import { type Counters, type Metric, metric } from '../metrics/metric.ts';
import { metricOf } from '../metrics/metrics.ts';
import type { MetricChange, MetricVerdict } from './result.ts';
import { exceeds, type Threshold, thresholdOf } from './thresholds.ts';

/** How the metrics of a row compare. */
export interface MetricComparison {
  readonly changes: readonly MetricChange[];
  /** How many are equal; which, where they are wanted. */
  readonly unchanged: number;
  readonly same: Readonly<Record<string, number>> | null;
  /** Names that no metric is declared by. */
  readonly unknown: readonly string[];
}

/** What holds for a metric: its declaration, null where there is none, and its threshold. */
interface Rule {
  readonly declared: Metric | null;
  readonly threshold: Threshold | null;
}

/** Finds what holds for a metric; thousands of rows have the same ones. */
export class MetricRules {
  readonly #thresholds: readonly Threshold[];
  readonly #known = new Map<string, Rule>();

  constructor(thresholds: readonly Threshold[]) {
    this.#thresholds = thresholds;
  }

  of(key: string): Rule {
    let rule = this.#known.get(key);
    if (rule === undefined) {
      rule = { declared: metricOf(key), threshold: thresholdOf(this.#thresholds, key) };
      this.#known.set(key, rule);
    }
    return rule;
  }
}

/**
 * Compares counters; one that is not there is 0, as many are told only where they are not.
 * @param keepsSame - name the equal ones, too
 */
export function compareCounters(
  base: Counters,
  now: Counters,
  rules: MetricRules,
  keepsSame: boolean,
): MetricComparison {
  const changes: MetricChange[] = [];
  const same: Record<string, number> | null = keepsSame ? Object.create(null) : null;
  const unknown: string[] = [];
  let unchanged = 0;
  for (const key of keysOfBoth(base, now)) {
    const { declared, threshold } = rules.of(key);
    if (declared === null) unknown.push(key);
    const before = counterOf(base, key);
    const after = counterOf(now, key);
    if (before === after) {
      unchanged++;
      if (same !== null) same[key] = after;
    } else changes.push(changeOf(declared ?? undeclared(key), key, before, after, threshold));
  }
  return { changes: changes.sort(largestFirst), unchanged, same, unknown };
}

/** The names on either side, rising. Most rows have the same ones on both, and in order already. */
function keysOfBoth(base: Counters, now: Counters): readonly string[] {
  const left = Object.keys(base);
  const right = Object.keys(now);
  const alike = left.length === right.length && left.every((key, at) => key === right[at]);
  return (alike ? left : [...new Set([...left, ...right])]).sort();
}

function counterOf(counters: Counters, key: string): number {
  return Object.hasOwn(counters, key) ? counters[key] : 0;
}

function undeclared(key: string): Metric {
  return metric(key, 'count', 'none', 'not known to this version');
}

function changeOf(
  { unit, direction, kind, help }: Metric,
  key: string,
  base: number,
  now: number,
  threshold: Threshold | null,
): MetricChange {
  const by = Math.abs(now - base);
  let verdict: MetricVerdict;
  if (direction === 'none') {
    // A pattern for many is not meant for what has no better way; its very name is.
    const meant = threshold !== null && threshold.pattern === key;
    verdict = meant && exceeds(threshold, base, by) ? 'regressed' : 'changed';
  } else if (now < base === (direction === 'lower')) verdict = 'better';
  else if (threshold === null) verdict = kind === 'time' ? 'worse' : 'regressed';
  else verdict = exceeds(threshold, base, by) ? 'regressed' : 'worse';
  const share = Math.min(Math.round((10_000 * (now - base)) / base), Number.MAX_SAFE_INTEGER);
  const basisPoints = base === 0 ? null : share;
  return {
    metric: key,
    unit,
    direction,
    kind,
    help,
    base,
    now,
    basisPoints,
    verdict,
    threshold: threshold?.text ?? null,
  };
}

/** By how much a metric changed, relative to its base: more than any number where that is 0. */
export function relativeChange({ base, now }: MetricChange): number {
  return base === 0 ? Number.POSITIVE_INFINITY : Math.abs(now - base) / base;
}

function largestFirst(a: MetricChange, b: MetricChange): number {
  const [first, second] = [relativeChange(a), relativeChange(b)];
  if (first !== second) return second > first ? 1 : -1;
  const [one, other] = [Math.abs(a.now - a.base), Math.abs(b.now - b.base)];
  if (one !== other) return other - one;
  return a.metric < b.metric ? -1 : 1;
}
