import { printableJson } from './printable.ts';

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * JSON with keys in code-unit order at every depth, so that equal values give equal bytes. Numbers must be integers. What
 * could command a terminal is written as escapes.
 */
export function stableJson(value: Json, indent = 0): string {
  return printableJson(JSON.stringify(sorted(value), null, indent));
}

function sorted(value: Json): Json {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`not an integer below 2^53: ${value}`);
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  const source = value as { readonly [key: string]: Json };
  const result: Record<string, Json> = Object.create(null);
  for (const key of Object.keys(source).sort()) {
    const entry = source[key];
    if (entry !== undefined) result[key] = sorted(entry);
  }
  return result;
}
