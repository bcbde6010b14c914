import type { RunPeaks } from '../allocator/tickets/allocator-stats.ts';
import { PgtraceError } from '../base/errors.ts';
import type { Kernel } from '../base/vocabulary.ts';
import { BufferObjects } from '../gpuvm/buffer-object.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import type { TableMemory } from '../lpae/table/memory.ts';
import { type Batch, FLAG_GATHER_NONE, FLAG_GATHER_QUEUED, NONE } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import { Checks } from './checks/checks.ts';
import { Conflicts } from './conflicts.ts';
import { ControlEvents, waitsInQueue } from './control-events.ts';
import type { FlushWatch } from './flush/flush-watch.ts';
import { JobEvents } from './jobs/job-events.ts';
import { JobLookahead } from './jobs/job-lookahead.ts';
import { letLookOn, Observers, type OperationObserver, operatedKind } from './observer.ts';
import { Operations } from './operations.ts';
import type { ReplayOptions } from './options.ts';
import { PlainLane } from './plain-lane.ts';
import { OpQueue } from './queue/op-queue.ts';
import type { Waiting } from './queue/queue-page.ts';
import { NO_TICKET, needsTables, Tickets } from './queue/tickets.ts';
import { AreaFinder } from './ranges/area-finder.ts';
import { checkOverlap } from './ranges/context-check.ts';
import { RangeEvents } from './ranges/range-events.ts';
import { Watch } from './ranges/watch.ts';
import { DEFAULT_REPEAT_OPTIONS } from './repeats/options.ts';
import { RepeatEvents } from './repeats/repeat-events.ts';
import type { EventLog } from './results/event-log.ts';
import { Findings } from './results/findings.ts';
import type { ResultLines } from './results/result-lines.ts';
import type { AddressSpace } from './spaces/address-space.ts';
import { SpaceDirectory, type TraceNames } from './spaces/space-directory.ts';
import type { Stops } from './stops.ts';
import { TimelineRecorder } from './timeline/recorder.ts';
import { NestEvents } from './windows/nest-events.ts';
import { DEFAULT_DMA_OPTIONS } from './windows/options.ts';
import type { SpaceRules } from './windows/space-rules.ts';
import { WindowEvents } from './windows/window-events.ts';

/** Drives the events of one trace into address spaces. */
export class Replayer {
  readonly findings = new Findings();
  readonly conflicts: Conflicts;
  /** Number of the next event. */
  seq = 0;
  readonly #options: ReplayOptions;
  readonly #directory: SpaceDirectory;
  readonly #operations: Operations;
  readonly #tickets = new Tickets();
  readonly #queue: OpQueue | null;
  readonly #jobs: JobEvents;
  readonly #control: ControlEvents;
  readonly windows: WindowEvents;
  readonly nests: NestEvents;
  readonly #lookahead = new JobLookahead();
  readonly #watch: Watch;
  readonly #areas: AreaFinder | null;
  readonly #results: ResultLines | null;
  readonly #recorder: TimelineRecorder | null;
  readonly #skip: ((error: PgtraceError) => void) | null;
  #observers: Observers | null = null;
  /** The short way of plain operations; null where somebody wants more of them than what they do to the tables. */
  #lane: PlainLane | null = null;
  readonly #checks: Checks | null;
  #flushes: FlushWatch | null = null;
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
    this.#results = results;
    const objects = new BufferObjects();
    this.#directory = new SpaceDirectory(options, names, log, objects, this.findings, (space) => {
      if (space.study !== null) this.#study(space);
      if (this.#observers !== null) letLookOn(space, this.#observers);
      this.#watch.created(space);
      this.#recorder?.created(space);
    });
    const { memory, peaks } = this.#directory;
    const recorder = options.timeline === true ? new TimelineRecorder(memory, peaks, this.findings) : null;
    this.#recorder = recorder;
    this.#watch = new Watch(
      options.reservations,
      options.reserveAround === 'areas',
      this.findings,
      (batch, i, message) => this.#directory.error(batch, i, message),
    );
    this.#areas = options.reserveAround === null ? null : new AreaFinder();
    this.conflicts = new Conflicts(options.onConflict, names.name);
    this.#operations = new Operations(this.findings, results, options.gather, this.conflicts);
    const execute = (space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting): void =>
      this.#executeQueued(space, batch, i, seq, waiting);
    this.#queue = options.queue === null ? null : new OpQueue(options.queue, this.#tickets, execute, names.name);
    this.#jobs = new JobEvents({
      lookahead: this.#lookahead,
      directory: this.#directory,
      results,
      queue: this.#queue,
      watch: this.#watch,
      findings: this.findings,
      objects,
      before: (space, batch, i, seq) => {
        this.#memoryNow(seq);
        this.#watch.about(batch, i, seq);
        this.#watch.overlapping(space, batch, i, seq);
        if (this.#queue === null) checkOverlap(space, batch, i, this.seq, this.findings);
      },
      phase: recorder === null ? null : (job) => recorder.phase(job),
    });
    const dma = options.dma ?? DEFAULT_DMA_OPTIONS;
    this.windows = new WindowEvents(dma, this.#directory, results, this.findings);
    this.nests = new NestEvents(dma, this.#directory, this.windows.system, results);
    const { checks = null } = options;
    this.#checks = checks === null ? null : new Checks(checks, this.findings, names);
    if (
      results === null &&
      recorder === null &&
      this.#queue === null &&
      this.#areas === null &&
      options.gather !== 'task'
    ) {
      this.#lane = new PlainLane(this.#directory, this.#operations, this.#watch);
    }
    if (this.#checks !== null) this.observe(this.#checks);
    this.#control = new ControlEvents({
      checks: this.#checks,
      directory: this.#directory,
      operations: this.#operations,
      jobs: this.#jobs,
      repeats: new RepeatEvents(options.repeat ?? DEFAULT_REPEAT_OPTIONS, {
        directory: this.#directory,
        watch: this.#watch,
        results,
        findings: this.findings,
      }),
      ranges: new RangeEvents(this.#watch, this.#directory, results),
      windows: this.windows,
      nests: this.nests,
      watch: this.#watch,
      queue: this.#queue,
      results,
      findings: this.findings,
    });
  }

  /** Lets somebody look on at every operation; to be called before the first event. */
  observe(observer: OperationObserver): void {
    this.#observers ??= new Observers();
    this.#observers.add(observer);
    this.#lane = null;
  }

  /** Holds on after some events, for somebody to look; to be called before the first event. */
  stopAt(stops: Stops): void {
    this.#stops = stops;
  }

  /** Flush policies of an address space want to be told of its operations. */
  #study(space: AddressSpace): void {
    const { watch } = this.#directory.flushes;
    if (this.#flushes === null && watch !== null) {
      this.#flushes = watch;
      this.observe(watch);
    }
    this.#flushes?.created(space);
  }

  /** What studies of flush policies hold against each policy, by its name; null: there is none. */
  get flushFindings(): ReadonlyMap<string, Findings> | null {
    return this.#flushes?.findings ?? null;
  }

  /** What holds the operations of the trace against each other; null unless the options ask for it. */
  get checks(): Checks | null {
    return this.#checks;
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
    return this.#jobs.neverRan;
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
    this.#areas?.mark(batch);
    let i = 0;
    while (i < last) {
      const end = this.#stops === null ? last : Math.min(last, i + this.#stops.room(this.seq));
      try {
        for (; i < end && recorder === null; i++) {
          if (this.#lane?.take(batch, i, this.seq) !== true) this.#take(batch, i);
          this.seq++;
        }
        for (; i < end; i++) {
          this.#take(batch, i);
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
    this.#control.settle();
    this.#jobs.finish();
    for (const space of this.spaces) this.#watch.finish(space);
    this.#checks?.finish();
    this.#flushes?.finish();
    this.#recorder?.finish(this.spaces);
  }

  #take(batch: Batch, i: number): void {
    const op = batch.op[i];
    this.#flushes?.atEvent(batch, i, this.seq);
    this.#watch.at(batch, i, this.seq);
    if (op > E.LAST_COLUMN_OP) {
      if (this.#queue === null || !waitsItsTurn(batch, i)) this.#checks?.event.at(batch, i, this.seq);
      this.#control.take(batch, i, this.seq);
      if (this.#recorder !== null) this.#recordControl(this.#recorder, batch, i);
      return;
    }
    if (op === E.OP_FAIL_ALLOC) {
      this.#control.settle();
      if (this.#directory.failFirst(batch, i)) {
        this.#lineOf(batch, i);
        this.#results?.plain(this.seq, 'fail_alloc');
        return;
      }
    }
    const space = this.#directory.of(batch, i);
    if (!needsTables(op)) this.#watch.reader(space, batch, i);
    const area = this.#areas === null ? 0 : this.#areas.sizes[i];
    if (this.#queue === null) {
      this.#execute(space, batch, i, area);
      return;
    }
    this.#queue.add(space, batch, i, this.seq, area);
    // Pages are asked for already now.
    this.#recorder?.touch(space);
  }

  /** Carries out an event as it comes. */
  #execute(space: AddressSpace, batch: Batch, i: number, area: number): void {
    const op = batch.op[i];
    this.#checks?.event.at(batch, i, this.seq);
    if (!needsTables(op)) {
      this.#carryOut(space, batch, i, this.seq, NO_TICKET, 0);
      return;
    }
    checkOverlap(space, batch, i, this.seq, this.findings);
    if (!space.announced) {
      this.#carryOut(space, batch, i, this.seq, NO_TICKET, area);
      return;
    }
    space.tick();
    const ticket = this.#tickets.submit(space, batch, i, this.seq);
    this.#carryOut(space, batch, i, this.seq, ticket, area);
    space.cleanup(ticket);
  }

  /** Carries out an event that has waited in the queue. */
  #executeQueued(space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting): void {
    const { ticket, job } = waiting;
    this.#checks?.event.enter(batch, i, seq);
    if (batch.op[i] <= E.LAST_COLUMN_OP) {
      space.reserved = waiting.reserved;
      this.#carryOut(space, batch, i, seq, ticket, waiting.area);
      this.#queue?.retire(space, ticket);
      this.#checks?.event.leave();
      return;
    }
    this.#operations.finish();
    this.#memoryNow(seq);
    this.#watch.about(batch, i, seq);
    this.#lineOf(batch, i);
    if (job === null) this.#control.range(space, batch, i, seq);
    else this.#jobs.runQueued(job, batch, i, seq);
    this.#checks?.event.leave();
    this.#recorder?.ran(space, batch, i, seq, 0);
  }

  /** Charges an event that is no operation of columns with what happened in its address spaces. */
  #recordControl(recorder: TimelineRecorder, batch: Batch, i: number): void {
    const event = batch.objects.get(i) as E.Event;
    const directory = this.#directory;
    if (E.aboutNoSpace(event)) return;
    const ids = event.op === 'reserve' ? event.domains : undefined;
    const spaces = ids === undefined ? [directory.of(batch, i)] : ids.map((id) => directory.byName(id, batch, i));
    for (const space of spaces) recorder.ran(space, batch, i, this.seq, 0);
  }

  /** Runs one event of columns, between the watch's looks before and after. */
  #carryOut(space: AddressSpace, batch: Batch, i: number, seq: number, ticket: number, area: number): void {
    const operations = this.#operations;
    operations.settle(batch, i, space);
    this.#memoryNow(seq);
    this.#lineOf(batch, i);
    this.#results?.begin(space, batch.domain[i] !== NONE);
    const op = batch.op[i];
    if ((op === E.OP_IOVA_TO_PHYS || op === E.OP_FAIL_ALLOC) && space.gpu?.own) {
      this.#directory.alive(space, batch, i);
      operations.runOwn(space, space.gpu, batch, i, op, seq);
      return;
    }
    const domain = this.#directory.usable(space, batch, i);
    const { rules } = space;
    const refused = rules === null ? 0 : this.#admit(rules, batch, i);
    if (refused !== 0) {
      operations.refuse(space, batch, i, op, seq, ticket, refused);
      return;
    }
    if (needsTables(op)) this.#watch.overlapping(space, batch, i, seq);
    if (this.#observers !== null && operatedKind(op) !== null) this.#observers.beganEvent(space, batch, i, seq);
    if (space.ranges === null || !needsTables(op)) operations.run(space, domain, batch, i, op, seq, ticket);
    else this.#runWatched(space, domain, batch, i, seq, ticket, area);
    if (this.#observers !== null && operatedKind(op) !== null) {
      this.#observers.ended(space, operations.ret, operations.bytes);
    }
    rules?.done(op);
    if (space.violations.length > 0) this.#watch.allocator(space);
    if (this.#recorder !== null) {
      this.#recorder.ran(space, batch, i, seq, ticket === NO_TICKET ? 0 : space.reserved - space.used);
    }
  }

  /** Holds an operation against the windows and the children of its address space: 0, or the errno that it gives. */
  #admit(rules: SpaceRules, batch: Batch, i: number): number {
    const op = batch.op[i];
    if (op === E.OP_MAP_PAGES && rules.refusesRawMaps) {
      const message = 'map_pages in a nested address space: raw calls know no parent; use map';
      throw this.#directory.error(batch, i, message);
    }
    return rules.admit(batch, i, op);
  }

  #runWatched(
    space: AddressSpace,
    domain: IommuDomain,
    batch: Batch,
    i: number,
    seq: number,
    ticket: number,
    area: number,
  ): void {
    const watch = this.#watch;
    const operations = this.#operations;
    const op = batch.op[i];
    const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
    const asked = raw ? batch.size[i] * batch.count[i] : batch.size[i];
    const hi = batch.iovaHi[i];
    const lo = batch.iovaLo[i];
    watch.about(batch, i, seq);
    space.beginWatched();
    // What is freed or unreserved behind the operation still belongs to its line.
    operations.keepsLineOpen = true;
    if (op === E.OP_MAP || op === E.OP_MAP_PAGES) {
      operations.denied = area > 0 && !watch.beforeArea(space, hi, lo, area);
      watch.beforeMap(space);
      operations.run(space, domain, batch, i, op, seq, ticket);
      operations.denied = false;
      // A raw call reaches to the end of a table at most.
      watch.afterMap(space, hi, lo, raw && operations.ret === 0 ? operations.bytes : asked, operations.ret);
      operations.closeLine();
      return;
    }
    watch.beforeUnmap(space, hi, lo, asked);
    operations.run(space, domain, batch, i, op, seq, ticket);
    const synced = (batch.flags[i] & (FLAG_GATHER_QUEUED | FLAG_GATHER_NONE)) === 0;
    watch.afterUnmap(space, hi, lo, raw ? operations.bytes : asked, operations.bytes, synced);
    operations.closeLine();
  }

  #memoryNow(seq: number): void {
    this.#directory.memory.now = seq;
  }

  #lineOf(batch: Batch, i: number): void {
    if (this.#results !== null) this.#results.line = batch.line[i];
  }
}

/** Whether an event beyond columns runs only when the queue lets it. */
function waitsItsTurn(batch: Batch, i: number): boolean {
  const event = batch.objects.get(i);
  if (event === undefined) return false;
  return event.op === 'bind' ? event.mode === 'async' : waitsInQueue(event);
}
