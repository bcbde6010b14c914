import { type Json, stableJson } from '../base/stable-json.ts';
import type { Counters } from '../stats/metrics/metric.ts';
import type { Scalar } from './cell-config.ts';
import { cellId, isCellId } from './cell-id.ts';

export const ROW_SCHEMA = 'pgtrace.row/1';
const SCHEMA = /^pgtrace\.row\/\d+$/;

/** What one replay of one trace in one configuration came to. */
export interface Row {
  readonly schema: string;
  readonly id: string;
  /** Version of pgtrace that counted. */
  readonly engine: string;
  readonly trace: {
    /** Relative to the folder that was swept. */
    readonly name: string;
    readonly sha256: string;
    /** As stored. */
    readonly bytes: number;
    /** Events replayed; of a cell that failed, those before the failure. */
    readonly events: number;
  };
  readonly config: Readonly<Record<string, Scalar>>;
  readonly complete: boolean;
  /** The exit code that a replay alone would have had for want of a usable trace or memory; 0 when complete. */
  readonly exit: number;
  /** Why it is not complete; null when it is. */
  readonly error: string | null;
  /** Empty unless complete: those of a part of a trace would look like a saving. */
  readonly counters: Counters;
}

/** A row as one line of NDJSON, its line feed included: keys sorted, the same bytes for the same row. */
export function rowText(row: Row): string {
  return `${stableJson(row as unknown as Json)}\n`;
}

/** A line of a file of rows as a row, or as a text what is wrong with it. Rows of other schema versions come through. */
export function parseRow(line: string): Row | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'no JSON object; a row of `pgtrace sweep` was expected';
  }
  const row = rowOf(value);
  if (typeof row === 'string' || row.schema !== ROW_SCHEMA) return row;
  const { id, trace, config, engine, schema } = row;
  if (cellId({ sha256: trace.sha256, config, engine, schema }) === id) return row;
  return `"id" ${id} is not that of this trace and configuration; the row has been changed`;
}

/** A value as a row, or what is wrong with it; whether its id is right is not looked at. */
export function rowOf(value: unknown): Row | string {
  if (!isObject(value)) return 'no JSON object; a row of `pgtrace sweep` was expected';
  const { schema, id, engine, trace, config, complete, exit, error, counters } = value;
  if (typeof schema !== 'string' || !SCHEMA.test(schema)) {
    const found = schema === undefined ? 'no "schema"' : `schema ${JSON.stringify(schema)}`;
    return `${found}; a row of \`pgtrace sweep\` has "schema":"${ROW_SCHEMA}"`;
  }
  if (typeof id !== 'string' || !isCellId(id)) return '"id" is no job id of sixteen hex digits';
  if (typeof engine !== 'string') return '"engine" is no version';
  if (schema !== ROW_SCHEMA) return value as unknown as Row;
  if (!isObject(trace) || !isTrace(trace)) return '"trace" is not {"name","sha256","bytes","events"}';
  if (!isObject(config) || !Object.values(config).every(isScalar)) return '"config" holds more than plain values';
  if (typeof complete !== 'boolean' || !isInteger(exit)) return '"complete" or "exit" is missing';
  if (error !== null && typeof error !== 'string') return '"error" is neither a text nor null';
  if (!isObject(counters) || !Object.values(counters).every(isInteger)) return '"counters" holds more than integers';
  return value as unknown as Row;
}

function isTrace({ name, sha256, bytes, events }: Readonly<Record<string, unknown>>): boolean {
  return typeof name === 'string' && typeof sha256 === 'string' && isInteger(bytes) && isInteger(events);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || isInteger(value);
}

function isInteger(value: unknown): boolean {
  return Number.isSafeInteger(value);
}
