import { type Schema, schemaDocument } from '../../base/json-schema.ts';
import { LANGUAGE_VERSION, OPS } from '../events.ts';
import { eventSchema } from './event-schemas.ts';

const DESCRIPTION =
  'One line of a trace: a JSON object in UTF-8, told apart by `op`. Addresses are hex texts, sizes and counts integers below 2^53. Keys that are not listed are kept and ignored. What a schema cannot say: `end` is not before `ts` or `begin`; numbers under unlisted keys are below 2^53, too; what an event refers to has been declared before it.';

/** The schema of one line of the trace language. */
export function traceSchema(): Schema {
  const root: Schema = {
    description: DESCRIPTION,
    type: 'object',
    required: ['op'],
    oneOf: OPS.map((op) => ({ $ref: `#/$defs/${op}` })),
  };
  const parts = Object.fromEntries(OPS.map((op) => [op, eventSchema(op)]));
  return schemaDocument(`pgtrace.trace/${LANGUAGE_VERSION}`, 'An event of the pgtrace trace language', root, parts);
}
