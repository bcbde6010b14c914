import type { IommuDomain } from '../../iommu/domain.ts';
import { type Batch, FLAG_GATHER_NONE, FLAG_GATHER_QUEUED, NONE } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import { Observers, type OperationObserver, operatedKind } from '../observer.ts';
import { NO_TICKET, needsTables } from '../queue/tickets.ts';
import type { Watch } from '../ranges/watch.ts';
import type { ResultLines } from '../results/result-lines.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';
import type { TimelineRecorder } from '../timeline/recorder.ts';
import type { SpaceRules } from '../windows/space-rules.ts';
import type { Operations } from './operations.ts';
import type { TaskGather } from './task-gather.ts';

/** What events of columns need of the replay around them. */
export interface ColumnParts {
  readonly directory: SpaceDirectory;
  readonly operations: Operations;
  /** The gather that neighbouring unmaps of one task share; null: each request has its own. */
  readonly task: TaskGather | null;
  readonly watch: Watch;
  readonly results: ResultLines | null;
  readonly recorder: TimelineRecorder | null;
}

/**
 * Carries out the events that fit into columns, from maps to faults in allocations, when their turn has come: between the
 * looks of the watch over reservations, of observers and of the recorder, and only as far as windows and children admit them.
 */
export class ColumnEvents {
  /** Those who look on at operations; null: nobody does. */
  observers: Observers | null = null;
  readonly #directory: SpaceDirectory;
  readonly #operations: Operations;
  readonly #task: TaskGather | null;
  readonly #watch: Watch;
  readonly #results: ResultLines | null;
  readonly #recorder: TimelineRecorder | null;

  constructor(parts: ColumnParts) {
    this.#directory = parts.directory;
    this.#operations = parts.operations;
    this.#task = parts.task;
    this.#watch = parts.watch;
    this.#results = parts.results;
    this.#recorder = parts.recorder;
  }

  /** Lets somebody look on at every operation. */
  observe(observer: OperationObserver): void {
    this.observers ??= new Observers();
    this.observers.add(observer);
  }

  /**
   * Carries out the event at `i`, number `seq`. `ticket` is what the allocator gave for it at submission, `area` the bytes of
   * the mapped area that begins with it, 0: none does. Throws an input error where there is nothing to carry it out on.
   */
  carryOut(space: AddressSpace, batch: Batch, i: number, seq: number, ticket: number, area: number): void {
    const operations = this.#operations;
    this.#task?.settle(batch, i, space);
    this.#directory.memory.now = seq;
    if (this.#results !== null) this.#results.line = batch.line[i];
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
    if (this.observers !== null && operatedKind(op) !== null) this.observers.beganEvent(space, batch, i, seq);
    if (space.ranges === null || !needsTables(op)) operations.run(space, domain, batch, i, op, seq, ticket);
    else this.#runWatched(space, domain, batch, i, seq, ticket, area);
    if (this.observers !== null && operatedKind(op) !== null) {
      this.observers.ended(space, operations.ret, operations.bytes);
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

  /** Runs a map or unmap in an address space with reservations, whose watch is told before and after. */
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
}
