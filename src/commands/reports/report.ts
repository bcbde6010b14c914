import { EXIT_OK, usageError } from '../../base/errors.ts';
import type { NamedDocument } from '../../report/reporter.ts';
import { STATS_REPORTERS } from '../../report/summary/registry.ts';
import type { ColorChoice, Io } from '../process/io.ts';
import { documentsOf } from './documents.ts';
import { ReportOutputs, styleFor } from './outputs.ts';
import { type ReportCommandOptions, reportRequests } from './report-options.ts';
import { filesIn, isFolder, traceName } from './trace-files.ts';

export interface ReportOptions extends ReportCommandOptions {
  readonly color: ColorChoice;
  readonly reservations?: boolean;
  readonly strict?: boolean;
  readonly name?: string;
}

/** `pgtrace report`: renders statistics again, without a replay. Returns the exit code. */
export function reportCommand(paths: readonly string[], options: ReportOptions, io: Io): number {
  const outputs = new ReportOutputs(reportRequests(options, STATS_REPORTERS), paths, io, options);
  try {
    const documents = paths.flatMap((path) => namedDocuments(path, options.name));
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

function namedDocuments(path: string, name: string | undefined): NamedDocument[] {
  const files = isFolder(path) ? filesIn(path) : [{ path, name: path }];
  const found = files.flatMap((file) => {
    const documents = documentsOf(file.path);
    if (documents === null) {
      throw usageError(
        `${file.path}: no statistics; \`pgtrace replay ${file.path} --json\` makes them, or replay with -o and --format`,
      );
    }
    return documents.map((document, at) => ({
      name: name ?? (documents.length === 1 ? traceName(file.name) : `${traceName(file.name)}#${at + 1}`),
      document,
    }));
  });
  if (found.length === 0) throw usageError(`${path}: no statistics in this folder`);
  return found;
}
