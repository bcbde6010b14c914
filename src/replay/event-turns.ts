import type { BufferObjects } from '../gpuvm/buffer-object.ts';
import type { Batch } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { Checks } from './checks/checks.ts';
import { ControlEvents } from './control/control-events.ts';
import { OperableSpaces } from './control/operable-spaces.ts';
import { RangeOperations } from './control/range-operations.ts';
import type { FlushWatch } from './flush/flush-watch.ts';
import { JobEvents } from './jobs/job-events.ts';
import type { JobLookahead } from './jobs/job-lookahead.ts';
import type { ColumnEvents } from './operations/column-events.ts';
import type { TaskGather } from './operations/task-gather.ts';
import type { ReplayOptions } from './options.ts';
import { OpQueue } from './queue/op-queue.ts';
import type { Waiting } from './queue/queue-page.ts';
import { NO_TICKET, needsTables, Tickets } from './queue/tickets.ts';
import { waitsItsTurn } from './queue/who-waits.ts';
import type { AreaFinder } from './ranges/area-finder.ts';
import { checkOverlap } from './ranges/context-check.ts';
import { RangeEvents } from './ranges/range-events.ts';
import type { Watch } from './ranges/watch.ts';
import { DEFAULT_REPEAT_OPTIONS } from './repeats/options.ts';
import { RepeatEvents } from './repeats/repeat-events.ts';
import type { Findings } from './results/findings.ts';
import type { ResultLines } from './results/result-lines.ts';
import type { AddressSpace } from './spaces/address-space.ts';
import type { SpaceDirectory } from './spaces/space-directory.ts';
import type { TimelineRecorder } from './timeline/recorder.ts';
import type { NestEvents } from './windows/nest-events.ts';
import type { WindowEvents } from './windows/window-events.ts';

/** What the turns of events need of the replay around them. */
export interface TurnParts {
  readonly directory: SpaceDirectory;
  readonly columns: ColumnEvents;
  /** The gather that neighbouring unmaps of one task share; null: each request has its own. */
  readonly task: TaskGather | null;
  readonly watch: Watch;
  /** Marks where mapped areas begin; null: nobody reserves around them. */
  readonly areas: AreaFinder | null;
  readonly lookahead: JobLookahead;
  readonly objects: BufferObjects;
  readonly windows: WindowEvents;
  readonly nests: NestEvents;
  readonly results: ResultLines | null;
  readonly recorder: TimelineRecorder | null;
  readonly findings: Findings;
  /** Holds operations against each other; null: nobody does. */
  readonly checks: Checks | null;
  /** Name of the trace in messages. */
  readonly file: string;
}

/** Gives each event its turn: at once, or through the queue between submission and execution. */
export class EventTurns {
  /** Tells studies of flush policies of events; null: there are no studies. */
  flushes: FlushWatch | null = null;
  readonly #directory: SpaceDirectory;
  readonly #columns: ColumnEvents;
  readonly #task: TaskGather | null;
  readonly #tickets = new Tickets();
  readonly #queue: OpQueue | null;
  readonly #jobs: JobEvents;
  readonly #ranges: RangeOperations;
  readonly #control: ControlEvents;
  readonly #watch: Watch;
  readonly #areas: AreaFinder | null;
  readonly #results: ResultLines | null;
  readonly #recorder: TimelineRecorder | null;
  readonly #findings: Findings;
  readonly #checks: Checks | null;

  constructor(options: ReplayOptions, parts: TurnParts) {
    const { directory, task, watch, results, recorder, findings, checks, windows, nests } = parts;
    this.#directory = directory;
    this.#columns = parts.columns;
    this.#task = task;
    this.#watch = watch;
    this.#areas = parts.areas;
    this.#results = results;
    this.#recorder = recorder;
    this.#findings = findings;
    this.#checks = checks;
    const execute = (space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting): void =>
      this.#executeQueued(space, batch, i, seq, waiting);
    const queue = options.queue === null ? null : new OpQueue(options.queue, this.#tickets, execute, parts.file);
    this.#queue = queue;
    this.#jobs = new JobEvents({
      lookahead: parts.lookahead,
      directory,
      results,
      queue,
      watch,
      findings,
      objects: parts.objects,
      before: (space, batch, i, seq) => {
        directory.memory.now = seq;
        watch.about(batch, i, seq);
        watch.overlapping(space, batch, i, seq);
        if (queue === null) checkOverlap(space, batch, i, seq, findings);
      },
      phase: recorder === null ? null : (job) => recorder.phase(job),
    });
    const operable = new OperableSpaces(directory);
    const ranges = new RangeEvents(watch, directory, results);
    this.#ranges = new RangeOperations({ directory, operable, ranges, findings, checks, queued: queue !== null });
    this.#control = new ControlEvents({
      directory,
      task,
      operable,
      jobs: this.#jobs,
      ranges: this.#ranges,
      repeats: new RepeatEvents(options.repeat ?? DEFAULT_REPEAT_OPTIONS, { directory, watch, results, findings }),
      windows,
      nests,
      watch,
      queue,
      results,
      checks,
    });
  }

  /** Jobs that were bound and never executed. */
  get jobsNeverRan(): number {
    return this.#jobs.neverRan;
  }

  /** Takes the event at `i`, number `seq`, in the order of the trace. Throws PgtraceError at one that cannot be replayed. */
  take(batch: Batch, i: number, seq: number): void {
    const op = batch.op[i];
    this.flushes?.atEvent(batch, i, seq);
    this.#watch.at(batch, i, seq);
    if (op > E.LAST_COLUMN_OP) {
      if (this.#queue === null || !waitsItsTurn(batch, i)) this.#checks?.event.at(batch, i, seq);
      this.#control.take(batch, i, seq);
      if (this.#recorder !== null) this.#recordControl(this.#recorder, batch, i, seq);
      return;
    }
    if (op === E.OP_FAIL_ALLOC) {
      this.#control.settle();
      if (this.#directory.failFirst(batch, i)) {
        if (this.#results !== null) this.#results.line = batch.line[i];
        this.#results?.plain(seq, 'fail_alloc');
        return;
      }
    }
    const space = this.#directory.of(batch, i);
    if (!needsTables(op)) this.#watch.reader(space, batch, i);
    const area = this.#areas === null ? 0 : this.#areas.sizes[i];
    if (this.#queue === null) {
      this.#execute(space, batch, i, seq, area);
      return;
    }
    this.#queue.add(space, batch, i, seq, area);
    // Pages are asked for already now.
    this.#recorder?.touch(space);
  }

  /** Carries out an event as it comes. */
  #execute(space: AddressSpace, batch: Batch, i: number, seq: number, area: number): void {
    const op = batch.op[i];
    this.#checks?.event.at(batch, i, seq);
    if (!needsTables(op)) {
      this.#columns.carryOut(space, batch, i, seq, NO_TICKET, 0);
      return;
    }
    checkOverlap(space, batch, i, seq, this.#findings);
    if (!space.announced) {
      this.#columns.carryOut(space, batch, i, seq, NO_TICKET, area);
      return;
    }
    space.tick();
    const ticket = this.#tickets.submit(space, batch, i, seq);
    this.#columns.carryOut(space, batch, i, seq, ticket, area);
    space.cleanup(ticket);
  }

  /** Carries out an event that has waited in the queue. */
  #executeQueued(space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting): void {
    const { ticket, job } = waiting;
    this.#checks?.event.enter(batch, i, seq);
    if (batch.op[i] <= E.LAST_COLUMN_OP) {
      space.reserved = waiting.reserved;
      this.#columns.carryOut(space, batch, i, seq, ticket, waiting.area);
      this.#queue?.retire(space, ticket);
      this.#checks?.event.leave();
      return;
    }
    this.#task?.finish();
    this.#directory.memory.now = seq;
    this.#watch.about(batch, i, seq);
    if (this.#results !== null) this.#results.line = batch.line[i];
    if (job === null) this.#ranges.run(space, batch, i, seq);
    else this.#jobs.runQueued(job, batch, i, seq);
    this.#checks?.event.leave();
    this.#recorder?.ran(space, batch, i, seq, 0);
  }

  /** Lets everything run that waits, and ends what is still open, when the trace has been read. */
  finish(): void {
    this.#control.settle();
    this.#jobs.finish();
  }

  /** Charges an event that is no operation of columns with what happened in its address spaces. */
  #recordControl(recorder: TimelineRecorder, batch: Batch, i: number, seq: number): void {
    const event = batch.objects.get(i) as E.Event;
    const directory = this.#directory;
    if (E.aboutNoSpace(event)) return;
    const ids = event.op === 'reserve' ? event.domains : undefined;
    const spaces = ids === undefined ? [directory.of(batch, i)] : ids.map((id) => directory.byName(id, batch, i));
    for (const space of spaces) recorder.ran(space, batch, i, seq, 0);
  }
}
