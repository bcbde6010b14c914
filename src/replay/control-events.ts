import { type Batch, NONE } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { AddressSpace } from './address-space.ts';
import type { Findings } from './findings.ts';
import type { JobEvents } from './jobs/job-events.ts';
import type { Operations } from './operations.ts';
import type { OpQueue } from './queue/op-queue.ts';
import { checkOverlap } from './ranges/context-check.ts';
import type { RangeEvents } from './ranges/range-events.ts';
import type { Watch } from './ranges/watch.ts';
import type { ResultLines } from './result-lines.ts';
import type { SpaceDirectory } from './space-directory.ts';

/** Events that do not empty the queue: jobs have an order of their own, readers come and go. */
const UNDISTURBING: ReadonlySet<E.OpName> = new Set(['bo', 'bind', 'exec', 'cleanup', 'rcu_read']);
/** Events that wait in the queue for their turn. */
const WAITING: ReadonlySet<E.OpName> = new Set(['reserve', 'unreserve', 'release']);

/** What events beyond columns need of the replay around them. */
export interface ControlParts {
  readonly directory: SpaceDirectory;
  readonly operations: Operations;
  readonly jobs: JobEvents;
  readonly ranges: RangeEvents;
  readonly watch: Watch;
  readonly queue: OpQueue | null;
  readonly results: ResultLines | null;
  readonly findings: Findings;
}

/** The events that are no operation of columns: what declares, ends, reserves, binds and reads along. */
export class ControlEvents {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Takes the event at `i`, number `seq`, as it comes. */
  take(batch: Batch, i: number, seq: number): void {
    const { directory, operations, jobs, ranges, watch, queue, results } = this.#parts;
    const event = batch.objects.get(i) as E.Event;
    if (UNDISTURBING.has(event.op)) operations.finish();
    else if (WAITING.has(event.op) && queue !== null && !inSeveral(event)) {
      queue.add(this.#operable(batch, i), batch, i, seq);
      return;
    } else this.settle();
    // What waited may have been told of other events meanwhile.
    watch.about(batch, i, seq);
    directory.memory.now = seq;
    if (results !== null) results.line = batch.line[i];
    switch (event.op) {
      case 'trace':
        directory.readKernel(event, batch, i);
        results?.plain(seq, 'trace');
        break;
      case 'domain': {
        const space = directory.create(event, batch, i);
        if (results !== null) results.severalDomains = directory.several;
        results?.domain(seq, space);
        break;
      }
      case 'destroy':
        this.#destroy(directory.of(batch, i), batch, i, seq);
        break;
      case 'bo':
        jobs.bo(event, seq);
        break;
      case 'bind':
        jobs.bind(event, this.#bindable(batch, i), batch, i, seq);
        break;
      case 'exec':
        jobs.exec(event, this.#bindable(batch, i), batch, i, seq);
        break;
      case 'cleanup':
        jobs.cleanup(event, this.#bindable(batch, i), batch, i, seq);
        break;
      case 'reserve':
        if (inSeveral(event)) this.#reserveInAll(event, batch, i, seq);
        else this.range(this.#operable(batch, i), batch, i, seq);
        break;
      case 'unreserve':
      case 'release':
        this.range(this.#operable(batch, i), batch, i, seq);
        break;
      case 'rcu_read':
        ranges.rcuRead(event, batch, i, seq);
        break;
      default:
        throw directory.error(batch, i, `not supported yet: ${event.op}`);
    }
  }

  /** Lets everything run that waits, before an event that is no operation. */
  settle(): void {
    this.#parts.queue?.drain();
    this.#parts.operations.finish();
  }

  /** A `reserve`, `unreserve` or `release` has its turn. */
  range(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const { ranges, queue, findings } = this.#parts;
    const event = batch.objects.get(i) as E.Event;
    if (queue === null) checkOverlap(space, batch, i, seq, findings);
    if (event.op === 'reserve') ranges.reserve(event, space, batch, i, seq);
    else if (event.op === 'unreserve' || event.op === 'release') ranges.end(event, space, batch, i, seq);
  }

  #reserveInAll(event: E.ReserveEvent, batch: Batch, i: number, seq: number): void {
    const { directory, ranges, findings } = this.#parts;
    const spaces = (event.domains ?? []).map((id) => this.#counted(directory.byName(id, batch, i), batch, i));
    for (const space of spaces) checkOverlap(space, batch, i, seq, findings);
    ranges.reserveInAll(event, spaces, batch, i, seq);
  }

  /** The address space of the event at `i`, which counts as one of its operations. */
  #operable(batch: Batch, i: number): AddressSpace {
    return this.#counted(this.#parts.directory.of(batch, i), batch, i);
  }

  /** As `#operable`, for events that a GPU driver's own page tables take too. */
  #bindable(batch: Batch, i: number): AddressSpace {
    const { directory } = this.#parts;
    const space = directory.of(batch, i);
    directory.alive(space, batch, i);
    space.tally.ops[batch.op[i]]++;
    return space;
  }

  #counted(space: AddressSpace, batch: Batch, i: number): AddressSpace {
    this.#parts.directory.usable(space, batch, i);
    space.tally.ops[batch.op[i]]++;
    return space;
  }

  #destroy(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const { directory, jobs, watch, results } = this.#parts;
    directory.alive(space, batch, i);
    results?.begin(space, batch.domain[i] !== NONE);
    jobs.forget(space);
    watch.destroyed(space);
    space.gpu?.destroy();
    jobs.destroyed(space, seq, batch.line[i]);
    space.table?.destroy();
    space.allocator.teardown();
    space.destroyed = true;
    space.tally.ops[E.OP_DESTROY]++;
    results?.counted(seq, 'destroy', space, ',"ret":0');
  }
}

/** A reserve in several address spaces waits for nobody: all of them must be at rest. */
function inSeveral(event: E.Event): boolean {
  return event.op === 'reserve' && event.domains !== undefined;
}
