import type { Keys, Schema } from '../../base/json-schema.ts';

/** The events of one operation: what they do, their keys without `op`, and what holds between keys. */
export type EventShape = readonly [description: string, keys: Keys, rules?: Schema];

/** A rule: none of some keys is there. */
export function without(...keys: string[]): Schema {
  return { not: { anyOf: keys.map((key) => ({ required: [key] })) } };
}
