import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type PgtraceError, usageError } from '../../../base/errors.ts';
import { type Row, rowText } from '../../../sweep/row.ts';
import { headOf } from '../../process/file-head.ts';
import type { Io } from '../../process/io.ts';
import { isSameFile, StreamOutput } from '../../process/output.ts';
import { tidyBeside, WholeFile, writeWhole } from '../../process/whole-file.ts';
import type { RowFormat } from '../sweep-options.ts';
import { parquetBytes } from './parquet.ts';
import { RowFolder } from './row-folder.ts';

/** Where the rows of a sweep go. */
export interface RowOutput {
  /** The row of a cell that needs no run; null when it does. */
  kept(id: string, name: string): Row | null;
  put(row: Row): void;
  /** Makes what was put final, sorted by id. Gives what is wrong with rows that were there before. */
  finish(): Promise<readonly PgtraceError[]>;
  /** The same after an interrupt; gives what has become of the rows, in words. */
  interrupt(): Promise<string>;
  /** Leaves no half file behind when something fails. */
  discard(): void;
}

interface OutputOptions {
  readonly output?: string;
  readonly format?: RowFormat;
  readonly force?: boolean;
}

/**
 * Throws a usage error for an output that is one of `inputs`, or a file that holds something else than rows: a trace that was
 * meant to be read would be lost.
 */
export function refuseForeignFile(output: string, inputs: readonly string[]): void {
  const same = inputs.find((input) => input !== '-' && isSameFile(output, input));
  if (same !== undefined) throw usageError(`-o ${output} is an input itself; name another place for the rows`);
  if (!/\.(ndjson|parquet)$/i.test(output) || !isFilledFile(output)) return;
  const head = headOf(output);
  const [first] = head.toString('utf8').split('\n');
  if (head.toString('latin1', 0, 4) === 'PAR1' || /"schema":"pgtrace\.row\//.test(first)) return;
  throw usageError(`-o ${output} is there and no file of rows; name another, or take it away`);
}

/** What cannot even be looked at is told when it is opened. */
function isFilledFile(path: string): boolean {
  try {
    const info = statSync(path);
    return info.isFile() && info.size > 0;
  } catch {
    return false;
  }
}

/**
 * Opens what `-o` and `--format` ask for: standard output, one file, or a folder; what cannot be written fails here, before
 * the run. Throws PgtraceError.
 */
export function openRowOutput(options: OutputOptions, engine: string, io: Io): RowOutput {
  const { output, force = false } = options;
  const format = rowFormat(output, options.format);
  if (output === undefined) return new RowStream(io);
  if (isFile(output)) return new RowFile(output, format);
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
  writeWhole(path, await rowBytes(format, rows));
}

/** Writes rows to standard output. */
export function writeStdout(rows: readonly Row[], io: Io): void {
  const output = new StreamOutput(io.stdout, 'drop');
  for (const row of rows) output.write(rowText(row));
  output.close();
}

async function rowBytes(format: RowFormat, rows: readonly Row[]): Promise<Uint8Array> {
  return format === 'parquet' ? await parquetBytes(rows) : Buffer.from(rows.map(rowText).join(''));
}

function isFile(output: string): boolean {
  return /\.(parquet|ndjson)$/.test(output);
}

/** Rows that are kept in memory and written in the end. */
abstract class Gathered {
  readonly #rows: Row[] = [];

  kept(): null {
    return null;
  }

  put(row: Row): void {
    this.#rows.push(row);
  }

  protected get sorted(): readonly Row[] {
    return this.#rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/** Standard output. */
class RowStream extends Gathered implements RowOutput {
  readonly #io: Io;

  constructor(io: Io) {
    super();
    this.#io = io;
  }

  async finish(): Promise<readonly PgtraceError[]> {
    writeStdout(this.sorted, this.#io);
    return [];
  }

  async interrupt(): Promise<string> {
    await this.finish();
    return '';
  }

  discard(): void {}
}

/** One file. After an interrupt it has the rows that are done: each is whole, and `merge` adds the others to them. */
class RowFile extends Gathered implements RowOutput {
  readonly #path: string;
  readonly #format: RowFormat;
  readonly #file: WholeFile;

  constructor(path: string, format: RowFormat) {
    super();
    this.#path = path;
    this.#format = format;
    tidyBeside(path);
    this.#file = new WholeFile(path);
  }

  async finish(): Promise<readonly PgtraceError[]> {
    try {
      this.#file.put(await rowBytes(this.#format, this.sorted));
      this.#file.close();
    } catch (error) {
      this.discard();
      throw error;
    }
    return [];
  }

  async interrupt(): Promise<string> {
    if (this.sorted.length === 0) {
      this.discard();
      return `; ${this.#path} was not written`;
    }
    await this.finish();
    return `; ${this.#path} has their rows, not those of the others`;
  }

  discard(): void {
    this.#file.discard();
  }
}

/** How often the file of all rows is made again while another sweep puts rows beside. */
const PASSES = 50;

/** A file for each row, and one with all rows of the folder. */
class FolderOutput implements RowOutput {
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

  async finish(): Promise<readonly PgtraceError[]> {
    for (let pass = 1; ; pass++) {
      const state = this.#folder.state();
      const { rows, damages } = this.#folder.rows();
      await writeRows(join(this.#path, 'rows.ndjson'), 'ndjson', rows);
      if (this.#format === 'parquet') await writeRows(join(this.#path, 'rows.parquet'), 'parquet', rows);
      // Another sweep may have put rows and written the file of all since they were listed: it has just been replaced by
      // an older one. A sweep that goes on putting rows for long writes it again when it is done itself.
      if (pass < PASSES && this.#folder.state() !== state) continue;
      this.#folder.tidy('rows.ndjson');
      return damages;
    }
  }

  /** The file of all rows is left as it was. */
  async interrupt(): Promise<string> {
    return '; the same command goes on from here';
  }

  discard(): void {}
}
