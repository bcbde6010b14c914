import { EXIT_INTERRUPTED, PgtraceError, usageError } from '../../base/errors.ts';
import { rowsOf, type StatsRow } from '../../stats/compare/rows.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { Row } from '../../sweep/row.ts';
import type { Io } from '../process/io.ts';
import type { ReplayCommandOptions } from '../replay/replay-options.ts';
import { replayTrace } from '../replay/replay-trace.ts';
import { documentsOf, isRow, statisticsOf } from '../reports/documents.ts';
import { type FoundFile, filesIn, isFolder, stemOf, traceName } from '../reports/trace-files.ts';
import { sweepRow } from './sweep-row.ts';

/** Statistics and what they are of. */
export interface SideEntry {
  readonly name: string;
  /** A document, or a row of a sweep. */
  readonly found: StatsDocument | Row;
}

/** The rows that an entry stands for. */
export function rowsOfEntry({ name, found }: SideEntry, perDomain: boolean): StatsRow[] {
  return isRow(found) ? [sweepRow(found)] : rowsOf(name, found, perDomain);
}

/** One side of a comparison. */
export interface LoadedSide {
  readonly path: string;
  readonly isFolder: boolean;
  readonly entries: readonly SideEntry[];
  /** Traces that were replayed for it; the statistics are in no file. */
  readonly replayed: boolean;
}

/**
 * The statistics that a path holds: a file of them, a trace (which is replayed), or a folder of either. Throws PgtraceError
 * for what cannot be used.
 */
export async function loadSide(path: string, options: ReplayCommandOptions, io: Io): Promise<LoadedSide> {
  if (path === '-')
    return {
      path,
      isFolder: false,
      entries: [{ name: '-', found: await replayed(path, options, io) }],
      replayed: true,
    };
  const folder = isFolder(path);
  const files: readonly FoundFile[] = folder ? filesIn(path) : [{ path, name: traceName(path) }];
  if (files.length === 0) throw usageError(`${path}: no statistics and no traces in this folder`);
  const stems = files.map(({ name }) => stemOf(name));
  const entries: SideEntry[] = [];
  let anyReplayed = false;
  for (const [at, file] of files.entries()) {
    // Two forms of one trace keep their endings, so that each is a row of its own.
    const name = stems.filter((stem) => stem === stems[at]).length > 1 ? file.name : stems[at];
    const statistics = statisticsOf(file.path);
    if (statistics === null) {
      anyReplayed = true;
      entries.push({ name, found: await replayed(file.path, options, io) });
      continue;
    }
    statistics.forEach((found, number) => {
      entries.push({ name: statistics.length === 1 ? name : `${name}#${number + 1}`, found });
    });
  }
  return { path, isFolder: folder, entries, replayed: anyReplayed };
}

/** The statistics of a base that is kept: a file, or a folder of files. Throws PgtraceError for what is none. */
export function loadBase(path: string): LoadedSide {
  const folder = isFolder(path);
  const files: readonly FoundFile[] = folder ? filesIn(path) : [{ path, name: traceName(path) }];
  const entries = files.flatMap((file) => {
    const documents = documentsOf(file.path);
    if (documents === null) throw usageError(`${file.path}: no statistics of \`pgtrace replay --json\``);
    return documents.map((found) => ({ name: stemOf(file.name), found }));
  });
  return { path, isFolder: folder, entries, replayed: false };
}

async function replayed(path: string, options: ReplayCommandOptions, io: Io): Promise<StatsDocument> {
  const { document, run } = await replayTrace(path, options, io);
  if (run.interrupted) throw new PgtraceError(EXIT_INTERRUPTED, 'interrupted');
  // What is left of a trace that broke is no base and no result.
  if (run.outcome.error !== null) throw run.outcome.error;
  return document;
}
