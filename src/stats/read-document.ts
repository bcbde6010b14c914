import { STATS_SCHEMA, type StatsDocument } from './document.ts';

const SCHEMA = /^pgtrace\.(\w+)\/(\d+)$/;
const [, , OWN_MAJOR] = SCHEMA.exec(STATS_SCHEMA) ?? [];

/** What a JSON value says it is: the kind of `pgtrace.KIND/MAJOR`; null when it says nothing of that form. */
export function schemaKind(value: unknown): string | null {
  return SCHEMA.exec(schemaOf(value))?.[1] ?? null;
}

function schemaOf(value: unknown): string {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, 'schema')) return '';
  const { schema } = value as { readonly schema: unknown };
  return typeof schema === 'string' ? schema : '';
}

/** A value as a statistics document by what it says it is, or what is wrong with that and what would be right. */
export function readDocument(value: unknown): StatsDocument | string {
  const match = SCHEMA.exec(schemaOf(value));
  if (match === null || match[1] !== 'stats') return 'no statistics of `pgtrace replay --json`';
  if (match[2] !== OWN_MAJOR) {
    return `statistics of schema ${schemaOf(value)}, this version reads ${STATS_SCHEMA}; use the pgtrace that made them, or make them anew`;
  }
  return value as StatsDocument;
}
