import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { usageError } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import type { Io } from '../process/io.ts';
import { FileOutput } from '../process/output.ts';
import { statisticsOf } from '../reports/documents.ts';
import type { SideEntry } from './sides.ts';

/**
 * Writes statistics where a base is kept: one document a line into a file, or one file each into a folder. Throws a usage
 * error for a base that is a trace: that is not to be lost.
 */
export function updateBase(base: string, isFolder: boolean, entries: readonly SideEntry[], io: Io): void {
  if (isFolder) for (const { name, found } of entries) writeDocuments(join(base, `${name}.json`), [found]);
  else {
    if (existsSync(base) && statisticsOf(base) === null) {
      throw usageError(`--update would replace ${base}, which is a trace; give the base as statistics`);
    }
    writeDocuments(
      base,
      entries.map(({ found }) => found),
    );
  }
  io.stderr.write(`pgtrace: ${base}: ${plural(entries.length, 'statistics document')} written\n`);
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
