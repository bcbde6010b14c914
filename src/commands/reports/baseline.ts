import { existsSync } from 'node:fs';
import { EXIT_OK, usageError } from '../../base/errors.ts';
import type { NamedDocument } from '../../report/reporter.ts';
import type { CompareOptions } from '../../stats/compare/compare.ts';
import type { CompareResult } from '../../stats/compare/result.ts';
import { compareSides } from '../compare/compare.ts';
import { type LoadedSide, loadBase } from '../compare/sides.ts';
import { updateBase } from '../compare/update.ts';
import { compareOptions } from '../compare/wanted.ts';
import type { Io } from '../process/io.ts';
import type { ReplayCommandOptions } from '../replay/replay-options.ts';
import { ReportOutputs, type ReportRequest } from './outputs.ts';
import { filesIn, traceName } from './trace-files.ts';

/** What a replay is held against: a file of statistics, or a folder with one for each trace. */
export class Baseline {
  readonly #path: string;
  readonly #base: LoadedSide | null;
  /** It is one, or is written as one. */
  readonly #isFolder: boolean;
  readonly #outputs: ReportOutputs<CompareResult>;
  readonly #wanted: CompareOptions;
  readonly #paths: readonly string[];
  readonly #options: ReplayCommandOptions;
  readonly #io: Io;

  /** Throws a usage error when there is no base to hold anything against, or when traces could not be told apart in it. */
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
    this.#wanted = compareOptions(options);
    if (!existsSync(this.#path) && options.update !== true) {
      throw usageError(`--baseline ${this.#path}: there is none yet; the same command with --update makes it`);
    }
    this.#base = existsSync(this.#path) ? loadBase(this.#path) : null;
    this.#isFolder = this.#base?.isFolder ?? this.#path.endsWith('/');
    this.#refuseSameNames();
    const kept = this.#base?.isFolder === true ? filesIn(this.#path).map((file) => file.path) : [this.#path];
    this.#outputs = new ReportOutputs(requests, [...paths, ...kept], io, options);
  }

  get takesStdout(): boolean {
    return this.#outputs.takesStdout;
  }

  discard(): void {
    this.#outputs.discard();
  }

  compare(documents: readonly NamedDocument[]): number {
    const entries = documents.map(({ document }, at) => ({
      name: traceName(this.#paths[at]),
      file: null,
      found: document,
    }));
    const kept = { path: this.#path, isFolder: this.#isFolder, entries: this.#base?.entries ?? [] };
    const renew = (): void => updateBase(kept, entries, this.#io);
    if (this.#base === null) {
      this.discard();
      renew();
      return EXIT_OK;
    }
    const left = { entries: this.#isFolder ? this.#base.entries : this.#namedAlike(entries) };
    const { update, json } = this.#options;
    if (json !== true && !this.takesStdout) this.#io.stdout.write('\n');
    return compareSides(
      left,
      { entries },
      this.#wanted,
      this.#options,
      this.#outputs,
      this.#io,
      json === true ? this.#io.stderr : this.#io.stdout,
      update === true ? renew : null,
    );
  }

  /** In a folder each trace has a file of its name. */
  #refuseSameNames(): void {
    if (!this.#isFolder) return;
    const names = this.#paths.map(traceName);
    const at = names.findIndex((name, i) => names.indexOf(name) < i);
    if (at < 0) return;
    throw usageError(
      `--baseline ${this.#path}: ${this.#paths[names.indexOf(names[at])]} and ${this.#paths[at]} would share ${names[at]}.json; rename one, or give each a folder of its own`,
    );
  }

  /** The documents of a file have no names: they are of the traces in their order. */
  #namedAlike(entries: LoadedSide['entries']): LoadedSide['entries'] {
    const base = this.#base?.entries ?? [];
    if (base.length !== entries.length && this.#options.update !== true) {
      throw usageError(
        `--baseline ${this.#path} holds ${base.length} documents and ${entries.length} traces were replayed; a folder as the baseline keeps one file for each trace`,
      );
    }
    return base.map((entry, at) => ({ ...entry, name: entries[at]?.name ?? entry.name }));
  }
}
