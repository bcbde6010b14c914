import {
  constant,
  dictionary,
  flag,
  hex,
  list,
  natural,
  nullable,
  object,
  optional,
  reference,
  type Schema,
  schemaDocument,
  text,
  word,
} from '../../base/json-schema.ts';
import { CONCURRENCIES, LOCK_REGIMES } from '../../check/options.ts';
import { LEVELS } from '../../check/rules.ts';
import { RULE_NAMES } from '../../replay/checks/rule-book.ts';
import { CHECK_SCHEMA } from './result.ts';

const LEVEL: Schema = word('How bad it is: an error breaks a rule, a warning may be right.', LEVELS);

const RULE: Schema = object('A rule in words.', {
  level: word('Level of a finding that does not say otherwise.', LEVELS),
  what: text('What a finding of it is.'),
  rule: text('The rule.'),
  source: text('Where the rule comes from.'),
  fix: text('What to do about it.'),
});

const EVENT: Schema = object('An event that a finding is about.', {
  seq: natural('Number of the event, from 0.'),
  line: natural('Line of the input, from 1.'),
  op: text('Name of the operation.'),
  thread: optional(text('Thread that did it.')),
  queue: optional(text('Queue that it came from.')),
  iova: optional(hex('First IOVA.')),
  size: optional(natural('Bytes.')),
  ts: optional(natural('Nanoseconds at which it began.')),
  end: optional(natural('Nanoseconds at which it ended.')),
});

const FINDING: Schema = object('Something that breaks a rule.', {
  kind: word('The rule.', RULE_NAMES),
  level: LEVEL,
  seq: natural('Number of the event, from 0.'),
  line: natural('Line of the input, from 1.'),
  domain: text('Address space.'),
  message: text('What was found, and what would be right.'),
  range: optional(object('IOVAs that it is about.', { iova: hex('The first.'), size: natural('Bytes.') })),
  window: optional(
    object('The time that it is about.', {
      from: natural('Nanoseconds, on the clock of the trace.'),
      to: natural('Nanoseconds, on the clock of the trace.'),
    }),
  ),
  events: optional(list('The events that it is about, the earlier one first.', reference('event', 'One of them.'))),
});

const TRACE: Schema = object('One trace under the check.', {
  name: text('As it was named.'),
  format: text('Format of the input.'),
  events: natural('Events replayed; an importer adds some of its own (trace, domain).'),
  domains: natural('Address spaces.'),
  concurrency: nullable(word('What told which operations run at once; null: there was no operation.', CONCURRENCIES)),
  comparable: natural('Operations that last a while, or belong to a queue or a thread, where these decide.'),
  complete: flag('The trace was read to its end.'),
  full: flag('More pairs met than are counted: the counts are the least that there are.'),
  counts: {
    ...dictionary(
      'How many findings there are of each rule that is broken.',
      object(
        'Findings of a rule by level.',
        { error: natural('Errors.'), warning: natural('Warnings.'), note: natural('Notes.') },
        { additionalProperties: false },
      ),
    ),
    propertyNames: { enum: [...RULE_NAMES] },
  },
  findings: list(
    'By level, rule and place; the first fifty of each rule and level, while `counts` has all.',
    reference('finding', 'One of them.'),
  ),
});

/** The schema of the JSON that `pgtrace check` prints. */
export function checkSchema(): Schema {
  const root = object('The result of `pgtrace check`.', {
    schema: constant('Kind and version of the document; keys may be added within a version.', CHECK_SCHEMA),
    version: text('Version of pgtrace that made it.'),
    lock: word('Which operations exclude each other.', LOCK_REGIMES),
    failOn: word('Findings of this level, and worse ones, make the answer no.', LEVELS),
    failed: flag('The answer is no.'),
    rules: {
      ...dictionary('The rules that are broken somewhere, by name.', reference('rule', 'One of them.')),
      propertyNames: { enum: [...RULE_NAMES] },
    },
    traces: list('Traces in the order in which they were named.', TRACE),
  });
  const parts = { rule: RULE, event: EVENT, finding: FINDING };
  return schemaDocument(CHECK_SCHEMA, 'A check of traces', root, parts);
}
