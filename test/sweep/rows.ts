import fc from 'fast-check';
import { DEFAULT_REPLAY_OPTIONS } from '../../src/replay/options.ts';
import type { CellConfig } from '../../src/sweep/cell-config.ts';
import { cellConfig } from '../../src/sweep/cell-config.ts';
import { cellId } from '../../src/sweep/cell-id.ts';
import type { Sourced } from '../../src/sweep/merge.ts';
import { ROW_SCHEMA, type Row } from '../../src/sweep/row.ts';

export const CONFIG: CellConfig = cellConfig(DEFAULT_REPLAY_OPTIONS, { lenient: false, layer: null });

/** A row that is what it says: its id is that of its trace and configuration. */
export function rowOf(
  sha256: string,
  config: Partial<CellConfig> = {},
  counters: Row['counters'] = {},
  engine = '1.0.0',
): Row {
  const whole = { ...CONFIG, ...config };
  return {
    schema: ROW_SCHEMA,
    id: cellId({ sha256, config: whole, engine, schema: ROW_SCHEMA }),
    engine,
    trace: { name: `${sha256}.ndjson`, sha256, bytes: 10, events: 2 },
    config: whole,
    complete: true,
    exit: 0,
    error: null,
    counters,
  };
}

export const sourced = (rows: readonly Row[], from = 'a'): Sourced[] => rows.map((row) => ({ row, from }));

/** Sets of rows with no job twice: distinct traces, dealt out to a few sets. */
export const distinctSets: fc.Arbitrary<Row[][]> = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[0-9a-f]{4}$/), fc.integer({ min: 0, max: 4 }), fc.nat()), {
    selector: ([sha256]) => sha256,
    maxLength: 30,
  })
  .map((cells) => {
    const sets: Row[][] = [[], [], [], [], []];
    for (const [sha256, set, tables] of cells) sets[set].push(rowOf(sha256, {}, { 'tables.allocated': tables }));
    return sets;
  });
