import { TWO_32 } from '../../../base/u64.ts';
import { EINVAL, PROT_READ, PROT_WRITE } from '../../../base/vocabulary.ts';
import { mapPages } from '../../../lpae/map.ts';
import type { PageTable } from '../../../lpae/page-table.ts';
import { unmapPages } from '../../../lpae/unmap.ts';
import type { BufferObject } from '../../buffer-object.ts';
import * as G from '../../gpu-counters.ts';

const PAGE = 4096;
/** The page that all null mappings share. */
const NULL_PAGE = 0xf0000000;
/** Objects carry no flags in a trace: neither cached nor privileged nor read only (msm_gem_vma.c:msm_gem_prot). */
const PROT = PROT_READ | PROT_WRITE;

/** Msm's page table: 4K pages only, and a flush of the whole domain behind every unmap. */
export class MsmPages {
  readonly #table: PageTable;
  readonly #counters: Float64Array;

  constructor(table: PageTable, counters: Float64Array) {
    this.#table = table;
    this.#counters = counters;
  }

  /** Maps segment by segment; what was mapped goes again on an error (msm_iommu.c:msm_iommu_pagetable_map). */
  map(start: number, size: number, object: BufferObject, offset: number): number {
    const { starts, paddrs, sizes } = object;
    const table = this.#table;
    let segment = object.segmentAt(offset);
    let skip = segment === starts.length ? 0 : offset - starts[segment];
    let done = 0;
    for (; done < size && segment < starts.length; segment++) {
      let paddr = paddrs[segment] + skip;
      let left = Math.min(sizes[segment] - skip, size - done);
      skip = 0;
      while (left > 0) {
        const ret = this.#mapCall(start + done, paddr, left / PAGE);
        done += table.mapped;
        paddr += table.mapped;
        left -= table.mapped;
        if (ret !== 0 || table.mapped === 0) {
          this.unmap(start, done);
          return -EINVAL;
        }
      }
    }
    return 0;
  }

  /** One call for each page, all of them onto the shared page (msm_iommu.c:msm_iommu_pagetable_map_prr). */
  mapNull(start: number, size: number): number {
    for (let done = 0; done < size; done += PAGE) {
      if (this.#mapCall(start + done, NULL_PAGE, 1) === 0) continue;
      this.unmap(start, done);
      return -EINVAL;
    }
    return 0;
  }

  #mapCall(address: number, paddr: number, count: number): number {
    const hi = Math.floor(address / TWO_32) | 0;
    return mapPages(this.#table, hi, address | 0, Math.floor(paddr / TWO_32) | 0, paddr | 0, PAGE, count, PROT);
  }

  /** Unmaps a range, page by page where nothing is mapped, and flushes once (msm_iommu.c:msm_iommu_pagetable_unmap). */
  unmap(start: number, size: number): boolean {
    const counters = this.#counters;
    let whole = true;
    for (let done = 0; done < size; ) {
      const address = start + done;
      const hi = Math.floor(address / TWO_32) | 0;
      let removed = unmapPages(this.#table, hi, address | 0, PAGE, (size - done) / PAGE, null);
      if (removed === 0) {
        whole = false;
        removed = PAGE;
      }
      done += removed;
    }
    counters[G.FLUSH_ALLS]++;
    this.#table.tlb.flushAll();
    return whole;
  }
}
