import { EFAULT, EINVAL, EPERM, PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import { IommuDomain } from '../../iommu/domain.ts';
import type { Gather } from '../../iommu/gather.ts';
import { addressFrom } from '../address.ts';
import type { NestedSpace } from './nested-space.ts';
import type { ParentRun } from './parent.ts';
import { high, low, removedBy, type Stretch, type UnmapRequest } from './removal.ts';

const PERMISSIONS = PROT_READ | PROT_WRITE;

/**
 * The core layer of a child: the physical address of a map is an address in its parent. Every page must be mapped there,
 * else -EFAULT, as for a bad user address of a root. The permission is what both allow; -EPERM where that is nothing.
 * Nested in software a leaf holds where the parent leads; nested in hardware it holds the parent's address.
 */
export class NestedDomain extends IommuDomain {
  /** Set once the space is known: the table and its domain come first. */
  space: NestedSpace | null = null;

  override map(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number, size: number, prot: number): number {
    const { space } = this;
    if (space === null) return super.map(iovaHi, iovaLo, paddrHi, paddrLo, size, prot);
    this.mapped = 0;
    this.pgdOverrun = false;
    if (!this.chooser.isAligned(iovaHi, iovaLo, paddrHi, paddrLo, size)) return -EINVAL;
    const iova = addressFrom(iovaHi, iovaLo);
    const address = addressFrom(paddrHi, paddrLo);
    const runs = space.resolve(address, size);
    if (runs === null) return -EFAULT;
    const replaced = space.replacedBy({ iova, paddr: address, size, count: null, prot });
    const ret = space.hardware
      ? super.map(iovaHi, iovaLo, paddrHi, paddrLo, size, prot)
      : this.#mapRuns(iova, runs, address, prot);
    // The references of what a table mapped go before those of the block that has taken its place come.
    for (const { start, end } of replaced) {
      if (ret === 0) space.unmapped(start, end - start);
      else space.reconcile(start, end);
    }
    if (ret === 0) space.mapped(iova, size, address, prot, runs.length);
    return ret;
  }

  override unmapInto(iovaHi: number, iovaLo: number, size: number, gather: Gather): number {
    const request = { iova: addressFrom(iovaHi, iovaLo), size, count: null };
    const expected = this.#expected(request);
    return this.#gone(request, expected, super.unmapInto(iovaHi, iovaLo, size, gather));
  }

  override unmapPages(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const request = { iova: addressFrom(iovaHi, iovaLo), size: pgsize, count };
    const expected = this.#expected(request);
    return this.#gone(request, expected, super.unmapPages(iovaHi, iovaLo, pgsize, count));
  }

  override unmapPagesSynced(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const request = { iova: addressFrom(iovaHi, iovaLo), size: pgsize, count };
    const expected = this.#expected(request);
    return this.#gone(request, expected, super.unmapPagesSynced(iovaHi, iovaLo, pgsize, count));
  }

  override unmapPagesQueued(iovaHi: number, iovaLo: number, pgsize: number, count: number): number {
    const request = { iova: addressFrom(iovaHi, iovaLo), size: pgsize, count };
    const expected = this.#expected(request);
    return this.#gone(request, expected, super.unmapPagesQueued(iovaHi, iovaLo, pgsize, count));
  }

  /** What an unmap will take away, where whole blocks go: these begin before the IOVA and end behind it. Null: what it returns. */
  #expected(request: UnmapRequest): readonly Stretch[] | null {
    if (this.space === null || this.table.config.partialUnmap !== 'whole') return null;
    return removedBy(this, request);
  }

  #gone({ iova, size, count }: UnmapRequest, expected: readonly Stretch[] | null, bytes: number): number {
    const { space } = this;
    if (expected !== null) for (const { start, end } of expected) space?.unmapped(start, end - start);
    // A raw call does not look at the alignment: it clears the page that holds the IOVA.
    else space?.unmapped(count === null ? iova : Math.floor(iova / size) * size, bytes);
    return bytes;
  }

  /** Maps what the parent's memory is made of, as `iommu_map_sg` does: all of it or nothing. */
  #mapRuns(iova: number, runs: readonly ParentRun[], address: number, prot: number): number {
    let done = 0;
    let overrun = false;
    for (const run of runs) {
      const allowed = (prot & ~PERMISSIONS) | (prot & run.prot & PERMISSIONS);
      let ret = (prot & PERMISSIONS) !== 0 && (allowed & PERMISSIONS) === 0 ? -EPERM : 0;
      if (ret === 0) {
        const at = iova + (run.at - address);
        ret = super.map(high(at), low(at), high(run.paddr), low(run.paddr), run.size, allowed);
        if (this.pgdOverrun) overrun = true;
      }
      if (ret !== 0) {
        if (done > 0) super.unmap(high(iova), low(iova), done);
        this.mapped = 0;
        this.pgdOverrun = overrun;
        return ret;
      }
      done += run.size;
    }
    this.mapped = done;
    this.pgdOverrun = overrun;
    return 0;
  }
}
