import {
  constant,
  dictionary,
  flag,
  integer,
  list,
  natural,
  nullable,
  object,
  optional,
  type Schema,
  schemaDocument,
  text,
  word,
} from '../../base/json-schema.ts';
import { COMPARE_SCHEMA } from '../compare/result.ts';
import { TOOL_SCHEMA } from './stats-schema.ts';

const METRIC_VERDICTS = ['better', 'worse', 'regressed', 'changed'];
const ROW_VERDICTS = ['same', ...METRIC_VERDICTS, 'missing', 'new'];
const CLOSED = { additionalProperties: false };

const CHANGE: Schema = object('A metric that differs.', {
  metric: text('Its key.'),
  unit: word('What it counts in.', ['count', 'bytes', 'ticks']),
  direction: word('Which way is better.', ['lower', 'higher', 'none']),
  kind: word('How it is compared: time only where a threshold asks for it.', ['exact', 'bytes', 'time']),
  help: text('What it means.'),
  base: natural('Its value before.'),
  now: natural('Its value now.'),
  basisPoints: nullable(integer('Change in hundredths of a per cent of the base; null where the base is 0.')),
  verdict: word('`worse` when a threshold allows it, `regressed` when none does.', METRIC_VERDICTS),
  threshold: nullable(text('The threshold that decided, as written; null: any worsening counts.')),
});

const ROW: Schema = object('One trace under one configuration.', {
  trace: text('Name of the trace; `-` when one document is held against one.'),
  driver: nullable(text('GPU driver, where it is part of the key.')),
  allocator: text('Table allocator as NAME,k=v.'),
  domain: nullable(text('Address space, where it is part of the key.')),
  flush: optional(text('One flush policy of several; left out: of the first, and of everything else.')),
  verdict: word('The worst of its metrics; `missing` in the new statistics, or `new` in them.', ROW_VERDICTS),
  allowed: flag('A missing row was allowed.'),
  changes: list('Metrics that differ, the largest relative change first.', CHANGE),
  unchanged: natural('Metrics that are equal.'),
  same: nullable(dictionary('The equal metrics by key, where they were asked for.', natural('The value.'))),
});

const SIDE: Schema = object('What was compared.', {
  version: text('Version of pgtrace that made the statistics; several with a space between.'),
  rows: natural('Rows in them.'),
});

/** The schema of the JSON that `pgtrace compare` prints. */
export function compareSchema(): Schema {
  const root = object('The result of `pgtrace compare`.', {
    schema: constant('Kind and version of the document; keys may be added within a version.', COMPARE_SCHEMA),
    tool: TOOL_SCHEMA,
    base: SIDE,
    now: SIDE,
    thresholds: list('What was allowed, in its order.', text('A threshold as written.')),
    failOn: list('What makes the comparison fail.', word('A reason.', ['regression', 'improvement', 'missing'])),
    warnOnly: flag('The exit code is 0 even if the answer is no.'),
    rows: list('Rows, the worst first, equal ones last.', ROW),
    rowCounts: counts('Rows by verdict.', ROW_VERDICTS),
    metricCounts: counts('Metrics by verdict.', ['same', ...METRIC_VERDICTS]),
    geomean: list(
      'Mean change of metrics that both sides have.',
      object('Mean change of one metric.', {
        metric: text('Its key.'),
        rows: natural('Rows that it is the mean of.'),
        basisPoints: integer('Hundredths of a per cent.'),
      }),
    ),
    notices: list('What a reader should know.', text('A sentence.')),
    failed: flag('The answer is no.'),
    reasons: list('Why it failed, one sentence each.', text('A sentence.')),
  });
  return schemaDocument(COMPARE_SCHEMA, 'A comparison of statistics', root, {});
}

function counts(description: string, verdicts: readonly string[]): Schema {
  return object(
    description,
    Object.fromEntries(verdicts.map((verdict) => [verdict, natural(`How many are ${verdict}.`)])),
    CLOSED,
  );
}
