import { readFileSync, statSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { inputError, type PgtraceError, type Place, usageError } from '../../base/errors.ts';
import { exactSize } from '../../base/sizes.ts';
import type { StatsDocument } from '../../stats/document.ts';
import { readDocument, schemaKind } from '../../stats/read-document.ts';
import { ROW_SCHEMA, type Row, rowOf } from '../../sweep/row.ts';
import { shorten } from '../../trace/ndjson/decode.ts';
import { decompressesToMore } from '../../trace/source/decompressed-limit.ts';
import { HEAD_BYTES, headOf } from '../process/file-head.ts';
import { problemOf } from './validate.ts';

/** Bytes of statistics at most: a text of JavaScript holds little more. */
export const LONGEST = 500 * 1024 * 1024;
/** Keys are in order, so the first of a document that was cut off is one of these. */
const SAYS_STATISTICS = /^\s*\{\s*"(complete|config)"|"schema"\s*:\s*"pgtrace\./;

/** JSON values of a file, each with its line. */
interface Value {
  readonly value: unknown;
  readonly line: number;
}

/** Statistics without the rows of sweeps, which are none of a single trace. Throws a usage error for such. */
export function onlyDocuments(found: readonly (StatsDocument | Row)[] | null, path: string): StatsDocument[] | null {
  if (found === null) return null;
  return found.map((value) => {
    if (isRow(value)) throw usageError(`${path} holds rows of a sweep; \`pgtrace merge --totals\` sums them up`);
    return value;
  });
}

/**
 * The statistics in a file: a document or a row of a sweep, one or one a line, plain or .gz. Null when it holds none, and so
 * must be a trace. Throws PgtraceError for statistics that cannot be used, or a file that cannot be read.
 * @param most - bytes that a compressed file may decompress to
 */
export function statisticsOf(path: string, most = LONGEST): (StatsDocument | Row)[] | null {
  const text = textOf(path, most);
  return text === null ? null : statisticsIn(text, path);
}

/** The statistics in a text; null when it holds none. */
export function statisticsIn(text: string, name: string): (StatsDocument | Row)[] | null {
  const values = valuesOf(text.replace(/^\ufeff/, ''), name);
  return values?.map(({ value, line }) => statistics(value, { file: name, line, column: 1 })) ?? null;
}

/** Whether the beginning of an input may be that of statistics: JSON whose first line is no event of a trace. */
export function beginsLikeStatistics(head: Buffer): boolean {
  const text = withoutMark(head.toString('utf8')).trimStart();
  if (!text.startsWith('{')) return false;
  const end = text.indexOf('\n');
  const first = end < 0 ? parsed(text) : parsed(text.slice(0, end));
  return first === undefined || schemaKind(first) !== null;
}

export function isRow(found: StatsDocument | Row): found is Row {
  return schemaKind(found) === 'row';
}

function statistics(value: unknown, place: Place): StatsDocument | Row {
  const kind = schemaKind(value);
  if (kind === 'compare') throw usageError(`${place.file} holds a comparison; give the statistics themselves`);
  const found = kind === 'row' ? ownRow(value) : readDocument(value);
  if (typeof found === 'string') throw inputError(found, place);
  const problem = kind === 'row' ? null : problemOf(found);
  if (problem !== null) throw inputError(`statistics that are damaged: ${problem}`, place);
  return found;
}

function ownRow(value: unknown): Row | string {
  const row = rowOf(value);
  if (typeof row === 'string' || row.schema === ROW_SCHEMA) return row;
  return `a row of schema ${row.schema}, this version reads ${ROW_SCHEMA}`;
}

/** The text of a file that may hold statistics, null when its beginning says that it does not. */
function textOf(path: string, most: number): string | null {
  const head = headOf(path);
  if (head[0] === 0x1f && head[1] === 0x8b) return path.toLowerCase().includes('.json') ? unzipped(path, most) : null;
  // What is longer than any text can be is no statistics.
  if (!beginsLikeStatistics(head) || statSync(path).size > LONGEST) return null;
  return withoutMark(readFileSync(path, 'utf8'));
}

function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, '');
}

/** Null for a trace: that is read piece by piece, so no limit of what is kept in memory is held against it. */
function unzipped(path: string, most: number): string | null {
  const maxOutputLength = Math.min(most, LONGEST);
  try {
    // What is missing behind the head is no damage.
    const head = gunzipSync(headOf(path), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, HEAD_BYTES);
    if (!beginsLikeStatistics(head)) return null;
    return withoutMark(gunzipSync(readFileSync(path), { maxOutputLength }).toString('utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooMuch(path, most);
    throw inputError('the gzip data is damaged', { file: path, line: 0, column: 0 });
  }
}

function tooMuch(path: string, most: number): PgtraceError {
  if (most < LONGEST) return decompressesToMore(path, most);
  return inputError(
    `it decompresses to more than ${exactSize(LONGEST)} bytes, and statistics of that length are not read; split the file, or give the trace itself`,
    { file: path, line: 0, column: 0 },
  );
}

/** The values of a file of statistics; null when its first one is an event of a trace or no JSON at all. */
function valuesOf(text: string, path: string): Value[] | null {
  const end = text.indexOf('\n');
  const first = parsed(end < 0 ? text : text.slice(0, end));
  if (first !== undefined && schemaKind(first) === null) return null;
  // Indented by some other tool: one value in many lines; or a trace whose first line is broken.
  if (first === undefined) return SAYS_STATISTICS.test(text) ? [{ value: whole(text, path), line: 1 }] : null;
  const values: Value[] = [];
  text.split('\n').forEach((line, at) => {
    if (line.trim() !== '') values.push({ value: parsed(line) ?? broken(line, path, at + 1), line: at + 1 });
  });
  return values;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function whole(text: string, path: string): unknown {
  return parsed(text) ?? broken(text, path, 1);
}

function firstError(text: string, place: Place): ParseError {
  const errors: ParseError[] = [];
  try {
    parse(text, errors);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw inputError(
      'no JSON: thousands of lists or objects in each other; expected statistics of `pgtrace replay --json`',
      place,
    );
  }
  return errors[0] ?? { error: 0, offset: 0, length: 0 };
}

function broken(text: string, path: string, line: number): never {
  const { error, offset } = firstError(text, { file: path, line, column: 1 });
  const before = text.slice(0, offset);
  const lines = before.split('\n');
  const place = { file: path, line: line + lines.length - 1, column: (lines.at(-1)?.length ?? 0) + 1 };
  const what = printParseErrorCode(error)
    .replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
    .trim();
  throw inputError(
    `no JSON: ${what} at ${shorten(text.slice(offset, offset + 40))}; expected statistics of \`pgtrace replay --json\``,
    place,
  );
}
