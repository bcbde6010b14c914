import type { PgtraceError } from '../base/errors.ts';
import { PgtraceError as InputError } from '../base/errors.ts';
import type { Kernel } from '../base/vocabulary.ts';
import type { TableMemory } from '../lpae/memory.ts';
import { type Batch, NONE } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { AddressSpace } from './address-space.ts';
import type { EventLog } from './event-log.ts';
import { Findings } from './findings.ts';
import { JobEvents } from './job-events.ts';
import { OpQueue, type Waiting } from './op-queue.ts';
import { Operations } from './operations.ts';
import type { ReplayOptions } from './options.ts';
import type { ResultLines } from './result-lines.ts';
import { SpaceDirectory, type TraceNames } from './space-directory.ts';
import { NO_TICKET, needsTables, Tickets } from './tickets.ts';

/** Drives the events of one trace into address spaces. */
export class Replayer {
  readonly findings = new Findings();
  /** Number of the next event. */
  seq = 0;
  readonly #options: ReplayOptions;
  readonly #directory: SpaceDirectory;
  readonly #operations: Operations;
  readonly #tickets = new Tickets();
  readonly #queue: OpQueue | null;
  readonly #jobs: JobEvents;
  readonly #results: ResultLines | null;
  readonly #skip: ((error: PgtraceError) => void) | null;

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
    this.#directory = new SpaceDirectory(options, names, log);
    this.#operations = new Operations(this.findings, results, options.gather);
    const execute = (space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting): void =>
      this.#executeQueued(space, batch, i, seq, waiting);
    this.#queue = options.queue === null ? null : new OpQueue(options.queue, this.#tickets, execute, names.name);
    this.#jobs = new JobEvents({
      directory: this.#directory,
      results,
      queue: this.#queue,
      before: (space, batch, i, seq) => this.#before(space, batch, i, seq),
      after: (space, batch, i, seq) => this.#after(space, batch, i, seq),
    });
  }

  get spaces(): readonly AddressSpace[] {
    return this.#directory.spaces;
  }

  get memory(): TableMemory {
    return this.#directory.memory;
  }

  get kernel(): Kernel {
    return this.#directory.kernel;
  }

  get domainAssumed(): boolean {
    return this.#directory.domainAssumed;
  }

  /** Maps whose protection nobody gave. */
  get protAssumed(): number {
    return this.#operations.protAssumed;
  }

  /** Replays a batch; false when no more is wanted. Throws PgtraceError at an event that cannot be replayed. */
  consume(batch: Batch): boolean {
    const { until } = this.#options;
    const last = until === null ? batch.length : Math.min(batch.length, until + 1 - this.seq);
    let i = 0;
    while (i < last) {
      try {
        for (; i < last; i++) {
          this.#take(batch, i);
          this.seq++;
        }
      } catch (error) {
        if (this.#skip === null || !(error instanceof InputError)) throw error;
        this.#skip(error);
        this.seq++;
        i++;
      }
    }
    return until === null || this.seq <= until;
  }

  /** Runs what still waits, and ends what is still open, when the trace has been read. */
  finish(): void {
    this.#settleAll();
    this.#jobs.finish();
  }

  #take(batch: Batch, i: number): void {
    const op = batch.op[i];
    if (op > E.LAST_COLUMN_OP) {
      this.#control(batch, i);
      return;
    }
    if (op === E.OP_FAIL_ALLOC) {
      this.#settleAll();
      if (this.#directory.failFirst(batch, i)) {
        this.#lineOf(batch, i);
        this.#results?.plain(this.seq, 'fail_alloc');
        return;
      }
    }
    const space = this.#directory.of(batch, i);
    if (this.#queue !== null) this.#queue.add(space, batch, i, this.seq);
    else this.#execute(space, batch, i, this.seq);
  }

  /** Carries out an event as it comes. */
  #execute(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    this.#operations.settle(batch, i, space);
    this.#lineOf(batch, i);
    this.#results?.begin(space, batch.domain[i] !== NONE);
    const op = batch.op[i];
    const domain = this.#directory.usable(space, batch, i);
    this.#before(space, batch, i, seq);
    if (!space.allocator.announced || !needsTables(op)) {
      this.#operations.run(space, domain, batch, i, op, seq, NO_TICKET);
    } else {
      const ticket = this.#tickets.submit(space, batch, i, seq);
      this.#operations.run(space, domain, batch, i, op, seq, ticket);
      space.cleanup(ticket);
    }
    this.#after(space, batch, i, seq);
  }

  /** Carries out an event that has waited in the queue. */
  #executeQueued(space: AddressSpace, batch: Batch, i: number, seq: number, waiting: Waiting): void {
    this.#operations.settle(batch, i, space);
    this.#lineOf(batch, i);
    if (waiting.job !== null) {
      this.#jobs.runQueued(waiting.job, batch, i, seq);
      return;
    }
    this.#results?.begin(space, batch.domain[i] !== NONE);
    const domain = this.#directory.usable(space, batch, i);
    this.#before(space, batch, i, seq);
    space.reserved = waiting.reserved;
    this.#operations.run(space, domain, batch, i, batch.op[i], seq, waiting.ticket);
    this.#queue?.retire(space, waiting.ticket);
    this.#after(space, batch, i, seq);
  }

  #before(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    space.memory.now = seq;
    void batch;
    void i;
  }

  #after(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const { violations } = space.allocator;
    if (violations.length === 0) return;
    this.findings.broken(space, violations);
    violations.length = 0;
    void batch;
    void i;
    void seq;
  }

  /** Lets everything run that waits, before an event that is no operation. */
  #settleAll(): void {
    this.#queue?.drain();
    this.#operations.finish();
  }

  #lineOf(batch: Batch, i: number): void {
    if (this.#results !== null) this.#results.line = batch.line[i];
  }

  #control(batch: Batch, i: number): void {
    const event = batch.objects.get(i) as E.Event;
    const results = this.#results;
    const { seq } = this;
    if (event.op === 'bind' && event.mode === 'async') this.#operations.finish();
    // Jobs have their own order; every other event finds the queue empty.
    else if (event.op === 'bind' || event.op === 'exec' || event.op === 'cleanup') this.#operations.finish();
    else this.#settleAll();
    this.#lineOf(batch, i);
    switch (event.op) {
      case 'trace':
        this.#directory.readKernel(event, batch, i);
        results?.plain(seq, 'trace');
        break;
      case 'domain': {
        const space = this.#directory.create(event, batch, i);
        if (results !== null) results.severalDomains = this.#directory.several;
        results?.domain(seq, space);
        break;
      }
      case 'destroy':
        this.#destroy(this.#directory.of(batch, i), batch, i);
        break;
      case 'bo':
        this.#jobs.bo(event, seq);
        break;
      case 'bind':
        this.#jobs.bind(event, this.#operable(batch, i), batch, i, seq);
        break;
      case 'exec':
        this.#jobs.exec(event, this.#operable(batch, i), batch, i, seq);
        break;
      case 'cleanup':
        this.#jobs.cleanup(event, this.#operable(batch, i), batch, i, seq);
        break;
      default:
        throw this.#directory.error(batch, i, `not supported yet: ${event.op}`);
    }
  }

  /** The address space of the event at `i`, which counts as one of its operations. */
  #operable(batch: Batch, i: number): AddressSpace {
    const space = this.#directory.of(batch, i);
    this.#directory.usable(space, batch, i);
    space.tally.ops[batch.op[i]]++;
    return space;
  }

  #destroy(space: AddressSpace, batch: Batch, i: number): void {
    const { table } = this.#directory.usable(space, batch, i);
    this.#results?.begin(space, batch.domain[i] !== NONE);
    this.#jobs.forget(space);
    table.destroy();
    space.allocator.teardown();
    space.destroyed = true;
    space.tally.ops[E.OP_DESTROY]++;
    this.#results?.counted(this.seq, 'destroy', space, ',"ret":0');
  }
}
