import type { Batch } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { SpaceDirectory } from '../spaces/space-directory.ts';

/**
 * Finds the address spaces that events beyond columns are operations of, and counts these. Throws an input error for one
 * that cannot take the event at hand.
 */
export class OperableSpaces {
  readonly #directory: SpaceDirectory;

  constructor(directory: SpaceDirectory) {
    this.#directory = directory;
  }

  /** The address space of the event at `i`, which counts as one of its operations. */
  of(batch: Batch, i: number): AddressSpace {
    return this.#counted(this.#directory.of(batch, i), batch, i);
  }

  /** As `of`, of the address space of that id. */
  byName(id: string, batch: Batch, i: number): AddressSpace {
    return this.#counted(this.#directory.byName(id, batch, i), batch, i);
  }

  /** As `of`, for events that a GPU driver's own page tables take too. */
  bindable(batch: Batch, i: number): AddressSpace {
    const directory = this.#directory;
    const space = directory.of(batch, i);
    directory.alive(space, batch, i);
    this.refuseRuled(space, batch, i);
    space.tally.ops[batch.op[i]]++;
    return space;
  }

  /** Operations that no window and no child is held against are none for an address space that has some. */
  refuseRuled(space: AddressSpace, batch: Batch, i: number): void {
    if (space.rules === null) return;
    const id = JSON.stringify(space.id);
    const message = `${E.OPS[batch.op[i]]} in domain ${id}, which has windows, a required range, a parent or children; these know map and unmap only`;
    throw this.#directory.error(batch, i, message);
  }

  #counted(space: AddressSpace, batch: Batch, i: number): AddressSpace {
    this.#directory.usable(space, batch, i);
    space.tally.ops[batch.op[i]]++;
    return space;
  }
}
