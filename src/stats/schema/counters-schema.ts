import { natural, type Schema } from '../../base/json-schema.ts';
import type { Direction, Metric, MetricKind } from '../metrics/metric.ts';
import { METRICS } from '../metrics/metrics.ts';

const DIRECTIONS: Readonly<Record<Direction, string>> = {
  lower: 'lower is better',
  higher: 'higher is better',
  none: 'neither way is better',
};
const KINDS: Readonly<Record<MetricKind, string>> = {
  exact: 'compared exactly',
  bytes: 'compared exactly',
  time: 'compared only where a threshold asks for it',
};

/** The counters of a replay or of an address space: every metric with its meaning, and those declared by a prefix. */
export function countersSchema(): Schema {
  const exact = METRICS.filter(({ key }) => !key.endsWith('.'));
  const prefixes = METRICS.filter(({ key }) => key.endsWith('.'));
  const keys = METRICS.map(({ key }) => key);
  return {
    description: 'Counters by key. One that is missing is 0 or has no meaning here.',
    type: 'object',
    properties: Object.fromEntries(exact.map((metric) => [metric.key, counterSchema(metric)])),
    patternProperties: Object.fromEntries(
      prefixes.map((metric) => [prefixPattern(metric.key, keys), counterSchema(metric)]),
    ),
    additionalProperties: natural('A counter of a later version.'),
  };
}

function counterSchema({ unit, direction, kind, help }: Metric): Schema {
  return natural(
    `${help[0].toUpperCase()}${help.slice(1)} (${unit}; ${DIRECTIONS[direction]}; ${kind}: ${KINDS[kind]}).`,
  );
}

/** Matches the keys that a prefix declares, less those that are declared by themselves or by a longer prefix. */
function prefixPattern(prefix: string, keys: readonly string[]): string {
  const others = keys
    .filter((key) => key !== prefix && key.startsWith(prefix))
    .map((key) => escaped(key.slice(prefix.length)) + (key.endsWith('.') ? '' : '$'));
  return `^${escaped(prefix)}${others.length === 0 ? '' : `(?!${others.join('|')})`}.+$`;
}

function escaped(literal: string): string {
  return literal.replaceAll('.', '\\.');
}
