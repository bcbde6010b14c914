import { usageError } from '../base/errors.ts';
import { plural } from '../base/sizes.ts';
import { ROW_SCHEMA, type Row } from './row.ts';

/** A row with the file that it came from, for messages. */
export interface Sourced {
  readonly row: Row;
  readonly from: string;
}

const SHOWN = 10;

/**
 * The union of sets of rows, sorted by id. Associative and commutative, the empty set is its identity. Throws a usage error
 * for rows that do not belong together: of two schemas, of two versions of the engine, or of one job.
 */
export function mergeRows(sets: readonly (readonly Sourced[])[]): Sourced[] {
  const all = sets.flat().sort(byId);
  refuseMixed(all, ({ schema }) => schema, 'schemas', 'rows of each schema are merged by themselves');
  const [first] = all;
  if (first !== undefined && first.row.schema !== ROW_SCHEMA) {
    throw usageError(`${first.from} holds rows of ${first.row.schema}; this pgtrace reads ${ROW_SCHEMA}`);
  }
  refuseMixed(all, ({ engine }) => engine, 'versions of pgtrace', 'sweep again with one of them');
  refuseTwice(all);
  return all;
}

function byId(a: Sourced, b: Sourced): number {
  return a.row.id < b.row.id ? -1 : a.row.id > b.row.id ? 1 : 0;
}

/** Names two values that must not stand side by side, the lesser first, whatever order the rows came in. */
function refuseMixed(all: readonly Sourced[], value: (row: Row) => string, what: string, right: string): void {
  const froms = new Map<string, string>();
  for (const { row, from } of all) {
    const known = froms.get(value(row));
    if (known === undefined || from < known) froms.set(value(row), from);
  }
  if (froms.size < 2) return;
  const [a, b] = [...froms].sort(([x], [y]) => (x < y ? -1 : 1)).map(([text, from]) => `${text} (${from})`);
  throw usageError(`rows of two ${what}: ${a} and ${b}; ${right}`);
}

function refuseTwice(sorted: readonly Sourced[]): void {
  const twice = new Map<string, Set<string>>();
  sorted.forEach(({ row: { id }, from }, i) => {
    if (sorted[i - 1]?.row.id !== id && sorted[i + 1]?.row.id !== id) return;
    twice.set(id, (twice.get(id) ?? new Set()).add(from));
  });
  if (twice.size === 0) return;
  const lines = [...twice].slice(0, SHOWN).map(([id, froms]) => `  ${id}  ${[...froms].sort().join(', ')}`);
  const more = twice.size > SHOWN ? `\n  and ${plural(twice.size - SHOWN, 'job')} more` : '';
  const title = `${plural(twice.size, 'job')} with more than one row; give each row once:`;
  throw usageError(`${title}\n${lines.join('\n')}${more}`);
}
