import { resolve } from 'node:path';
import { EXIT_NO, EXIT_OK, usageError } from '../../base/errors.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { COMPARE_REPORTERS } from '../../report/compare/registry.ts';
import type { NamedDocument } from '../../report/reporter.ts';
import { STATS_REPORTERS } from '../../report/summary/registry.ts';
import { renderText } from '../../report/text.ts';
import type { CompareResult } from '../../stats/compare/result.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { Io } from '../process/io.ts';
import { listenForInterrupt } from '../process/signals.ts';
import type { ReplayCommandOptions } from '../replay/replay-options.ts';
import { Baseline } from './baseline.ts';
import { ReportOutputs, type ReportRequest, styleFor } from './outputs.ts';
import { reportRequests, STDOUT } from './report-options.ts';

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
    refuseSharedFile(options, requests);
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
    const document = this.#asAskedFor(named.document);
    if (usable && (!this.#outputs.isEmpty || this.#baseline !== null)) this.#documents.push(named);
    if (json === true) this.#io.stdout.write(`${stableJson(document as unknown as Json)}\n`);
    // Of an input that gave nothing the message says all.
    else if (usable && results !== STDOUT && !this.#outputs.takesStdout && this.#baseline?.takesStdout !== true) {
      this.#io.stdout.write(
        renderText(document, { name: named.name, ...styleFor(this.#io, this.#options, this.#io.stdout) }),
      );
      if (this.#several) this.#io.stdout.write('\n');
    }
  }

  /** Writes the reports, and compares when the replays ended well; returns the exit code of the comparison. */
  finish(code: number): number {
    const plain = this.#documents.map((named) => ({ ...named, document: this.#asAskedFor(named.document) }));
    // A signal that comes now finds its reports written: half of them would be none.
    const interrupt = listenForInterrupt(this.#io);
    if (plain.length > 0) this.#outputs.write(plain, (form) => (form === 'html' ? this.#documents : plain));
    else this.#outputs.discard();
    interrupt.stop();
    if (this.#baseline === null) return EXIT_OK;
    // What is left of a trace that broke is held against nothing.
    if (code > EXIT_NO) {
      this.#baseline.discard();
      return EXIT_OK;
    }
    return this.#baseline.compare(plain);
  }

  discard(): void {
    this.#outputs.discard();
    this.#baseline?.discard();
  }

  /** What a page shows beyond the other forms is in these only when it was asked for, whatever else is written. */
  #asAskedFor({ timeline, offenders, maps, ...document }: StatsDocument): StatsDocument {
    const strategies = document.strategies?.map(({ timeline: own, offenders: costly, ...run }) => ({
      ...run,
      ...(this.#options.timeline === true && own !== undefined ? { timeline: own } : {}),
      ...(this.#options.timeline === true && costly !== undefined ? { offenders: costly } : {}),
    }));
    return {
      ...document,
      ...(strategies === undefined ? {} : { strategies }),
      ...(this.#options.timeline === true && timeline !== undefined ? { timeline } : {}),
      ...(this.#options.timeline === true && offenders !== undefined ? { offenders } : {}),
      ...(this.#options.maps === true && maps !== undefined ? { maps } : {}),
    };
  }
}

function refuseSharedFile({ results }: ReplayCommandOptions, requests: readonly { readonly path: string }[]): void {
  if (results === undefined || results === STDOUT) return;
  if (requests.some(({ path }) => path !== STDOUT && resolve(path) === resolve(results))) {
    throw usageError(`--results and -o both name ${results}; name two files`);
  }
}

const isComparison = (request: { readonly reporter: unknown }): request is ReportRequest<CompareResult> =>
  (COMPARE_REPORTERS as readonly unknown[]).includes(request.reporter);

const isOfStatistics = (request: { readonly reporter: unknown }): request is ReportRequest<readonly NamedDocument[]> =>
  (STATS_REPORTERS as readonly unknown[]).includes(request.reporter);

const isForStatsOnly = ({ name }: { readonly name: string }): boolean =>
  !COMPARE_REPORTERS.some((reporter) => reporter.name === name);
