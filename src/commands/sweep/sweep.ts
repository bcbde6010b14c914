import { availableParallelism } from 'node:os';
import { EXIT_INTERRUPTED, EXIT_OK, type PgtraceError, usageError } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import { stableJson } from '../../base/stable-json.ts';
import { toolVersion } from '../../library/version.ts';
import { bundleCells, heaviestFirst, shardCells, type TraceCells } from '../../sweep/bundles.ts';
import { configJson } from '../../sweep/cell-config.ts';
import type { Row } from '../../sweep/row.ts';
import type { Io } from '../process/io.ts';
import { StreamOutput } from '../process/output.ts';
import { listenForInterrupt } from '../process/signals.ts';
import { expandSetups } from './expand.ts';
import { findTraces } from './find-traces.ts';
import { type PoolSignals, runBundles } from './pool.ts';
import { openRowOutput, refuseForeignFile } from './rows/row-output.ts';
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
  if (options.output !== undefined) refuseForeignFile(options.output, args);
  const { traces, notes } = await findTraces(args, options.output ?? null, read);
  if (options.quiet !== true) for (const note of notes) io.stderr.write(`pgtrace: ${note}\n`);
  const all = traces.map((trace) => ({ trace, cells: setups }));
  const mine = shard === null ? all : shardCells(all, shard.index, shard.count);
  const cells = chosenCells(await identified(mine, engine), options.job);
  if (options.list === true) return list(cells, io);
  const output = openRowOutput(options, engine, io);
  const tell = new Tell(io, options.quiet === true);
  const missing = cells.map(({ trace, cells: some }) => ({
    trace,
    cells: some.filter(({ id }) => {
      const row = output.kept(id, trace.name);
      if (row !== null) tell.kept(row);
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
  tell.begin(wanted);
  const stop = stopSignal(io);
  try {
    await runBundles(bundles, jobs, stop, (row) => {
      output.put(row);
      tell.row(row);
    });
    // A signal that came during the last cell is delivered in a turn of its own.
    await new Promise(setImmediate);
  } catch (error) {
    output.discard();
    throw error;
  } finally {
    tell.done();
    stop.end();
  }
  if (stop.stopped() && tell.rows < wanted) {
    const rest = await output.interrupt();
    io.stderr.write(`pgtrace: interrupted after ${tell.rows} of ${plural(wanted, 'cell')}${rest}\n`);
    return EXIT_INTERRUPTED;
  }
  for (const damage of await output.finish()) tell.damage(damage);
  tell.end(count(cells));
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
  rows = 0;
  /** The largest of all cells. */
  exit: number = EXIT_OK;
  readonly #io: Io;
  readonly #quiet: boolean;
  readonly #told = new Set<string>();
  #progress: SweepProgress | null = null;
  #kept = 0;
  #failed = 0;

  constructor(io: Io, quiet: boolean) {
    this.#io = io;
    this.#quiet = quiet;
  }

  /** A row that was there already. */
  kept(row: Row): void {
    this.#kept++;
    this.#failure(row);
  }

  /** @param total - cells that are going to be run */
  begin(total: number): void {
    this.#progress = new SweepProgress(this.#io.stderr, total, this.#quiet);
  }

  row(row: Row): void {
    this.rows++;
    this.#progress?.step();
    this.#failure(row);
  }

  /** No cell is run any more. */
  done(): void {
    this.#progress?.done();
  }

  /** A file that should hold a row of another sweep: its row is missing in the file of all. */
  damage(error: PgtraceError): void {
    this.exit = Math.max(this.exit, error.exitCode);
    this.#io.stderr.write(`pgtrace: ${error.text}; left out: sweep that cell again, or remove the file\n`);
  }

  /** Tells a failure once, however many configurations meet it. */
  #failure({ exit, error }: Row): void {
    if (error === null) return;
    this.exit = Math.max(this.exit, exit);
    this.#failed++;
    if (this.#told.has(error)) return;
    this.#told.add(error);
    if (this.#told.size > FAILURES_SHOWN) return;
    this.done();
    this.#io.stderr.write(`pgtrace: ${error}\n`);
  }

  end(total: number): void {
    const more = this.#told.size - FAILURES_SHOWN;
    if (more > 0) this.#io.stderr.write(`pgtrace: and ${plural(more, 'failure')} more, told in the rows\n`);
    if (this.#failed > 0) this.#io.stderr.write(`pgtrace: ${this.#failed} of ${plural(total, 'cell')} failed\n`);
    if (this.#kept > 0 && !this.#quiet)
      this.#io.stderr.write(`pgtrace: ${this.#kept} of ${plural(total, 'row')} were there already\n`);
  }
}

/** The user's wish for an end, as the pool wants it. */
function stopSignal(io: Io): PoolSignals & { end: () => void } {
  const listeners = new Set<() => void>();
  const interrupt = listenForInterrupt(io, () => {
    for (const listener of listeners) listener();
  });
  return {
    stopped: () => interrupt.asked,
    onStop: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    end: () => interrupt.stop(),
  };
}

function parseJobs(text: string | undefined): number {
  if (text === undefined) return availableParallelism();
  const jobs = Number(text);
  if (!/^\d{1,4}$/.test(text) || jobs < 1) throw usageError('--jobs takes a number of threads, from 1 on');
  return jobs;
}
