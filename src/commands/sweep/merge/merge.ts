import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_OK, inputError, usageError } from '../../../base/errors.ts';
import { isCellId } from '../../../sweep/cell-id.ts';
import { mergeRows, type Sourced } from '../../../sweep/merge.ts';
import { parseRow } from '../../../sweep/row.ts';
import { totalsOf, totalsText } from '../../../sweep/totals.ts';
import { renderTotals } from '../../../sweep/totals-text.ts';
import { LineBuffer } from '../../../trace/source/line-buffer.ts';
import { openSource } from '../../../trace/source/source.ts';
import { type Io, terminalWidth } from '../../process/io.ts';
import { FileOutput, StreamOutput } from '../../process/output.ts';
import { rowFormat, writeRows, writeStdout } from '../row-output.ts';
import type { MergeCommandOptions } from './merge-options.ts';

/** `pgtrace merge`: unites rows, or adds them up. Returns the exit code. */
export async function mergeCommand(paths: readonly string[], options: MergeCommandOptions, io: Io): Promise<number> {
  const { output } = options;
  if (options.json === true && options.totals !== true) throw usageError('--json is for --totals; rows are NDJSON');
  if (options.totals === true && options.format !== undefined)
    throw usageError('--format is for rows; --totals has --json');
  if (paths.filter((path) => path === '-').length > 1) throw usageError('standard input can be read once only');
  const format = options.totals === true ? 'ndjson' : rowFormat(output, options.format);
  const sets: Sourced[][] = [];
  for (const path of paths) for (const file of rowFiles(path)) sets.push(await readRows(file, io));
  const rows = mergeRows(sets).map(({ row }) => row);
  if (options.totals !== true) {
    await (output === undefined ? writeStdout(rows, io) : writeRows(output, format, rows));
    return EXIT_OK;
  }
  const totals = totalsOf(rows);
  const to = output === undefined ? new StreamOutput(io.stdout) : new FileOutput(output);
  const width = output === undefined ? terminalWidth(io.stdout) : null;
  to.write(options.json === true ? totalsText(totals) : renderTotals(totals, width));
  to.close();
  return EXIT_OK;
}

/** The files of rows that a path stands for: of a folder those of its cells, `rows.ndjson` being made of them. */
function rowFiles(path: string): string[] {
  if (path === '-' || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.json') && isCellId(name.slice(0, -5)));
  if (names.length === 0 && !readdirSync(path).includes('rows.ndjson')) {
    throw inputError('no rows of `pgtrace sweep` in this folder', { file: path, line: 0, column: 0 });
  }
  return names.sort().map((name) => join(path, name));
}

async function readRows(path: string, io: Io): Promise<Sourced[]> {
  const source = await openSource(path, io.stdin);
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
        else rows.push({ row, from: source.name });
      }
    },
    () => refuse('a line this long is no row of `pgtrace sweep`'),
  );
  for await (const chunk of source.chunks()) lines.push(chunk);
  lines.finish();
  return rows;
}
