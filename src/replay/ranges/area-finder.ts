import { distance64 } from '../../base/u64.ts';
import { BATCH_EVENTS, type Batch } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';

/** A run of maps that continue each other. */
interface Run {
  /** Position in the batch of the first map, and its IOVA. */
  readonly first: number;
  readonly hi: number;
  readonly lo: number;
}

/**
 * Finds the mapped areas of a trace: maps of one address space, one behind the other, each beginning where the last ended
 * (or inside it, after a raw call that came back short), belong to one area, as the pieces of one iommufd area do. It
 * looks ahead to the end of a batch; an area that goes on beyond continues as a second one.
 */
export class AreaFinder {
  /** Bytes of the area that begins with the event at each position of the batch; 0: none does. */
  readonly sizes = new Float64Array(BATCH_EVENTS);
  readonly #open = new Map<number, Run>();

  mark(batch: Batch): void {
    this.#open.clear();
    this.sizes.fill(0, 0, batch.length);
    for (let i = 0; i < batch.length; i++) {
      const op = batch.op[i];
      if (op !== E.OP_MAP && op !== E.OP_MAP_PAGES) {
        // Only what leaves the mappings alone may stand between the pieces of an area.
        if (op === E.OP_UNMAP || op === E.OP_UNMAP_PAGES || op > E.LAST_COLUMN_OP) this.#open.delete(batch.domain[i]);
        continue;
      }
      const size = op === E.OP_MAP ? batch.size[i] : batch.size[i] * batch.count[i];
      const run = this.#open.get(batch.domain[i]);
      const offset = run === undefined ? -1 : distance64(batch.iovaHi[i], batch.iovaLo[i], run.hi, run.lo);
      if (run !== undefined && offset > 0 && offset <= this.sizes[run.first]) {
        this.sizes[run.first] = Math.max(this.sizes[run.first], offset + size);
        continue;
      }
      this.sizes[i] = size;
      this.#open.set(batch.domain[i], { first: i, hi: batch.iovaHi[i], lo: batch.iovaLo[i] });
    }
  }
}
