import type { StatsRow } from '../../stats/compare/rows.ts';
import type { Row } from '../../sweep/row.ts';

/**
 * Rows of sweeps as those of a comparison: each once, though a folder of a sweep has it in two files; traces of one name are
 * told apart by their bytes.
 */
export function sweepRows(rows: readonly Row[]): StatsRow[] {
  const once = [...new Map(rows.map((row) => [row.id, row])).values()];
  const digests = new Map<string, Set<string>>();
  for (const { trace } of once) {
    const known = digests.get(trace.name) ?? new Set();
    digests.set(trace.name, known.add(trace.sha256));
  }
  return once.map((row) => {
    const { name, sha256 } = row.trace;
    const own = digests.get(name)?.size === 1 ? name : `${name} (${sha256.slice(0, 8)})`;
    return sweepRow(own, row);
  });
}

/**
 * A row of a sweep as one of a comparison. Of its configuration all that was asked for belongs to its name: a sweep has a
 * trace many times.
 */
function sweepRow(name: string, { trace, config, engine, complete, counters }: Row): StatsRow {
  const { allocator, driver, ...others } = config;
  const asked = Object.entries(others)
    .filter(([, value]) => value !== null && value !== false)
    .map(([key, value]) => (value === true ? key : `${key}=${value}`))
    .sort();
  return {
    trace: [name, ...asked].join(' '),
    driver: typeof driver === 'string' ? driver : null,
    allocator: typeof allocator === 'string' ? allocator : "the trace's own",
    domain: null,
    version: engine,
    complete,
    settings: {},
    counters,
    events: trace.events,
    digest: trace.sha256,
  };
}
