import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { usageError } from '../../base/errors.ts';
import { type Formats, formatNames } from '../../report/formats.ts';

/** One output that the command line asks for; null: not said. */
export interface OutputRequest {
  readonly path: string | null;
  readonly format: string | null;
}

/** `-o` and `--format` as commander hands them over: both name the one list. */
export interface ReportCommandOptions {
  readonly output?: readonly OutputRequest[];
  readonly format?: readonly OutputRequest[];
}

/** A reporter as far as options need it. */
interface Named {
  readonly name: string;
  readonly endings: readonly string[];
}

const OUTPUT = 'Output:';
export const STDOUT = '-';

/**
 * Adds `-o FILE` and `--format NAME`, each any number of times: a format belongs to the file before it that has none, else
 * to the next file, else to standard output. Names are checked when the outputs are opened.
 */
export function addReportOptions(command: Command, formats: Formats): Command {
  const requests: OutputRequest[] = [];
  const file = (path: string): OutputRequest[] => {
    const last = requests.at(-1);
    if (last !== undefined && last.path === null) requests[requests.length - 1] = { path, format: last.format };
    else requests.push({ path, format: null });
    return requests;
  };
  const format = (name: string): OutputRequest[] => {
    const last = requests.at(-1);
    if (last !== undefined && last.path !== null && last.format === null) {
      requests[requests.length - 1] = { path: last.path, format: name };
    } else requests.push({ path: null, format: name });
    return requests;
  };
  const add = (option: Option): void => {
    option.helpGroup(OUTPUT);
    command.addOption(option);
  };
  add(new Option('-o, --output <file>', 'write a report to a file, - for stdout; any number of times').argParser(file));
  add(
    new Option(
      '--format <name>',
      `of the file before it, else of the next file, else of stdout (default of a file: by its ending): ${formatNames(formats).join(', ')}`,
    ).argParser(format),
  );
  return command;
}

/** What is asked for, each with its format: by the file's ending where none is named. Throws a usage error. */
export function reportRequests<Reporter extends Named>(
  options: ReportCommandOptions,
  reporters: readonly Reporter[],
): { readonly path: string; readonly reporter: Reporter }[] {
  const requests = options.output ?? options.format ?? [];
  const found = requests.map(({ path, format }) => ({
    path: path ?? STDOUT,
    reporter: format === null ? byEnding(path ?? STDOUT, reporters) : byName(format, reporters),
  }));
  const twice = found.find(({ path }, i) => found.findIndex((other) => samePath(other.path, path)) < i);
  if (twice === undefined) return found;
  throw usageError(
    twice.path === STDOUT
      ? 'two reports cannot both go to standard output; give one a file: -o FILE'
      : `-o ${twice.path} is given twice`,
  );
}

function samePath(a: string, b: string): boolean {
  return a === b || (a !== STDOUT && b !== STDOUT && resolve(a) === resolve(b));
}

function byName<Reporter extends Named>(name: string, reporters: readonly Reporter[]): Reporter {
  const reporter = reporters.find((candidate) => candidate.name === name);
  if (reporter !== undefined) return reporter;
  throw usageError(`--format ${JSON.stringify(name)} is none of ${namesOf(reporters)}`);
}

function byEnding<Reporter extends Named>(path: string, reporters: readonly Reporter[]): Reporter {
  const lower = path.toLowerCase();
  const reporter = reporters.find(({ endings }) => endings.some((ending) => lower.endsWith(`.${ending}`)));
  if (reporter !== undefined) return reporter;
  const what = path === STDOUT ? '-o - does not tell the format' : `the ending of ${path} tells no format`;
  throw usageError(`${what}; add --format with one of ${namesOf(reporters)}`);
}

function namesOf(reporters: readonly Named[]): string {
  return reporters.map(({ name }) => name).join(', ');
}
