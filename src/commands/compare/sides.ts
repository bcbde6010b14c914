import { EXIT_INTERRUPTED, PgtraceError, usageError } from '../../base/errors.ts';
import { rowsOf, type StatsRow } from '../../stats/compare/rows.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { Row } from '../../sweep/row.ts';
import type { Io } from '../process/io.ts';
import type { ReplayCommandOptions } from '../replay/replay-options.ts';
import { replayTrace } from '../replay/replay-trace.ts';
import { isRow, statisticsOf } from '../reports/documents.ts';
import { STDOUT } from '../reports/report-options.ts';
import { peekStdin } from '../reports/stdin.ts';
import { type FoundFile, isFolder, namedFiles } from '../reports/trace-files.ts';
import { sweepRows } from './sweep-row.ts';

/** Statistics and what they are of. */
export interface SideEntry {
  readonly name: string;
  /** The file that they are kept in, in the folder that was named; null: they were made now, or are not alone there. */
  readonly file: string | null;
  /** A document, or a row of a sweep. */
  readonly found: StatsDocument | Row;
}

/** The rows that entries stand for; those of failed cells of a sweep are none. */
export function rowsOfEntries(entries: readonly SideEntry[], perDomain: boolean): StatsRow[] {
  const rows = entries.flatMap(({ found }) => (isRow(found) && found.complete ? [found] : []));
  return [
    ...entries.flatMap(({ name, found }) => (isRow(found) ? [] : rowsOf(name, found, perDomain))),
    ...sweepRows(rows),
  ];
}

/** One side of a comparison. */
export interface LoadedSide {
  readonly path: string;
  readonly isFolder: boolean;
  readonly entries: readonly SideEntry[];
  /** Some were made now, of traces. */
  readonly replayed: boolean;
}

/**
 * The statistics that a path holds: a file of them, a trace (which is replayed), or a folder of either. Throws PgtraceError
 * for what cannot be used.
 */
export async function loadSide(path: string, options: ReplayCommandOptions, io: Io): Promise<LoadedSide> {
  if (path === STDOUT) {
    const { statistics, rest } = await peekStdin(io);
    const found = statistics ?? [await replayed(path, options, rest)];
    const entries = entriesOf({ path, name: '-' }, '-', found);
    return { path, isFolder: false, entries, replayed: statistics === null };
  }
  const entries: SideEntry[] = [];
  let anyReplayed = false;
  for (const { file, name } of namedFiles(path)) {
    const statistics = statisticsOf(file.path, options.maxDecompressed);
    if (statistics !== null) entries.push(...entriesOf(file, name, statistics));
    else {
      anyReplayed = true;
      entries.push({ name, file: null, found: await replayed(file.path, options, io) });
    }
  }
  if (entries.length === 0) throw usageError(`${path}: no statistics and no traces in this folder`);
  return { path, isFolder: isFolder(path), entries, replayed: anyReplayed };
}

/** The statistics of a base that is kept: a file, or a folder of files. Throws PgtraceError for what is none. */
export function loadBase(path: string): LoadedSide {
  const entries = namedFiles(path).flatMap(({ file, name }) => {
    const statistics = statisticsOf(file.path);
    if (statistics === null) throw usageError(`${file.path}: no statistics of \`pgtrace replay --json\``);
    return entriesOf(file, name, statistics);
  });
  return { path, isFolder: isFolder(path), entries, replayed: false };
}

function entriesOf(file: FoundFile, name: string, statistics: readonly SideEntry['found'][]): SideEntry[] {
  const alone = statistics.length === 1;
  return statistics.map((found, number) => ({
    name: alone ? name : `${name}#${number + 1}`,
    file: alone && !isRow(found) ? file.name : null,
    found,
  }));
}

async function replayed(path: string, options: ReplayCommandOptions, io: Io): Promise<StatsDocument> {
  const { document, run } = await replayTrace(path, options, io);
  if (run.interrupted) throw new PgtraceError(EXIT_INTERRUPTED, 'interrupted');
  // What is left of a trace that broke is no base and no result.
  if (run.outcome.error !== null) throw run.outcome.error;
  return document;
}
