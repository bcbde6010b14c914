import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { usageError } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import type { Io } from '../process/io.ts';
import { FileOutput } from '../process/output.ts';
import { statisticsOf } from '../reports/documents.ts';
import { STDOUT } from '../reports/report-options.ts';
import type { SideEntry } from './sides.ts';

/** What is to be renewed: where it is, and what is kept there now. */
export interface KeptBase {
  readonly path: string;
  readonly isFolder: boolean;
  readonly entries: readonly SideEntry[];
}

/**
 * Writes statistics where a base is kept: one document a line into a file; or one file each into a folder, of which the files
 * of traces that are no more go. Throws a usage error for a base that is a trace, which is not to be lost, or that holds
 * several documents in one file of a folder.
 */
export function updateBase({ path, isFolder, entries: kept }: KeptBase, entries: readonly SideEntry[], io: Io): void {
  if (path === STDOUT) throw usageError('--update has nowhere to write: the base is standard input');
  if (isFolder) updateFolder(path, kept, entries, io);
  else {
    if (existsSync(path) && statisticsOf(path) === null) {
      throw usageError(`--update would replace ${path}, which is a trace; give the base as statistics`);
    }
    writeDocuments(
      path,
      entries.map(({ found }) => found),
    );
  }
  io.stderr.write(`pgtrace: ${path}: ${plural(entries.length, 'statistics document')} written\n`);
}

function updateFolder(folder: string, kept: readonly SideEntry[], entries: readonly SideEntry[], io: Io): void {
  const shared = kept.find(({ file }) => file === null);
  if (shared !== undefined) {
    throw usageError(`--update: ${folder} keeps ${shared.name} not as one file of statistics; renew it by itself`);
  }
  const stale = kept.filter(({ name }) => !entries.some((entry) => entry.name === name));
  for (const { name, found } of entries) {
    const old = kept.find((entry) => entry.name === name)?.file ?? null;
    const file = `${name}.json`;
    // A compressed one is replaced by a plain one.
    const target = old?.endsWith('.json') ? old : file;
    writeDocuments(join(folder, target), [found]);
    if (old !== null && old !== target) rmSync(join(folder, old));
  }
  for (const { file } of stale) {
    if (file === null) continue;
    rmSync(join(folder, file));
    io.stderr.write(`pgtrace: ${join(folder, file)}: removed, for its trace is not there any more\n`);
  }
}

function writeDocuments(path: string, documents: readonly SideEntry['found'][]): void {
  mkdirSync(dirname(path), { recursive: true });
  const output = new FileOutput(path);
  try {
    for (const document of documents) output.write(`${stableJson(document as unknown as Json)}\n`);
  } catch (error) {
    output.discard();
    throw error;
  }
  output.close();
}
