import { usageError } from '../../base/errors.ts';
import { toolVersion } from '../../library/version.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { STATS_REPORTERS } from '../../report/summary/registry.ts';
import type { StatsDocument } from '../../stats/document.ts';
import { mapsOf } from '../../stats/maps/maps-of.ts';
import { comparisonDocument, statsDocument } from '../../stats/replay-document.ts';
import { readOptions } from '../options/input-options.ts';
import { allocatorChoices, driverChoices, flushChoices } from '../options/policy-choices.ts';
import { replayOptions } from '../options/replay-choices.ts';
import type { Io } from '../process/io.ts';
import { reportRequests } from '../reports/report-options.ts';
import type { ReplayCommandOptions } from './replay-options.ts';
import { type ReplayRun, runReplay, writeSkipped } from './run-replay.ts';

/** Replays a trace by the options of the command line and nothing else: for commands that want its statistics. */
export async function replayTrace(
  path: string,
  options: ReplayCommandOptions,
  io: Io,
): Promise<{ readonly document: StatsDocument; readonly run: ReplayRun }> {
  const runs = replayRuns(options);
  const run = await runReplay(path, io, readOptions(options), runs, null, null, options.quiet === true);
  if (options.quiet !== true) writeSkipped(run.outcome, io);
  return { document: documentOf(run, runs, options), run };
}

/** One set of options for each allocator, or each driver, that is asked for. Throws a usage error. */
export function replayRuns(options: ReplayCommandOptions): readonly ReplayOptions[] {
  const choices = allocatorChoices(options.allocator);
  const drivers = driverChoices(options.driver);
  if (choices.length > 1 && drivers.length > 1) {
    throw usageError(
      'a comparison is of several allocators or of several drivers; give one --allocator or one --driver',
    );
  }
  if (choices.length * drivers.length > 1 && (flushChoices(options.flush)?.length ?? 1) > 1) {
    throw usageError(
      'several flush policies are compared under one allocator and one driver; give one --flush, or one of the others',
    );
  }
  const sharers = choices.length * drivers.length;
  const timeline = options.timeline === true || wantsPage(options);
  return drivers.flatMap((driver) =>
    choices.map((allocator) => ({ ...replayOptions(options, null), driver, allocator, sharers, timeline })),
  );
}

/** Whether a report is asked for that shows what happened along the way. */
function wantsPage(options: ReplayCommandOptions): boolean {
  return reportRequests(options, STATS_REPORTERS).some(({ reporter }) => reporter.name === 'html');
}

/** The statistics of a run, one document whatever was compared in it; with maps of its first replay where they are wanted. */
export function documentOf(
  run: ReplayRun,
  runs: readonly ReplayOptions[],
  options: ReplayCommandOptions,
): StatsDocument {
  const compared = comparisonDocument(
    run.replayers.map((replayer, at) => statsDocument(replayer, run.outcome, runs[at], toolVersion())),
  );
  const document: StatsDocument = run.interrupted ? { ...compared, interrupted: true } : compared;
  if (options.maps !== true && !wantsPage(options)) return document;
  return { ...document, maps: mapsOf(run.replayer, Math.max(0, run.replayer.seq - 1)) };
}
