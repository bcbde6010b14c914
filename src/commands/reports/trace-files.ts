import { type Dirent, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cannotRead } from '../process/fs-errors.ts';

/** A file that was named, or found in a folder that was named. */
export interface FoundFile {
  readonly path: string;
  /** In a folder its path there, with `/`; else its base name. */
  readonly name: string;
}

/** Endings of files in a folder that may be traces, recordings or statistics. */
const ENDINGS = /\.(ndjson|jsonl|json|txt|trace|log|dat|data|html)(\.gz|\.zst)?$/i;
const ENDING = /(\.stats)?\.(ndjson|jsonl|json|txt|trace|log|dat|data|html)(\.gz|\.zst)?$/i;

/** True for a folder. Throws an environment error for what is not there. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** The files of a folder and the folders in it, by name; hidden ones and those of other endings are left out. */
export function filesIn(folder: string): FoundFile[] {
  return entriesIn(folder)
    .filter((entry) => entry.isFile() && ENDINGS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, name: path.slice(join(folder, '/').length).replaceAll('\\', '/') }))
    .filter(({ name }) => !name.split('/').some((part) => part.startsWith('.')))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function entriesIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    throw cannotRead(folder, error);
  }
}

/** A file's name without what tells its form: `boot.ndjson.gz` and `boot.stats.json` are both of `boot`. */
export function stemOf(name: string): string {
  const stem = name.replace(ENDING, '');
  return stem === '' || stem.endsWith('/') ? name : stem;
}

/** The stem of a path's last part. */
export function traceName(path: string): string {
  return path === '-' ? '-' : stemOf(basename(path));
}

/** The file that a path is, or those in the folder that it is, each with a name. Two forms of one trace keep their endings, so that each is a row of its own. */
export function namedFiles(path: string): { readonly file: FoundFile; readonly name: string }[] {
  const files: readonly FoundFile[] = isFolder(path) ? filesIn(path) : [{ path, name: basename(path) }];
  const stems = new Map<string, number>();
  for (const { name } of files) stems.set(stemOf(name), (stems.get(stemOf(name)) ?? 0) + 1);
  return files.map((file) => ({ file, name: stems.get(stemOf(file.name)) === 1 ? stemOf(file.name) : file.name }));
}
