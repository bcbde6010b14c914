import { EXIT_INTERRUPTED, EXIT_NO, EXIT_OK, type PgtraceError, usageError } from '../../base/errors.ts';
import { chooseModel, type ModelChoice, modelText } from '../../base/model.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import { ENGINES } from '../../iommu/engines.ts';
import { toolVersion } from '../../library/version.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { renderEngines } from '../../report/compare/engines-text.ts';
import { EngineComparison } from '../../stats/engines/engine-comparison.ts';
import {
  comparedCounters,
  ENGINES_SCHEMA,
  type EngineSide,
  type EnginesDocument,
  type EngineTrace,
} from '../../stats/engines/engine-document.ts';
import { statsDocument } from '../../stats/replay-document.ts';
import { readOptions } from '../options/input-options.ts';
import { oneFlush } from '../options/policy-choices.ts';
import { replayOptions } from '../options/replay-choices.ts';
import { type Io, terminalWidth, wantsColor } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { interruptedExit } from '../process/signals.ts';
import { runReplay, writeSkipped } from '../replay/run-replay.ts';
import { STDOUT } from '../reports/report-options.ts';
import type { CompareCommandOptions } from './compare.ts';
import { COMPARISON_OPTIONS } from './compare-options.ts';

/** `pgtrace compare --engines A,B`: replays traces with two engines at once. Returns the exit code: 1 where they differ. */
export async function compareEngines(
  paths: readonly string[],
  options: CompareCommandOptions,
  io: Io,
): Promise<number> {
  refuseOthers(options);
  if (paths.filter((path) => path === STDOUT).length > 1) throw usageError('standard input can be replayed once only');
  const engines = enginesOf(options.engines ?? '');
  oneFlush('compare --engines', options.flush);
  if (options.repeat === 'shared') {
    throw usageError('compare --engines maps repetitions plainly with both; leave out --repeat shared');
  }
  // Checked as `--engine` would be, for options that only one of them takes.
  const [first, second] = engines.map((engine) => ({
    ...replayOptions({ ...options, engine: modelText(engine) }, null),
    metered: true,
    sharers: 2,
  }));
  const traces: EngineTrace[] = [];
  let failure: PgtraceError | null = null;
  let interruptedAt: number | null = null;
  for (const path of paths) {
    const found = await compareTrace(path, [first, second], engines, options, io);
    traces.push(found.trace);
    failure ??= found.error;
    if (found.interrupted) {
      interruptedAt = found.trace.trace.events;
      break;
    }
  }
  const agree = traces.every((trace) => trace.agree);
  write({ schema: ENGINES_SCHEMA, tool: { name: 'pgtrace', version: toolVersion() }, agree, traces }, options, io);
  if (interruptedAt !== null) {
    interruptedExit(interruptedAt, io);
    return EXIT_INTERRUPTED;
  }
  if (failure !== null) {
    io.stderr.write(`pgtrace: ${failure.text}\n`);
    return failure.exitCode;
  }
  return agree ? EXIT_OK : EXIT_NO;
}

async function compareTrace(
  path: string,
  runs: readonly [ReplayOptions, ReplayOptions],
  engines: readonly ModelChoice[],
  options: CompareCommandOptions,
  io: Io,
): Promise<{ readonly trace: EngineTrace; readonly error: PgtraceError | null; readonly interrupted: boolean }> {
  let comparison: EngineComparison | null = null;
  const quiet = options.quiet === true;
  const { outcome, replayers, reader, interrupted } = await runReplay(
    path,
    io,
    readOptions(options),
    runs,
    null,
    null,
    quiet,
    (_first, [base, other]) => {
      comparison = new EngineComparison(base, other);
    },
  );
  if (comparison === null) throw new Error('nothing was prepared for the comparison');
  if (!quiet) writeSkipped(outcome, io);
  const sides = replayers.map(
    (replayer, at): EngineSide => ({
      engine: modelText(engines[at]),
      counters: comparedCounters(statsDocument(replayer, outcome, runs[at], toolVersion())),
    }),
  );
  const trace: EngineTrace = {
    ...(comparison as EngineComparison).finish(),
    trace: {
      name: reader.name,
      format: outcome.format,
      events: replayers[0].seq,
      domains: replayers[0].spaces.length,
    },
    complete: outcome.complete,
    engines: [sides[0], sides[1]],
  };
  return { trace, error: outcome.error, interrupted };
}

function write(document: EnginesDocument, options: CompareCommandOptions, io: Io): void {
  const output = new StreamOutput(io.stdout, 'drop');
  if (options.json === true) output.write(`${stableJson(document as unknown as Json)}\n`);
  else {
    output.write(renderEngines(document, wantsColor(options.color, io.stdout, io.env), terminalWidth(io.stdout)));
  }
  output.close();
}

/** `arm,generic`, each with parameters of its own: `arm,generic,flush=no-gaps`. Throws a usage error. */
export function enginesOf(text: string): readonly [ModelChoice, ModelChoice] {
  const texts: string[] = [];
  for (const part of text.split(',')) {
    if (part.includes('=') && texts.length > 0) texts[texts.length - 1] += `,${part}`;
    else texts.push(part);
  }
  const choices = texts.map((engine) => {
    const choice = chooseModel(engine, ENGINES);
    if (typeof choice === 'string') throw usageError(`--engines ${choice}`);
    return choice;
  });
  const [first, second, ...more] = choices;
  if (second === undefined || more.length > 0) {
    throw usageError(`--engines takes two engines, such as arm,generic; found ${JSON.stringify(text)}`);
  }
  if (modelText(first) === modelText(second)) throw usageError(`--engines ${text} names one engine twice`);
  return [first, second];
}

/** Options of comparisons of statistics, which mean nothing here. */
const OF_STATISTICS: readonly (readonly [keyof CompareCommandOptions, string])[] = [
  ...COMPARISON_OPTIONS,
  ['output', '-o'],
  ['format', '--format'],
  ['engine', '--engine'],
];

function refuseOthers(options: CompareCommandOptions): void {
  const other = OF_STATISTICS.find(([key]) => options[key] !== undefined);
  if (other !== undefined) {
    throw usageError(`${other[1]} is not for --engines, which prints its own comparison as text or --json`);
  }
}
