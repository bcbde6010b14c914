import type { Batch } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import { addressFrom } from '../../window/address.ts';
import type { Aperture } from '../../window/aperture.ts';
import type { NestedSpace } from '../../window/nested/nested-space.ts';
import type { ParentUnmap } from '../../window/nested/options.ts';
import type { Saving } from '../../window/required-range.ts';

/** What an address space does not admit, whatever its page tables could hold: IOVAs outside of windows, and that goes what children refer to. */
export class SpaceRules {
  aperture: Aperture | null = null;
  /** What its required range saved, where one was given. */
  saving: Saving | null = null;
  nest: NestedSpace | null = null;
  readonly #parentUnmap: ParentUnmap;

  constructor(parentUnmap: ParentUnmap) {
    this.#parentUnmap = parentUnmap;
  }

  /** Raw calls know no parent. */
  get refusesRawMaps(): boolean {
    return this.nest !== null && this.nest.parent !== null;
  }

  /** Before a map or an unmap: 0, or the errno that it gives without touching anything. */
  admit(batch: Batch, i: number, op: number): number {
    if (op > E.OP_UNMAP_PAGES) return 0;
    const count = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES ? batch.count[i] : null;
    const size = batch.size[i];
    const iova = addressFrom(batch.iovaHi[i], batch.iovaLo[i]);
    const { aperture, nest } = this;
    if (op === E.OP_MAP || op === E.OP_MAP_PAGES) {
      const ret = aperture?.check(iova, size * (count ?? 1)) ?? 0;
      if (ret !== 0 && aperture !== null) aperture.rejected++;
      if (ret !== 0 || nest === null) return ret;
      const paddr = addressFrom(batch.paddrHi[i], batch.paddrLo[i]);
      return nest.admitMap({ iova, paddr, size, count, prot: batch.prot[i] }, this.#parentUnmap);
    }
    if (nest === null) return 0;
    const ret = nest.admitUnmap({ iova, size, count }, this.#parentUnmap);
    if (ret === 0) nest.beginOperation();
    return ret;
  }

  /** After an operation that was admitted. */
  done(op: number): void {
    if (op === E.OP_UNMAP || op === E.OP_UNMAP_PAGES) this.nest?.endOperation();
  }

  /** Before the address space is destroyed: 0, or -EBUSY while children refer to it. */
  end(): number {
    const { nest } = this;
    if (nest === null) return 0;
    const ret = nest.admitEnd(this.#parentUnmap);
    if (ret === 0) nest.end();
    return ret;
  }
}
