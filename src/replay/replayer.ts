import type { RunPeaks } from '../allocator/tickets/allocator-stats.ts';
import { PgtraceError } from '../base/errors.ts';
import type { Kernel } from '../base/vocabulary.ts';
import { BufferObjects } from '../gpuvm/buffer-object.ts';
import type { TableMemory } from '../lpae/table/memory.ts';
import type { Batch } from '../trace/batch.ts';
import { Checks } from './checks/checks.ts';
import { Conflicts } from './conflicts.ts';
import { EventTurns } from './event-turns.ts';
import { JobLookahead } from './jobs/job-lookahead.ts';
import { letLookOn, type OperationObserver } from './observer.ts';
import { ColumnEvents } from './operations/column-events.ts';
import { Operations } from './operations/operations.ts';
import { TaskGather } from './operations/task-gather.ts';
import type { ReplayOptions } from './options.ts';
import { PlainLane } from './plain-lane.ts';
import { AreaFinder } from './ranges/area-finder.ts';
import { Watch } from './ranges/watch.ts';
import type { EventLog } from './results/event-log.ts';
import { Findings } from './results/findings.ts';
import type { ResultLines } from './results/result-lines.ts';
import type { AddressSpace } from './spaces/address-space.ts';
import { SpaceDirectory, type TraceNames } from './spaces/space-directory.ts';
import type { Stops } from './stops.ts';
import { TimelineRecorder } from './timeline/recorder.ts';
import { NestEvents } from './windows/nest-events.ts';
import { DEFAULT_DMA_OPTIONS } from './windows/options.ts';
import { WindowEvents } from './windows/window-events.ts';

/** Drives the events of one trace into address spaces. */
export class Replayer {
  readonly findings = new Findings();
  readonly conflicts: Conflicts;
  readonly windows: WindowEvents;
  readonly nests: NestEvents;
  /** What holds the operations of the trace against each other; null unless the options ask for it. */
  readonly checks: Checks | null;
  /** Number of the next event. */
  seq = 0;
  readonly #options: ReplayOptions;
  readonly #directory: SpaceDirectory;
  readonly #operations: Operations;
  readonly #columns: ColumnEvents;
  readonly #turns: EventTurns;
  readonly #lookahead = new JobLookahead();
  readonly #watch: Watch;
  readonly #areas: AreaFinder | null;
  readonly #recorder: TimelineRecorder | null;
  readonly #skip: ((error: PgtraceError) => void) | null;
  /** The short way of plain operations; null where somebody wants more of them than what they do to the tables. */
  #lane: PlainLane | null = null;
  #stops: Stops | null = null;

  /** With `skip`, events that cannot be replayed are handed to it and left out; without, they end the replay. */
  constructor(
    options: ReplayOptions,
    names: TraceNames,
    results: ResultLines | null,
    log: EventLog | null,
    skip: ((error: PgtraceError) => void) | null = null,
  ) {
    this.#skip = skip;
    this.#options = options;
    const { findings } = this;
    const objects = new BufferObjects();
    const directory = new SpaceDirectory(options, names, log, objects, findings, (space) => {
      if (space.study !== null) this.#study(space);
      const { observers } = this.#columns;
      if (observers !== null) letLookOn(space, observers);
      this.#watch.created(space);
      this.#recorder?.created(space);
    });
    this.#directory = directory;
    const { memory, peaks } = directory;
    const recorder = options.timeline === true ? new TimelineRecorder(memory, peaks, findings) : null;
    this.#recorder = recorder;
    const watch = new Watch(options.reservations, options.reserveAround === 'areas', findings, (batch, i, message) =>
      directory.error(batch, i, message),
    );
    this.#watch = watch;
    this.#areas = options.reserveAround === null ? null : new AreaFinder();
    this.conflicts = new Conflicts(options.onConflict, names.name);
    const task = options.gather === 'task' ? new TaskGather(results) : null;
    const operations = new Operations(findings, results, task, this.conflicts);
    this.#operations = operations;
    this.#columns = new ColumnEvents({ directory, operations, task, watch, results, recorder });
    const dma = options.dma ?? DEFAULT_DMA_OPTIONS;
    this.windows = new WindowEvents(dma, directory, results, findings);
    this.nests = new NestEvents(dma, directory, this.windows.system, results);
    const { checks = null } = options;
    this.checks = checks === null ? null : new Checks(checks, findings, names);
    if (results === null && recorder === null && options.queue === null && this.#areas === null && task === null) {
      this.#lane = new PlainLane(directory, operations, watch);
    }
    if (this.checks !== null) this.observe(this.checks);
    this.#turns = new EventTurns(options, {
      directory,
      columns: this.#columns,
      task,
      watch,
      areas: this.#areas,
      lookahead: this.#lookahead,
      objects,
      windows: this.windows,
      nests: this.nests,
      results,
      recorder,
      findings,
      checks: this.checks,
      file: names.name,
    });
  }

  /** Lets somebody look on at every operation; to be called before the first event. */
  observe(observer: OperationObserver): void {
    this.#columns.observe(observer);
    this.#lane = null;
  }

  /** Holds on after some events, for somebody to look; to be called before the first event. */
  stopAt(stops: Stops): void {
    this.#stops = stops;
  }

  /** Flush policies of an address space want to be told of its operations. */
  #study(space: AddressSpace): void {
    const { watch } = this.#directory.flushes;
    if (this.#turns.flushes === null && watch !== null) {
      this.#turns.flushes = watch;
      this.observe(watch);
    }
    this.#turns.flushes?.created(space);
  }

  /** What studies of flush policies hold against each policy, by its name; null: there is none. */
  get flushFindings(): ReadonlyMap<string, Findings> | null {
    return this.#turns.flushes?.findings ?? null;
  }

  get spaces(): readonly AddressSpace[] {
    return this.#directory.spaces;
  }

  get memory(): TableMemory {
    return this.#directory.memory;
  }

  /** What the allocators of all address spaces held at most. */
  get allocatorPeaks(): RunPeaks {
    return this.#directory.peaks;
  }

  get kernel(): Kernel {
    return this.#directory.kernel;
  }

  get domainAssumed(): boolean {
    return this.#directory.domainAssumed;
  }

  /** What it came to along the way, and its costliest events, complete from here on; null unless the options ask for it. */
  get recorded(): Pick<TimelineRecorder, 'timeline' | 'offenders'> | null {
    this.#recorder?.finish(this.spaces);
    return this.#recorder;
  }

  /** Jobs that were bound and never executed. */
  get jobsNeverRan(): number {
    return this.#turns.jobsNeverRan;
  }

  /** Maps whose protection nobody gave. */
  get protAssumed(): number {
    return this.#operations.protAssumed;
  }

  /** Replays a batch; false when no more is wanted. Throws PgtraceError at an event that cannot be replayed. */
  consume(batch: Batch): boolean {
    let more = true;
    for (const ready of this.#lookahead.take(batch)) more = this.#replay(ready);
    return more;
  }

  #replay(batch: Batch): boolean {
    const { until } = this.#options;
    if (until !== null && this.seq > until) return false;
    const last = until === null ? batch.length : Math.min(batch.length, until + 1 - this.seq);
    const recorder = this.#recorder;
    const turns = this.#turns;
    this.#areas?.mark(batch);
    let i = 0;
    while (i < last) {
      const end = this.#stops === null ? last : Math.min(last, i + this.#stops.room(this.seq));
      try {
        for (; i < end && recorder === null; i++) {
          if (this.#lane?.take(batch, i, this.seq) !== true) turns.take(batch, i, this.seq);
          this.seq++;
        }
        for (; i < end; i++) {
          turns.take(batch, i, this.seq);
          this.seq++;
          recorder?.event(batch, i);
        }
      } catch (error) {
        if (this.#skip === null || !(error instanceof PgtraceError)) throw error;
        this.#skip(error);
        this.seq++;
        recorder?.event(batch, i);
        i++;
      }
      this.#stops?.reached(this.seq);
    }
    return until === null || this.seq <= until;
  }

  /** Runs, step by step, what was held back, when the trace has been read. What the caller does not wait for is left out. */
  *remaining(): Generator<void, void> {
    for (const held of this.#lookahead.release()) {
      this.#replay(held);
      yield;
    }
  }

  /** Runs what still waits, and ends what is still open, when the trace has been read. */
  finish(): void {
    for (const _ of this.remaining());
    this.#turns.finish();
    for (const space of this.spaces) this.#watch.finish(space);
    this.checks?.finish();
    this.#turns.flushes?.finish();
    this.#recorder?.finish(this.spaces);
  }
}
