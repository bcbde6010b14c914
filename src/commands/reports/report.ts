import { EXIT_OK, inputError, usageError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { NamedDocument } from '../../report/reporter.ts';
import { STATS_REPORTERS } from '../../report/summary/registry.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { ColorChoice, Io } from '../process/io.ts';
import { onlyDocuments, statisticsOf } from './documents.ts';
import { ReportOutputs, styleFor } from './outputs.ts';
import { type ReportCommandOptions, reportRequests, STDOUT } from './report-options.ts';
import { peekStdin } from './stdin.ts';
import { namedFiles } from './trace-files.ts';

export interface ReportOptions extends ReportCommandOptions {
  readonly color: ColorChoice;
  readonly reservations?: boolean;
  readonly strict?: boolean;
  readonly name?: string;
  /** Bytes that a compressed file may decompress to. */
  readonly maxDecompressed?: number;
}

/** `pgtrace report`: renders statistics again, without a replay. Returns the exit code. */
export async function reportCommand(paths: readonly string[], options: ReportOptions, io: Io): Promise<number> {
  const files = paths.flatMap((path) => (path === STDOUT ? [path] : namedFiles(path).map(({ file }) => file.path)));
  const outputs = new ReportOutputs(reportRequests(options, STATS_REPORTERS), files, io, options);
  try {
    const documents: NamedDocument[] = [];
    for (const path of paths) documents.push(...(await namedDocuments(path, options, io)));
    const text = STATS_REPORTERS.find(({ name }) => name === 'text');
    const toStdout = !outputs.takesStdout && outputs.isEmpty;
    outputs.write(documents);
    if (toStdout && text !== undefined) io.stdout.write(text.render(documents, styleFor(io, options, io.stdout)));
    return EXIT_OK;
  } catch (error) {
    outputs.discard();
    throw error;
  }
}

async function namedDocuments(path: string, options: ReportOptions, io: Io): Promise<NamedDocument[]> {
  const { name } = options;
  if (path === STDOUT) {
    const { statistics } = await peekStdin(io);
    return named('<stdin>', '<stdin>', name, onlyDocuments(statistics, '<stdin>'));
  }
  const found = namedFiles(path).flatMap(({ file, name: own }) =>
    named(file.path, own, name, onlyDocuments(statisticsOf(file.path, options.maxDecompressed), file.path)),
  );
  if (found.length === 0) throw usageError(`${printable(path)}: no statistics in this folder`);
  return found;
}

function named(
  path: string,
  own: string,
  name: string | undefined,
  documents: readonly StatsDocument[] | null,
): NamedDocument[] {
  if (documents === null) {
    throw inputError('no statistics; `pgtrace replay TRACE --json` makes them of a trace', {
      file: path,
      line: 0,
      column: 0,
    });
  }
  return documents.map((document, at) => ({
    name: name ?? (documents.length === 1 ? own : `${own}#${at + 1}`),
    remembered: true,
    document,
  }));
}
