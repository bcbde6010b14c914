import { join } from 'node:path';
import { usageError } from '../../base/errors.ts';
import { type Row, rowText } from '../../sweep/row.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { parquetBytes } from './parquet.ts';
import { RowFolder, writeWhole } from './row-folder.ts';
import type { RowFormat } from './sweep-options.ts';

/** Where the rows of a sweep go. */
export interface RowOutput {
  /** True when what is written now need not be run again. */
  readonly resumes: boolean;
  /** The row of a cell that needs no run; null when it does. */
  kept(id: string, name: string): Row | null;
  put(row: Row): void;
  /** Makes what was put final, sorted by id. Of an interrupted sweep no file of all rows is written. */
  finish(interrupted: boolean): Promise<void>;
}

interface OutputOptions {
  readonly output?: string;
  readonly format?: RowFormat;
  readonly force?: boolean;
}

/** Opens what `-o` and `--format` ask for: standard output, one file, or a folder. Throws PgtraceError. */
export function openRowOutput(options: OutputOptions, engine: string, io: Io): RowOutput {
  const { output, force = false } = options;
  const format = rowFormat(output, options.format);
  if (output === undefined) return new Gathered((rows) => writeStdout(rows, io), true);
  if (isFile(output)) return new Gathered((rows) => writeRows(output, format, rows), false);
  return new FolderOutput(output, new RowFolder(output, engine), format, force);
}

/** The format of an output: as asked for, else as its name says. Throws a usage error when they differ. */
export function rowFormat(output: string | undefined, format: RowFormat | undefined): RowFormat {
  if (format === 'parquet' && output === undefined) throw usageError('--format parquet needs -o FILE.parquet');
  const named = output === undefined || !isFile(output) ? null : output.endsWith('.parquet') ? 'parquet' : 'ndjson';
  if (named !== null && format !== undefined && named !== format) {
    throw usageError(`-o ${output} is no name for --format ${format}`);
  }
  return named ?? format ?? 'ndjson';
}

/** Writes rows, sorted by id, into one file that appears whole. */
export async function writeRows(path: string, format: RowFormat, rows: readonly Row[]): Promise<void> {
  writeWhole(path, format === 'parquet' ? await parquetBytes(rows) : rows.map(rowText).join(''));
}

/** Writes rows to standard output. */
export async function writeStdout(rows: readonly Row[], io: Io): Promise<void> {
  const output = new StreamOutput(io.stdout);
  for (const row of rows) output.write(rowText(row));
  output.close();
}

function isFile(output: string): boolean {
  return /\.(parquet|ndjson)$/.test(output);
}

/** Rows that are kept in memory and written in the end. */
class Gathered implements RowOutput {
  readonly resumes = false;
  readonly #rows: Row[] = [];
  readonly #write: (rows: readonly Row[]) => Promise<void>;
  readonly #partly: boolean;

  /** @param partly - whether an interrupted sweep writes what it has */
  constructor(write: (rows: readonly Row[]) => Promise<void>, partly: boolean) {
    this.#write = write;
    this.#partly = partly;
  }

  kept(): null {
    return null;
  }

  put(row: Row): void {
    this.#rows.push(row);
  }

  async finish(interrupted: boolean): Promise<void> {
    if (interrupted && !this.#partly) return;
    await this.#write(this.#rows.sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
}

/** A file for each row, and one with all rows of the folder. */
class FolderOutput implements RowOutput {
  readonly resumes = true;
  readonly #path: string;
  readonly #folder: RowFolder;
  readonly #format: RowFormat;
  readonly #force: boolean;

  constructor(path: string, folder: RowFolder, format: RowFormat, force: boolean) {
    this.#path = path;
    this.#folder = folder;
    this.#format = format;
    this.#force = force;
  }

  kept(id: string, name: string): Row | null {
    if (this.#force) return null;
    const row = this.#folder.kept(id);
    if (row === null || row.trace.name === name) return row;
    // The file was renamed: what was counted stays true, the text of an error names the file.
    if (row.error !== null) return null;
    const renamed = { ...row, trace: { ...row.trace, name } };
    this.#folder.put(renamed);
    return renamed;
  }

  put(row: Row): void {
    this.#folder.put(row);
  }

  async finish(interrupted: boolean): Promise<void> {
    if (interrupted) return;
    const rows = this.#folder.rows();
    await writeRows(join(this.#path, 'rows.ndjson'), 'ndjson', rows);
    if (this.#format === 'parquet') await writeRows(join(this.#path, 'rows.parquet'), 'parquet', rows);
    this.#folder.tidy();
  }
}
