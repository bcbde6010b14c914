import type { Json } from './stable-json.ts';

/*
 * JSON Schema, draft 2020-12, as far as the documents of pgtrace need it. Every part has a description; objects are open,
 * since a document of the same version may gain keys.
 */

export const SCHEMA_DIALECT = 'https://json-schema.org/draft/2020-12/schema';

export type Schema = Readonly<Record<string, Json>>;

/** A key of an object: there always, or sometimes. */
export interface Key {
  readonly schema: Schema;
  readonly required: boolean;
}

export type Keys = Readonly<Record<string, Schema | Key>>;

/** A key that may be left out. */
export function optional(schema: Schema): Key {
  return { schema, required: false };
}

/** An object with some keys; others may be there unless `extra` says what they must be. */
export function object(description: string, keys: Keys, extra: Schema = {}): Schema {
  const properties: Record<string, Json> = {};
  const required: string[] = [];
  for (const [name, key] of Object.entries(keys)) {
    properties[name] = isKey(key) ? key.schema : key;
    if (!isKey(key) || key.required) required.push(name);
  }
  return { description, type: 'object', properties, ...(required.length > 0 ? { required } : {}), ...extra };
}

function isKey(key: Schema | Key): key is Key {
  return typeof key['required'] === 'boolean';
}

/** An object whose keys are names. */
export function dictionary(description: string, values: Schema): Schema {
  return { description, type: 'object', additionalProperties: values };
}

/** An integer that a double holds exactly. */
export function integer(description: string, minimum: number = Number.MIN_SAFE_INTEGER): Schema {
  return { description, type: 'integer', minimum, maximum: Number.MAX_SAFE_INTEGER };
}

/** An integer from 0 on: a count, a size, a number of an event. */
export function natural(description: string): Schema {
  return integer(description, 0);
}

export function text(description: string): Schema {
  return { description, type: 'string' };
}

export function flag(description: string): Schema {
  return { description, type: 'boolean' };
}

/** One of a closed list of words. */
export function word(description: string, words: readonly string[]): Schema {
  return { description, type: 'string', enum: [...words] };
}

/** Exactly this value. */
export function constant(description: string, value: string | number): Schema {
  return { description, type: typeof value === 'number' ? 'integer' : 'string', const: value };
}

/** An address of at most 64 bits as hex text. */
export function hex(description: string): Schema {
  return { description, type: 'string', pattern: '^0x[0-9a-fA-F]{1,16}$' };
}

export function list(description: string, items: Schema): Schema {
  return { description, type: 'array', items };
}

/** The value, or null. */
export function nullable(schema: Schema): Schema {
  const { description, type, ...rest } = schema;
  if (typeof type !== 'string') return { description, anyOf: [rest, { type: 'null' }] };
  const words = rest['enum'];
  return { ...schema, type: [type, 'null'], ...(Array.isArray(words) ? { enum: [...words, null] } : {}) };
}

/** A part that stands under `$defs`. */
export function reference(name: string, description: string): Schema {
  return { description, $ref: `#/$defs/${name}` };
}

/** A whole schema: what it is called and where its parts are. */
export function schemaDocument(
  name: string,
  title: string,
  root: Schema,
  parts: Readonly<Record<string, Schema>>,
): Schema {
  return { $schema: SCHEMA_DIALECT, $id: `urn:pgtrace:schema:${name}`, title, ...root, $defs: parts };
}
