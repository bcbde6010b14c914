import { type Batch, NONE } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { Checks } from '../checks/checks.ts';
import type { JobEvents } from '../jobs/job-events.ts';
import type { TaskGather } from '../operations/task-gather.ts';
import type { OpQueue } from '../queue/op-queue.ts';
import { emptiesQueue, inSeveral, waitsInQueue } from '../queue/who-waits.ts';
import type { Watch } from '../ranges/watch.ts';
import type { RepeatEvents } from '../repeats/repeat-events.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { NestEvents } from '../windows/nest-events.ts';
import type { WindowEvents } from '../windows/window-events.ts';
import type { OperableSpaces } from './operable-spaces.ts';
import type { RangeOperations } from './range-operations.ts';

/** What events beyond columns need of the replay around them. */
export interface ControlParts {
  readonly directory: SpaceDirectory;
  /** The gather that neighbouring unmaps of one task share; null: each request has its own. */
  readonly task: TaskGather | null;
  readonly operable: OperableSpaces;
  readonly jobs: JobEvents;
  readonly ranges: RangeOperations;
  readonly repeats: RepeatEvents;
  readonly windows: WindowEvents;
  readonly nests: NestEvents;
  readonly watch: Watch;
  readonly queue: OpQueue | null;
  readonly results: ResultLines | null;
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
    const { directory, operable, task, jobs, ranges, watch, queue, results } = this.#parts;
    const event = batch.objects.get(i) as E.Event;
    if (!emptiesQueue(event)) task?.finish();
    else if (queue !== null && waitsInQueue(event)) {
      queue.add(operable.of(batch, i), batch, i, seq);
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
        jobs.bind(event, operable.bindable(batch, i), batch, i, seq);
        break;
      case 'exec':
        jobs.exec(event, operable.bindable(batch, i), batch, i, seq);
        break;
      case 'cleanup':
        jobs.cleanup(event, operable.bindable(batch, i), batch, i, seq);
        break;
      case 'reserve':
        if (inSeveral(event)) ranges.reserveInAll(event, batch, i, seq);
        else ranges.run(operable.of(batch, i), batch, i, seq);
        break;
      case 'unreserve':
      case 'release':
        ranges.run(operable.of(batch, i), batch, i, seq);
        break;
      case 'rcu_read':
        ranges.rcuRead(event, batch, i, seq);
        break;
      case 'repeat': {
        const space = operable.of(batch, i);
        operable.refuseRuled(space, batch, i);
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
    const { nests, operable, results } = this.#parts;
    const space = operable.of(batch, i);
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
    this.#parts.task?.finish();
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
