import { availableParallelism } from 'node:os';
import { EXIT_INTERRUPTED, EXIT_OK, usageError } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import { stableJson } from '../../base/stable-json.ts';
import { bundleCells, heaviestFirst, shardCells, type TraceCells } from '../../sweep/bundles.ts';
import { configJson } from '../../sweep/cell-config.ts';
import type { Row } from '../../sweep/row.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { listenForInterrupt } from '../process/signals.ts';
import { toolVersion } from '../process/version.ts';
import { expandSetups } from './expand.ts';
import { findTraces } from './find-traces.ts';
import { runBundles } from './pool.ts';
import { openRowOutput } from './row-output.ts';
import { chosenCells, type HashedTrace, type IdentifiedSetup, identified, parseShard } from './selection.ts';
import type { SweepCommandOptions } from './sweep-options.ts';
import { SweepProgress } from './sweep-progress.ts';

type Cells = readonly TraceCells<HashedTrace, IdentifiedSetup>[];

const FAILURES_SHOWN = 10;

/** `pgtrace sweep`: replays traces in configurations and gives a row for each. Returns the exit code. */
export async function sweepCommand(args: readonly string[], options: SweepCommandOptions, io: Io): Promise<number> {
  const engine = toolVersion();
  const jobs = parseJobs(options.jobs);
  if (options.job !== undefined && options.shard !== undefined)
    throw usageError('--job and --shard exclude each other');
  const shard = options.job === undefined ? parseShard(options.shard, io.env['PGTRACE_SHARD']) : null;
  const { read, setups } = expandSetups(options);
  const { traces, notes } = await findTraces(args, options.output ?? null, read);
  if (options.quiet !== true) for (const note of notes) io.stderr.write(`pgtrace: ${note}\n`);
  const all = traces.map((trace) => ({ trace, cells: setups }));
  const mine = shard === null ? all : shardCells(all, shard.index, shard.count);
  const cells = chosenCells(await identified(mine, engine), options.job);
  if (options.list === true) return list(cells, io);
  const output = openRowOutput(options, engine, io);
  const kept: Row[] = [];
  const missing = cells.map(({ trace, cells: some }) => ({
    trace,
    cells: some.filter(({ id }) => {
      const row = output.kept(id, trace.name);
      if (row !== null) kept.push(row);
      return row === null;
    }),
  }));
  const bundles = heaviestFirst(bundleCells(missing, jobs)).map(({ trace, cells: some }) => ({
    ...trace,
    engine,
    read,
    cells: some,
  }));
  const wanted = count(missing);
  const tell = new Tell(io, wanted, options.quiet === true);
  for (const row of kept) tell.failure(row);
  const stop = stopSignal(io);
  try {
    await runBundles(bundles, jobs, stop, (row) => {
      output.put(row);
      tell.row(row);
    });
    // A signal that came during the last cell is delivered in a turn of its own.
    await new Promise(setImmediate);
  } finally {
    tell.progress.done();
    stop.end();
  }
  const interrupted = stop.stopped() && tell.rows < wanted;
  await output.finish(interrupted);
  if (interrupted) {
    io.stderr.write(
      `pgtrace: interrupted after ${tell.rows} of ${plural(wanted, 'cell')}${output.resumes ? '; the same command goes on from here' : ''}\n`,
    );
    return EXIT_INTERRUPTED;
  }
  tell.end(kept.length, count(cells));
  return tell.exit;
}

/** Prints cells as NDJSON: by trace, configurations in the order of the options. */
function list(cells: Cells, io: Io): number {
  const output = new StreamOutput(io.stdout);
  for (const { trace, cells: some } of cells) {
    for (const { id, config } of some) {
      output.write(`${stableJson({ bytes: trace.bytes, config: configJson(config), id, trace: trace.name })}\n`);
    }
  }
  output.close();
  return EXIT_OK;
}

function count(traces: readonly { readonly cells: readonly unknown[] }[]): number {
  return traces.reduce((sum, { cells }) => sum + cells.length, 0);
}

/** Tells the person what becomes of the cells, and gathers the exit code. */
class Tell {
  readonly progress: SweepProgress;
  rows = 0;
  /** The largest of all cells. */
  exit: number = EXIT_OK;
  readonly #io: Io;
  readonly #quiet: boolean;
  readonly #told = new Set<string>();
  #failed = 0;

  constructor(io: Io, total: number, quiet: boolean) {
    this.#io = io;
    this.#quiet = quiet;
    this.progress = new SweepProgress(io.stderr, total, quiet);
  }

  row(row: Row): void {
    this.rows++;
    this.progress.step();
    this.failure(row);
  }

  /** Tells a failure once, however many configurations meet it. */
  failure({ exit, error }: Row): void {
    if (error === null) return;
    this.exit = Math.max(this.exit, exit);
    this.#failed++;
    if (this.#told.has(error)) return;
    this.#told.add(error);
    if (this.#told.size > FAILURES_SHOWN) return;
    this.progress.done();
    this.#io.stderr.write(`pgtrace: ${error}\n`);
  }

  end(kept: number, total: number): void {
    const more = this.#told.size - FAILURES_SHOWN;
    if (more > 0) this.#io.stderr.write(`pgtrace: and ${plural(more, 'failure')} more, told in the rows\n`);
    if (this.#failed > 0) this.#io.stderr.write(`pgtrace: ${this.#failed} of ${plural(total, 'cell')} failed\n`);
    if (kept > 0 && !this.#quiet)
      this.#io.stderr.write(`pgtrace: ${kept} of ${plural(total, 'row')} were there already\n`);
  }
}

/** The user's wish for an end, as the pool wants it. */
function stopSignal(io: Io): { stopped: () => boolean; stop: Promise<void>; end: () => void } {
  let resolve: () => void = () => {};
  const stop = new Promise<void>((done) => {
    resolve = done;
  });
  const interrupt = listenForInterrupt(io, () => resolve());
  return { stopped: () => interrupt.asked, stop, end: () => interrupt.stop() };
}

function parseJobs(text: string | undefined): number {
  if (text === undefined) return availableParallelism();
  const jobs = Number(text);
  if (!/^\d{1,4}$/.test(text) || jobs < 1) throw usageError('--jobs takes a number of threads, from 1 on');
  return jobs;
}
