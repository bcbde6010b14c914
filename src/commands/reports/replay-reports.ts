import { existsSync } from 'node:fs';
import { EXIT_NO, EXIT_OK, usageError } from '../../base/errors.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { COMPARE_REPORTERS } from '../../report/compare/registry.ts';
import type { NamedDocument } from '../../report/reporter.ts';
import { STATS_REPORTERS } from '../../report/summary/registry.ts';
import { renderText } from '../../report/text.ts';
import type { CompareResult } from '../../stats/compare/result.ts';
import { compareSides } from '../compare/compare.ts';
import { type LoadedSide, loadBase } from '../compare/sides.ts';
import { updateBase } from '../compare/update.ts';
import { compareOptions } from '../compare/wanted.ts';
import type { Io } from '../process/io.ts';
import type { ReplayCommandOptions } from '../replay/replay-options.ts';
import { ReportOutputs, type ReportRequest, styleFor } from './outputs.ts';
import { reportRequests, STDOUT } from './report-options.ts';
import { traceName } from './trace-files.ts';

/** Where the statistics of `pgtrace replay` go, and what they are held against. */
export class ReplayReports {
  readonly #options: ReplayCommandOptions;
  readonly #io: Io;
  readonly #several: boolean;
  readonly #outputs: ReportOutputs<readonly NamedDocument[]>;
  readonly #baseline: Baseline | null;
  /** Kept where an output wants them all. */
  readonly #documents: NamedDocument[] = [];

  /** Opens every output. Throws a usage error for options that contradict each other, an environment error for bad paths. */
  constructor(paths: readonly string[], options: ReplayCommandOptions, io: Io) {
    this.#options = options;
    this.#io = io;
    this.#several = paths.length > 1;
    const compares = options.baseline !== undefined;
    const known = compares ? [...COMPARE_REPORTERS, ...STATS_REPORTERS.filter(isForStatsOnly)] : STATS_REPORTERS;
    const requests = reportRequests<(typeof known)[number]>(options, known);
    if (options.json === true && requests.some(({ path }) => path === STDOUT)) {
      throw usageError('--json writes to standard output, as another report does; give that one a file: -o FILE');
    }
    this.#baseline = compares
      ? new Baseline(options.baseline, requests.filter(isComparison), paths, options, io)
      : null;
    try {
      this.#outputs = new ReportOutputs(requests.filter(isOfStatistics), paths, io, options);
    } catch (error) {
      this.#baseline?.discard();
      throw error;
    }
  }

  /** Takes what a replay came to; `usable` says whether anything was replayed. */
  take(named: NamedDocument, usable: boolean): void {
    const { json, results } = this.#options;
    if (usable && (!this.#outputs.isEmpty || this.#baseline !== null)) this.#documents.push(named);
    if (json === true) this.#io.stdout.write(`${stableJson(named.document as unknown as Json)}\n`);
    // Of an input that gave nothing the message says all.
    else if (usable && results !== STDOUT && !this.#outputs.takesStdout && this.#baseline?.takesStdout !== true) {
      this.#io.stdout.write(
        renderText(named.document, { name: named.name, ...styleFor(this.#io, this.#options, this.#io.stdout) }),
      );
      if (this.#several) this.#io.stdout.write('\n');
    }
  }

  /** Writes the reports, and compares when the replays ended well; returns the exit code of the comparison. */
  finish(code: number): number {
    if (this.#documents.length > 0) this.#outputs.write(this.#documents);
    else this.#outputs.discard();
    if (this.#baseline === null) return EXIT_OK;
    // What is left of a trace that broke is held against nothing.
    if (code > EXIT_NO) {
      this.#baseline.discard();
      return EXIT_OK;
    }
    return this.#baseline.compare(this.#documents);
  }

  discard(): void {
    this.#outputs.discard();
    this.#baseline?.discard();
  }
}

const isComparison = (request: { readonly reporter: unknown }): request is ReportRequest<CompareResult> =>
  (COMPARE_REPORTERS as readonly unknown[]).includes(request.reporter);

const isOfStatistics = (request: { readonly reporter: unknown }): request is ReportRequest<readonly NamedDocument[]> =>
  (STATS_REPORTERS as readonly unknown[]).includes(request.reporter);

const isForStatsOnly = ({ name }: { readonly name: string }): boolean =>
  !COMPARE_REPORTERS.some((reporter) => reporter.name === name);

/** What a replay is held against: a file of statistics, or a folder with one for each trace. */
class Baseline {
  readonly #path: string;
  readonly #base: LoadedSide | null;
  readonly #outputs: ReportOutputs<CompareResult>;
  readonly #paths: readonly string[];
  readonly #options: ReplayCommandOptions;
  readonly #io: Io;

  constructor(
    path: string | undefined,
    requests: readonly ReportRequest<CompareResult>[],
    paths: readonly string[],
    options: ReplayCommandOptions,
    io: Io,
  ) {
    this.#path = path ?? '';
    this.#paths = paths;
    this.#options = options;
    this.#io = io;
    compareOptions(options);
    if (!existsSync(this.#path) && options.update !== true) {
      throw usageError(`--baseline ${this.#path}: there is none yet; the same command with --update makes it`);
    }
    this.#base = existsSync(this.#path) ? loadBase(this.#path) : null;
    this.#outputs = new ReportOutputs(requests, paths, io, options);
  }

  get takesStdout(): boolean {
    return this.#outputs.takesStdout;
  }

  discard(): void {
    this.#outputs.discard();
  }

  compare(documents: readonly NamedDocument[]): number {
    const entries = documents.map(({ document }, at) => ({ name: traceName(this.#paths[at]), found: document }));
    // A folder is a path that is one, or is written as one.
    const isFolder = this.#base?.isFolder ?? this.#path.endsWith('/');
    const renew = (): void => updateBase(this.#path, isFolder, entries, this.#io);
    if (this.#base === null) {
      this.discard();
      renew();
      return EXIT_OK;
    }
    const left = { entries: isFolder ? this.#base.entries : this.#namedAlike(entries) };
    const { update, json } = this.#options;
    if (json !== true && !this.takesStdout) this.#io.stdout.write('\n');
    return compareSides(
      left,
      { entries },
      compareOptions(this.#options),
      this.#options,
      this.#outputs,
      this.#io,
      json === true ? this.#io.stderr : this.#io.stdout,
      update === true ? renew : null,
    );
  }

  /** The documents of a file have no names: they are of the traces in their order. */
  #namedAlike(entries: LoadedSide['entries']): LoadedSide['entries'] {
    const base = this.#base?.entries ?? [];
    if (base.length !== entries.length && this.#options.update !== true) {
      throw usageError(
        `--baseline ${this.#path} holds ${base.length} statistics documents and ${entries.length} traces were replayed; a folder as the baseline keeps one file for each trace`,
      );
    }
    return base.map((entry, at) => ({ ...entry, name: entries[at]?.name ?? entry.name }));
  }
}
