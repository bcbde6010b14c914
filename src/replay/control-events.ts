import { hexHi, hexLo } from '../base/u64.ts';
import { type Batch, NONE } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { Checks } from './checks/checks.ts';
import type { JobEvents } from './jobs/job-events.ts';
import type { Operations } from './operations.ts';
import type { OpQueue } from './queue/op-queue.ts';
import { checkOverlap } from './ranges/context-check.ts';
import type { RangeEvents } from './ranges/range-events.ts';
import type { Watch } from './ranges/watch.ts';
import type { RepeatEvents } from './repeats/repeat-events.ts';
import type { Findings } from './results/findings.ts';
import type { ResultLines } from './results/result-lines.ts';
import type { AddressSpace } from './spaces/address-space.ts';
import type { SpaceDirectory } from './spaces/space-directory.ts';
import type { NestEvents } from './windows/nest-events.ts';
import type { WindowEvents } from './windows/window-events.ts';

/** Events that do not empty the queue: jobs have an order of their own, readers come and go. */
const UNDISTURBING: ReadonlySet<E.OpName> = new Set([
  'bo',
  'bind',
  'exec',
  'cleanup',
  'rcu_read',
  'register',
  'unregister',
  'window_map',
  'window_unmap',
]);
/** Events that wait in the queue for their turn. */
const WAITING: ReadonlySet<E.OpName> = new Set(['reserve', 'unreserve', 'release']);

/** What events beyond columns need of the replay around them. */
export interface ControlParts {
  readonly directory: SpaceDirectory;
  readonly operations: Operations;
  readonly jobs: JobEvents;
  readonly ranges: RangeEvents;
  readonly repeats: RepeatEvents;
  readonly windows: WindowEvents;
  readonly nests: NestEvents;
  readonly watch: Watch;
  readonly queue: OpQueue | null;
  readonly results: ResultLines | null;
  readonly findings: Findings;
  /** Holds operations against each other; null: nobody does. */
  readonly checks: Checks | null;
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
    else if (queue !== null && waitsInQueue(event)) {
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
        this.#parts.checks?.created(space);
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
        this.#checkReader(event, batch, i);
        break;
      case 'repeat': {
        const space = this.#operable(batch, i);
        this.#refuseRuled(space, batch, i);
        this.#parts.repeats.repeat(event, space, directory.usable(space, batch, i), batch, i, seq);
        break;
      }
      case 'nest':
        this.#parts.nests.nest(event, batch, i, seq);
        break;
      case 'window_create':
      case 'window_remove':
      case 'attach':
        if (event.domain === undefined) this.#parts.windows.take(event, batch, i, seq);
        else this.#aboutIovas(event, batch, i, seq);
        break;
      case 'register':
      case 'unregister':
      case 'window_map':
      case 'window_unmap':
        this.#parts.windows.take(event, batch, i, seq);
        break;
      default:
        throw directory.error(batch, i, `not supported yet: ${event.op}`);
    }
  }

  /** Windows and reserved ranges of an address space. */
  #aboutIovas(
    event: E.WindowCreateEvent | E.WindowRemoveEvent | E.AttachEvent,
    batch: Batch,
    i: number,
    seq: number,
  ): void {
    const { nests, results } = this.#parts;
    const space = this.#operable(batch, i);
    results?.begin(space, true);
    if (event.op === 'window_create') nests.createWindow(event, space, seq);
    else if (event.op === 'window_remove') nests.removeWindow(event, space, seq);
    else {
      this.#parts.checks?.attaches(space);
      nests.attach(event, space, batch, i, seq);
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
    if (event.op === 'release') this.#refuseRuled(space, batch, i);
    this.#checkRange(event, space);
    if (event.op === 'reserve') ranges.reserve(event, space, batch, i, seq);
    else if (event.op === 'unreserve' || event.op === 'release') ranges.end(event, space, batch, i, seq);
    this.#parts.checks?.rangeEnded(space);
  }

  /** The range of an event about reservations is about to be touched. */
  #checkRange(event: E.Event, space: AddressSpace): void {
    const { checks } = this.#parts;
    if (checks === null || (event.op !== 'reserve' && event.op !== 'unreserve' && event.op !== 'release')) return;
    const { iova = '0x0', size = 0 } = event;
    const known = event.op === 'reserve' ? null : (space.ranges?.reservations?.find(event.id) ?? null);
    if (known === null) checks.rangeBegins(space, event.op, hexHi(iova), hexLo(iova), size);
    else checks.rangeBegins(space, event.op, known.iovaHi, known.iovaLo, known.size);
  }

  /** A reader of one address; one that walks through all tables says nothing of where it is. */
  #checkReader(event: E.RcuReadEvent, batch: Batch, i: number): void {
    const { checks, directory } = this.#parts;
    if (checks === null || (event.iova === undefined && event.phase !== 'end')) return;
    const iova = event.iova ?? '0x0';
    const all = batch.domain[i] === NONE ? directory.spaces : [directory.of(batch, i)];
    for (const space of all) {
      if (space.domain !== null && !space.destroyed) checks.reads(space, event, hexHi(iova), hexLo(iova));
    }
  }

  #reserveInAll(event: E.ReserveEvent, batch: Batch, i: number, seq: number): void {
    const { directory, ranges, findings } = this.#parts;
    const spaces = (event.domains ?? []).map((id) => this.#counted(directory.byName(id, batch, i), batch, i));
    for (const space of spaces) checkOverlap(space, batch, i, seq, findings);
    for (const space of spaces) {
      this.#checkRange(event, space);
      this.#parts.checks?.rangeEnded(space);
    }
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
    this.#refuseRuled(space, batch, i);
    space.tally.ops[batch.op[i]]++;
    return space;
  }

  /** Operations that no window and no child is held against are none for an address space that has some. */
  #refuseRuled(space: AddressSpace, batch: Batch, i: number): void {
    if (space.rules === null) return;
    const id = JSON.stringify(space.id);
    const message = `${E.OPS[batch.op[i]]} in domain ${id}, which has windows, a required range, a parent or children; these know map and unmap only`;
    throw this.#parts.directory.error(batch, i, message);
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
    const refused = space.rules?.end() ?? 0;
    if (refused !== 0) {
      space.tally.ops[E.OP_DESTROY]++;
      space.failed(refused);
      results?.counted(seq, 'destroy', space, `,"ret":${refused}`);
      return;
    }
    this.#parts.checks?.destroys(space);
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

/** Whether an event waits in the queue for its turn, where there is one. */
export function waitsInQueue(event: E.Event): boolean {
  return WAITING.has(event.op) && !inSeveral(event);
}

/** A reserve in several address spaces waits for nobody: all of them must be at rest. */
function inSeveral(event: E.Event): boolean {
  return event.op === 'reserve' && event.domains !== undefined;
}
