import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { Schema } from '../../../src/base/json-schema.ts';
import { runCli } from '../../cli/fake-io.ts';

/** A validator that takes nothing it does not know: neither keywords nor loose types. */
export function compile(schema: Schema): ValidateFunction {
  return new Ajv2020({ strict: true, strictRequired: false, allErrors: false, allowMatchingProperties: false }).compile(
    schema,
  );
}

/** The schema that the tool prints. */
export async function printedSchema(name: string): Promise<Schema> {
  const { code, stdout, stderr } = await runCli(['schema', name]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

/** Fails with the first error and where it is. */
export function expectValid(validate: ValidateFunction, value: unknown, what: string): void {
  if (validate(value)) return;
  expect.fail(`${what}: ${JSON.stringify(validate.errors)}`);
}

/** Parts of a schema without a description, other than branches and rules. */
export function undescribed(schema: unknown, path = ''): string[] {
  if (schema === null || typeof schema !== 'object') return [];
  const node = schema as Readonly<Record<string, unknown>>;
  const found: string[] = [];
  for (const keyword of ['properties', 'patternProperties', '$defs'] as const) {
    for (const [key, child] of Object.entries((node[keyword] ?? {}) as Record<string, Record<string, unknown>>)) {
      const text = child['description'];
      if (typeof text !== 'string' || !/[.]$/.test(text)) found.push(`${path}.${key}`);
      found.push(...undescribed(child, `${path}.${key}`));
    }
  }
  return [...found, ...undescribed(node['items'], `${path}[]`)];
}
