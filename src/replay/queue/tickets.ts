import { DEMAND_MAP, DEMAND_UNMAP, Demand } from '../../allocator/demand.ts';
import type { Batch } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** The allocator was told nothing of the operation: it reserves nothing. */
export const NO_TICKET = -2;

/** True for the operations that may need tables. */
export function needsTables(op: number): boolean {
  return op <= E.OP_UNMAP_PAGES;
}

/** Announces operations to the allocators of their address spaces. */
export class Tickets {
  readonly #demands = [new Demand()];

  /** Submits the map or unmap at `i`; a ticket, REFUSED, or NO_TICKET. */
  submit(space: AddressSpace, batch: Batch, i: number, seq: number): number {
    if (!space.announced) return NO_TICKET;
    const op = batch.op[i];
    const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
    const demand = this.#demands[0];
    const kind = op === E.OP_MAP || op === E.OP_MAP_PAGES ? DEMAND_MAP : DEMAND_UNMAP;
    const size = raw ? batch.size[i] * batch.count[i] : batch.size[i];
    demand.set(kind, batch.iovaHi[i], batch.iovaLo[i], size, seq, batch.line[i]);
    demand.paddrHi = batch.paddrHi[i];
    demand.paddrLo = batch.paddrLo[i];
    demand.pgsize = raw ? batch.size[i] : 0;
    demand.pgcount = raw ? batch.count[i] : 0;
    demand.prot = batch.prot[i];
    return space.submit(this.#demands);
  }
}
