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

/** A value as a statistics document, or what is wrong with it and what would be right. */
export function readDocument(value: unknown): StatsDocument | string {
  const match = SCHEMA.exec(schemaOf(value));
  if (match === null || match[1] !== 'stats') return 'no statistics of `pgtrace replay --json`';
  if (match[2] !== OWN_MAJOR) {
    return `statistics of schema ${schemaOf(value)}, this version reads ${STATS_SCHEMA}; use the pgtrace that made them, or make them anew`;
  }
  const document = value as StatsDocument;
  const problem = problemOf(document);
  return problem === null ? document : `statistics that are damaged: ${problem}`;
}

const OBJECTS = ['tool', 'trace', 'config', 'counters'] as const;
const LISTS = ['domains', 'findings'] as const;

function problemOf(document: StatsDocument): string | null {
  const parts = document as unknown as Readonly<Record<string, unknown>>;
  for (const name of OBJECTS) if (!isObject(parts[name])) return `${name} is no object`;
  for (const name of LISTS) if (!Array.isArray(parts[name])) return `${name} is no list`;
  if (typeof document.complete !== 'boolean') return 'complete is neither true nor false';
  if (typeof document.tool.version !== 'string') return 'tool.version is no text';
  const runs = document.strategies ?? [];
  if (!Array.isArray(runs) || !runs.every(isObject)) return 'strategies is no list of objects';
  for (const [at, run] of [document, ...runs].entries()) {
    const where = at === 0 ? '' : `strategies[${at - 1}].`;
    if (!isObject(run.counters) || !Array.isArray(run.domains)) return `${where}counters or domains are missing`;
    const bad = badCounter(run.counters);
    if (bad !== null) return `${where}counters.${bad} is no whole number below 2^53`;
    for (const [number, domain] of run.domains.entries()) {
      const place = `${where}domains[${number}]`;
      if (!isObject(domain) || !isObject(domain.config) || !isObject(domain.counters)) return `${place} is no domain`;
      const worse = badCounter(domain.counters);
      if (worse !== null) return `${place}.counters.${worse} is no whole number below 2^53`;
    }
  }
  return null;
}

function badCounter(counters: Readonly<Record<string, unknown>>): string | null {
  const bad = Object.entries(counters).find(([, value]) => !Number.isSafeInteger(value) || (value as number) < 0);
  return bad === undefined ? null : bad[0];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
