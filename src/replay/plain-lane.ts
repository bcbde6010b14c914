import { type Batch, FLAG_GATHER_NONE, FLAG_GATHER_QUEUED, FLAG_HAS_END, FLAG_HAS_RET } from '../trace/batch.ts';
import { OP_UNMAP } from '../trace/events.ts';
import type { Operations } from './operations/operations.ts';
import { NO_TICKET } from './queue/tickets.ts';
import type { Watch } from './ranges/watch.ts';
import type { AddressSpace } from './spaces/address-space.ts';
import type { SpaceDirectory } from './spaces/space-directory.ts';

/** What gives an event something to be held against, or to be made of, beyond the tables. */
const MORE = FLAG_HAS_RET | FLAG_HAS_END | FLAG_GATHER_QUEUED | FLAG_GATHER_NONE;

/**
 * The short way of maps and unmaps through a replay in which nobody looks on: no queue, no result lines, no timeline, no study.
 * What the long way would ask of them is known to be nothing. Nearly all events of most traces come this way.
 */
export class PlainLane {
  readonly #directory: SpaceDirectory;
  readonly #operations: Operations;
  readonly #watch: Watch;

  constructor(directory: SpaceDirectory, operations: Operations, watch: Watch) {
    this.#directory = directory;
    this.#operations = operations;
    this.#watch = watch;
  }

  /** Carries out the event at `i`, number `seq`; false, and nothing is done, when it has to go the long way. */
  take(batch: Batch, i: number, seq: number): boolean {
    const op = batch.op[i];
    if (op > OP_UNMAP || (batch.flags[i] & MORE) !== 0) return false;
    const space = this.#directory.known(batch.domain[i]);
    if (space === null || !isPlain(space)) return false;
    const { domain } = space;
    if (domain === null) return false;
    this.#watch.at(batch, i, seq);
    this.#directory.memory.now = seq;
    this.#operations.run(space, domain, batch, i, op, seq, NO_TICKET);
    if (space.violations.length > 0) this.#watch.allocator(space);
    return true;
  }
}

/** Nothing stands between an operation on it and its table. */
function isPlain(space: AddressSpace): boolean {
  return !space.announced && !space.usesContext && !space.destroyed && space.ranges === null && space.rules === null;
}
