import { createRequire } from 'node:module';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { printable } from '../../base/printable.ts';
import { statsSchema } from '../../stats/schema/stats-schema.ts';

let compiled: ValidateFunction | null = null;

/**
 * What is wrong with a statistics document by its schema, null when nothing is: `/counters/tables.peak must be integer`. The
 * library is loaded when the first document is read.
 */
export function problemOf(document: unknown): string | null {
  compiled ??= compile();
  if (compiled(document)) return null;
  const { instancePath = '', message = 'is not as it must be', params = {} } = compiled.errors?.[0] ?? {};
  const what = 'additionalProperty' in params ? `${message} (${String(params['additionalProperty'])})` : message;
  return printable(`${instancePath === '' ? 'the document' : instancePath} ${what}`);
}

function compile(): ValidateFunction {
  const { Ajv2020 } = createRequire(import.meta.url)('ajv/dist/2020') as typeof import('ajv/dist/2020.js');
  const schema = statsSchema() as { readonly $defs: Readonly<Record<string, unknown>> };
  const $defs = { ...schema.$defs, counters: ANY_COUNTERS };
  return new Ajv2020({ strict: false, allErrors: false }).compile({ ...schema, $defs });
}

/** The schema of counters has a pattern for each family, which are slow to look through for what all of them say. */
const ANY_COUNTERS = {
  type: 'object',
  additionalProperties: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
};
