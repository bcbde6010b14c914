import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_INPUT, EXIT_OK, environmentError, usageError } from '../../base/errors.ts';
import { isCellId } from '../../sweep/cell-id.ts';
import { mergeRows, type Sourced } from '../../sweep/merge.ts';
import { parseRow, type Row, rowText } from '../../sweep/row.ts';

/** A folder of rows, `ID.json` each. What is in it is whole, whoever was killed while writing. */
export class RowFolder {
  readonly #path: string;

  /** Makes the folder. Throws an environment error when it cannot, a usage error when its rows are another version's. */
  constructor(path: string, engine: string) {
    this.#path = path;
    attempt(path, () => mkdirSync(path, { recursive: true }));
    // Every row is checked in the end; one look at the start saves a run in vain.
    const [some] = this.#ids();
    const row = some === undefined ? null : this.#read(some);
    if (row !== null && row.engine !== engine) {
      throw usageError(`${path} holds rows of pgtrace ${row.engine}, this is ${engine}; name another folder`);
    }
  }

  /** The row of a cell that needs no run any more: complete, or refused for what the trace is. Null when there is none. */
  kept(id: string): Row | null {
    const row = this.#read(id);
    return row !== null && row.id === id && (row.exit === EXIT_OK || row.exit === EXIT_INPUT) ? row : null;
  }

  put(row: Row): void {
    writeWhole(join(this.#path, `${row.id}.json`), rowText(row));
  }

  /** All rows sorted by id. Throws a usage error when they do not belong together. */
  rows(): Row[] {
    const all = this.#ids().flatMap((id): Sourced[] => {
      const row = this.#read(id);
      return row === null ? [] : [{ row, from: join(this.#path, `${id}.json`) }];
    });
    return mergeRows([all]).map(({ row }) => row);
  }

  /** Takes away what killed sweeps left half written beside rows that are there by now. */
  tidy(): void {
    for (const name of readdirSync(this.#path)) {
      const match = /^([0-9a-f]{16}\.json|rows\.\w+)\.[0-9a-f]{12}\.tmp$/.exec(name);
      if (match !== null && existsSync(join(this.#path, match[1]))) rmSync(join(this.#path, name), { force: true });
    }
  }

  #ids(): string[] {
    return readdirSync(this.#path)
      .filter((name) => name.endsWith('.json') && isCellId(name.slice(0, -5)))
      .map((name) => name.slice(0, -5))
      .sort();
  }

  #read(id: string): Row | null {
    let text: string;
    try {
      text = readFileSync(join(this.#path, `${id}.json`), 'utf8');
    } catch {
      return null;
    }
    const row = parseRow(text);
    return typeof row === 'string' ? null : row;
  }
}

/**
 * Writes a file that appears whole, or not at all. The name it has meanwhile is nobody else's: pods with one volume have
 * the same process id.
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const written = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  attempt(path, () => {
    writeFileSync(written, content);
    try {
      renameSync(written, path);
    } catch (error) {
      // Another sweep has put the same row there, and tidied up.
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT' && existsSync(path);
      rmSync(written, { force: true });
      if (!gone) throw error;
    }
  });
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const why =
      code === 'ENOSPC'
        ? 'no space left'
        : code === 'EACCES'
          ? 'permission denied'
          : code === 'EEXIST'
            ? 'it is a file'
            : code;
    throw environmentError(`${path}: cannot write: ${why}`);
  }
}
