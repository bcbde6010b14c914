import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_INPUT, EXIT_OK, inputError, PgtraceError, usageError } from '../../../base/errors.ts';
import { isCellId } from '../../../sweep/cell-id.ts';
import { mergeRows, type Sourced } from '../../../sweep/merge.ts';
import { parseRow, type Row, rowText } from '../../../sweep/row.ts';
import { cannotRead, cannotWrite } from '../../process/fs-errors.ts';
import { halfFile, writeWhole } from '../../process/whole-file.ts';

/** Rows of a folder, and what of it is no row. */
export interface FolderRows {
  /** Sorted by id. */
  readonly rows: readonly Row[];
  readonly damages: readonly PgtraceError[];
}

/** Nobody takes longer than this to write a file of a folder: what is older by it than a new one has been given up. */
const GIVEN_UP_MS = 3_600_000;

/** A folder of rows, `ID.json` each. What is in it is whole, whoever was killed while writing; several sweeps may share it. */
export class RowFolder {
  readonly #path: string;

  /**
   * Makes the folder. Throws an environment error when it cannot or nothing can be written there, a usage error when its
   * rows are another version's.
   */
  constructor(path: string, engine: string) {
    this.#path = path;
    try {
      mkdirSync(path, { recursive: true });
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw cannotWrite(path, error);
    }
    // Every row is checked in the end; one look at the start saves a run in vain.
    const [some] = cellsIn(path);
    const row = some === undefined ? null : this.#read(some);
    if (row !== null && !(row instanceof PgtraceError) && row.engine !== engine) {
      throw usageError(`${path} holds rows of pgtrace ${row.engine}, this is ${engine}; name another folder`);
    }
  }

  /** The row of a cell that needs no run any more: complete, or refused for what the trace is. Null when there is none. */
  kept(id: string): Row | null {
    const row = this.#read(id);
    if (row === null || row instanceof PgtraceError) return null;
    return row.exit === EXIT_OK || row.exit === EXIT_INPUT ? row : null;
  }

  put(row: Row): void {
    writeWhole(this.#file(row.id), rowText(row));
  }

  /** All rows, and what stands in their place. Throws a usage error when they do not belong together. */
  rows(): FolderRows {
    const sourced: Sourced[] = [];
    const damages: PgtraceError[] = [];
    for (const id of cellsIn(this.#path)) {
      const row = this.#read(id);
      if (row instanceof PgtraceError) damages.push(row);
      else if (row !== null) sourced.push({ row, from: this.#file(id) });
    }
    return { rows: mergeRows([sourced]).map(({ row }) => row), damages };
  }

  /** Changes when a row is put, by whomever: a put file is another one than that before it. */
  state(): string {
    return cellsIn(this.#path)
      .map((id) => {
        const { ino = 0, mtimeMs = 0 } = statSync(this.#file(id), { throwIfNoEntry: false }) ?? {};
        return `${id} ${ino} ${mtimeMs}`;
      })
      .join('\n');
  }

  /**
   * Takes away what killed sweeps left half written: that of processes that are gone, and that of other machines when it
   * is much older than `newest`, a file of the folder that has just been written. Times are those of one file system.
   */
  tidy(newest: string): void {
    try {
      const now = statSync(join(this.#path, newest)).mtimeMs;
      for (const name of readdirSync(this.#path)) {
        const half = halfFile(name);
        if (half === null || half.writer === 'alive' || !/^([0-9a-f]{16}\.json|rows\.\w+)$/.test(half.base)) continue;
        const path = join(this.#path, name);
        const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now;
        if (half.writer === 'gone' || now - written > GIVEN_UP_MS) rmSync(path, { force: true });
      }
    } catch {
      // What is left behind is in nobody's way; the rows are there.
    }
  }

  #file(id: string): string {
    return join(this.#path, `${id}.json`);
  }

  /** The row of a cell, null when there is none, or what is wrong with it. */
  #read(id: string): Row | null | PgtraceError {
    const path = this.#file(id);
    try {
      const row = parseRow(readFileSync(path, 'utf8'));
      if (typeof row !== 'string' && row.id === id) return row;
      const wrong = typeof row === 'string' ? row : foreignRow(row.id);
      return inputError(wrong, { file: path, line: 1, column: 0 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      const told = cannotRead(path, error);
      if (told instanceof PgtraceError) return told;
      throw told;
    }
  }
}

/** The ids of the cells whose rows a folder has, sorted. Throws an environment error. */
export function cellsIn(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => name.endsWith('.json') && isCellId(name.slice(0, -5)))
    .map((name) => name.slice(0, -5))
    .sort();
}

/** What a folder has in it. Throws an environment error. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw cannotRead(folder, error);
  }
}

/** What is wrong with a file named after another cell than that whose row it holds. */
export function foreignRow(id: string): string {
  return `this is the row of job ${id}; the file has been renamed or overwritten`;
}
