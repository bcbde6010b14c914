import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_OK, inputError, type PgtraceError, usageError } from '../../../base/errors.ts';
import { mergeRows, type Sourced } from '../../../sweep/merge.ts';
import { parseRow } from '../../../sweep/row.ts';
import { totalsOf, totalsText } from '../../../sweep/totals.ts';
import { renderTotals } from '../../../sweep/totals-text.ts';
import { MOST_KEPT_BYTES } from '../../../trace/source/decompressed-limit.ts';
import { LineBuffer } from '../../../trace/source/line-buffer.ts';
import { openSource } from '../../../trace/source/source.ts';
import { cannotRead } from '../../process/fs-errors.ts';
import { type Io, terminalWidth } from '../../process/io.ts';
import { FileOutput, StreamOutput } from '../../process/output.ts';
import { cellsIn, foreignRow, namesIn } from '../rows/row-folder.ts';
import { refuseForeignFile, rowFormat, writeRows, writeStdout } from '../rows/row-output.ts';
import type { MergeCommandOptions } from './merge-options.ts';

/** `pgtrace merge`: unites rows, or adds them up. Returns the exit code. */
export async function mergeCommand(paths: readonly string[], options: MergeCommandOptions, io: Io): Promise<number> {
  const { output } = options;
  if (options.json === true && options.totals !== true) throw usageError('--json is for --totals; rows are NDJSON');
  if (options.totals === true && options.format !== undefined)
    throw usageError('--format is for rows; --totals has --json');
  if (paths.filter((path) => path === '-').length > 1) throw usageError('standard input can be read once only');
  const format = options.totals === true ? 'ndjson' : rowFormat(output, options.format);
  if (output !== undefined && options.totals !== true) refuseForeignFile(output, paths);
  const sets: Sourced[][] = [];
  const empty: string[] = [];
  for (const path of paths) {
    const folder = isFolder(path);
    const before = sets.length;
    for (const file of folder ? rowFiles(path) : [{ path, id: null }])
      sets.push(await readRows(file, options.maxDecompressed ?? MOST_KEPT_BYTES, io));
    if (folder && sets.slice(before).every((set) => set.length === 0)) empty.push(path);
  }
  // A part of a sweep may have had no cell; where there is no row at all, a folder was probably mistaken.
  if (empty.length > 0 && sets.every((set) => set.length === 0)) throw noRows(empty[0], 'its rows.ndjson is empty');
  const rows = mergeRows(sets).map(({ row }) => row);
  if (options.totals !== true) {
    if (output === undefined) writeStdout(rows, io);
    else await writeRows(output, format, rows);
    return EXIT_OK;
  }
  const totals = totalsOf(rows);
  const to = output === undefined ? new StreamOutput(io.stdout) : new FileOutput(output);
  const width = output === undefined ? terminalWidth(io.stdout) : null;
  to.write(options.json === true ? totalsText(totals) : renderTotals(totals, width));
  to.close();
  return EXIT_OK;
}

/** A file of rows; of one cell when it is named after it. */
interface RowFile {
  readonly path: string;
  readonly id: string | null;
}

/** The rows of a folder: those of its cells, else the file that has been made of them. */
function rowFiles(folder: string): RowFile[] {
  const cells = cellsIn(folder).map((id) => ({ path: join(folder, `${id}.json`), id }));
  if (cells.length > 0) return cells;
  if (!namesIn(folder).includes('rows.ndjson')) throw noRows(folder, 'neither ID.json of a cell nor rows.ndjson');
  return [{ path: join(folder, 'rows.ndjson'), id: null }];
}

function noRows(folder: string, found: string): PgtraceError {
  return inputError(`no rows of \`pgtrace sweep\` in this folder: ${found}`, { file: folder, line: 0, column: 0 });
}

/** What is not there is told by who opens it. Throws an environment error. */
function isFolder(path: string): boolean {
  if (path === '-') return false;
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    throw cannotRead(path, error);
  }
}

async function readRows({ path, id }: RowFile, most: number, io: Io): Promise<Sourced[]> {
  const source = await openSource(path, io.stdin, undefined, most);
  const rows: Sourced[] = [];
  let line = 0;
  const refuse = (message: string): never => {
    throw inputError(message, { file: source.name, line: Math.max(1, line), column: 0 });
  };
  const lines = new LineBuffer(
    (buffer, start, end) => {
      for (const text of buffer.toString('utf8', start, end - 1).split('\n')) {
        line++;
        if (text.trim() === '') continue;
        const row = parseRow(text);
        if (typeof row === 'string') refuse(row);
        else if (id !== null && row.id !== id) refuse(foreignRow(row.id));
        else rows.push({ row, from: source.name });
      }
    },
    () => refuse('a line this long is no row of `pgtrace sweep`'),
  );
  for await (const chunk of source.chunks()) lines.push(chunk);
  lines.finish();
  return rows;
}
