import type { StatsRow } from '../../stats/compare/rows.ts';
import type { Row } from '../../sweep/row.ts';

/**
 * A row of a sweep as one of a comparison. Of its configuration all that was asked for belongs to its name: a sweep has a
 * trace many times.
 */
export function sweepRow({ trace, config, engine, complete, counters }: Row): StatsRow {
  const { allocator, driver, ...others } = config;
  const asked = Object.entries(others)
    .filter(([, value]) => value !== null && value !== false)
    .map(([key, value]) => (value === true ? key : `${key}=${value}`))
    .sort();
  return {
    trace: [trace.name, ...asked].join(' '),
    driver: typeof driver === 'string' ? driver : null,
    allocator: typeof allocator === 'string' ? allocator : "the trace's own",
    domain: null,
    version: engine,
    complete,
    settings: {},
    counters,
    events: trace.events,
  };
}
