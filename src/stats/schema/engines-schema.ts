import {
  constant,
  dictionary,
  flag,
  list,
  natural,
  object,
  reference,
  type Schema,
  schemaDocument,
  text,
  word,
} from '../../base/json-schema.ts';
import { CAUSES } from '../engines/causes.ts';
import { ENGINES_SCHEMA } from '../engines/engine-document.ts';
import { countersSchema } from './counters-schema.ts';
import { TOOL_SCHEMA } from './stats-schema.ts';

const ANSWERS: Schema = list(
  'What each engine answered, in their order: an errno, bytes, or a physical address.',
  text('An answer.'),
);

const DIFFERENCE: Schema = object('An operation, or a look-up after it, with different answers.', {
  seq: natural('Number of the event.'),
  line: natural('Line of the input.'),
  domain: text('Address space.'),
  op: text('What was asked.'),
  iova: text('First IOVA of the operation.'),
  size: natural('Bytes of the operation.'),
  answers: ANSWERS,
  cause: word('Why they differ.', Object.keys(CAUSES)),
});

const DIFFERENCES: Schema = object('What was compared, and what differs.', {
  compared: natural('How many were compared.'),
  differing: natural('How many differ.'),
  byCause: dictionary('How many differ for each cause.', natural('How many.')),
  first: list('The first of them.', DIFFERENCE),
});

const SWEEP: Schema = object('All that either engine has mapped at the end, looked up in both.', {
  ranges: natural('Ranges that were looked up.'),
  bytes: natural('Bytes in them.'),
  differing: natural('Ranges that differ.'),
  differingBytes: natural('Bytes in those.'),
  first: list(
    'The first of them.',
    object('A range that the engines leave mapped differently.', {
      domain: text('Address space.'),
      iova: text('First IOVA.'),
      size: natural('Bytes.'),
      answers: ANSWERS,
    }),
  ),
});

const TRACE: Schema = object('Two engines over one trace.', {
  agree: flag('Every answer and every look-up was the same.'),
  complete: flag('The trace was replayed to its end.'),
  trace: object('The trace.', {
    name: text('As it was named.'),
    format: text('What the input is.'),
    events: natural('Events replayed.'),
    domains: natural('Address spaces.'),
  }),
  engines: list(
    'Both engines, in the order of their answers.',
    object('One engine.', {
      engine: text('As NAME,k=v.'),
      counters: reference('counters', 'What the trace cost it.'),
    }),
  ),
  operations: DIFFERENCES,
  lookups: DIFFERENCES,
  sweep: SWEEP,
});

/** The schema of the JSON that `pgtrace compare --engines` prints. */
export function enginesSchema(): Schema {
  const root = object('The result of `pgtrace compare --engines`.', {
    schema: constant('Kind and version of the document; keys may be added within a version.', ENGINES_SCHEMA),
    tool: TOOL_SCHEMA,
    agree: flag('Every answer and every look-up was the same in every trace.'),
    traces: list('Traces in the order in which they were named.', TRACE),
  });
  return schemaDocument(ENGINES_SCHEMA, 'A comparison of page-table engines', root, { counters: countersSchema() });
}
