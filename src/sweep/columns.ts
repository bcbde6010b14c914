import { CONFIG_TYPES, type ColumnType, type Scalar } from './cell-config.ts';
import type { Row } from './row.ts';

/** A column of a table of rows: one value a row, null where a row has none. */
export interface RowColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly values: readonly Scalar[];
}

/**
 * Rows as flat columns: what identifies the cell, the trace, the configuration by its keys, every counter that any row
 * has. Types depend on the column alone, so that the tables of several shards fit together.
 */
export function rowColumns(rows: readonly Row[]): RowColumn[] {
  const column = (name: string, type: ColumnType, value: (row: Row) => Scalar | undefined): RowColumn => ({
    name,
    type,
    values: rows.map((row) => value(row) ?? null),
  });
  const known: Readonly<Record<string, ColumnType>> = CONFIG_TYPES;
  return [
    column('id', 'STRING', ({ id }) => id),
    column('engine', 'STRING', ({ engine }) => engine),
    column('trace', 'STRING', ({ trace }) => trace.name),
    column('sha256', 'STRING', ({ trace }) => trace.sha256),
    column('bytes', 'INT64', ({ trace }) => trace.bytes),
    column('events', 'INT64', ({ trace }) => trace.events),
    column('complete', 'BOOLEAN', ({ complete }) => complete),
    column('exit', 'INT64', ({ exit }) => exit),
    column('error', 'STRING', ({ error }) => error),
    ...Object.keys(known).map((key) => column(key, known[key], ({ config }) => config[key])),
    ...counterKeys(rows).map((key) => column(key, 'INT64', ({ counters }) => counters[key])),
  ];
}

function counterKeys(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ counters }) => Object.keys(counters)))].sort();
}
