import { bitmapSizes } from '../base/sizes.ts';
import { TWO_32 } from '../base/u64.ts';

/**
 * Chooses page size and count for the next raw call, as the IOMMU core does (iommu.c:iommu_pgsize).
 * One object per domain; the answer of the last `choose` stands in `size` and `count`.
 */
export class PageSizeChooser {
  /** Supported sizes, smallest first, and the masks of the bits below them. */
  readonly sizes: readonly number[];
  readonly #maskLo: Int32Array;
  readonly #maskHi: Int32Array;
  /** 1 / size: exact, and multiplying is faster than dividing. */
  readonly #inverse: Float64Array;
  size = 0;
  count = 0;

  constructor(bitmap: number) {
    this.sizes = bitmapSizes(bitmap);
    this.#maskLo = Int32Array.from(this.sizes, (size) => (size >= TWO_32 ? -1 : size - 1));
    this.#maskHi = Int32Array.from(this.sizes, (size) => (size >= TWO_32 ? size / TWO_32 - 1 : 0));
    this.#inverse = Float64Array.from(this.sizes, (size) => 1 / size);
  }

  get smallest(): number {
    return this.sizes[0];
  }

  /** True when iova, paddr and size are all multiples of the smallest page. */
  isAligned(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number, size: number): boolean {
    const low = (iovaLo | paddrLo) & this.#maskLo[0];
    const high = (iovaHi | paddrHi) & this.#maskHi[0];
    // The bits below the smallest page, at most 64K, lie in the low half of the size too.
    return low === 0 && high === 0 && (size & this.#maskLo[0]) === 0;
  }

  /** The largest page of which both addresses have the same offset: what a long enough map of them is mostly made of. */
  common(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number): number {
    let at = this.sizes.length - 1;
    while (at > 0 && (((iovaLo ^ paddrLo) & this.#maskLo[at]) !== 0 || ((iovaHi ^ paddrHi) & this.#maskHi[at]) !== 0))
      at--;
    return this.sizes[at];
  }

  /**
   * The largest page that fits size and alignment, and how many of it before a larger one becomes possible.
   * Unmap passes the iova twice. `size` is a multiple of the smallest page, above 0, and so are both addresses.
   */
  choose(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number, size: number): void {
    const sizes = this.sizes;
    const orHi = iovaHi | paddrHi;
    const orLo = iovaLo | paddrLo;
    let at = sizes.length - 1;
    while (at > 0 && (sizes[at] > size || (orLo & this.#maskLo[at]) !== 0 || (orHi & this.#maskHi[at]) !== 0)) at--;
    const page = sizes[at];
    let span = size;
    const next = at + 1;
    if (
      next < sizes.length &&
      ((iovaLo ^ paddrLo) & this.#maskLo[next]) === 0 &&
      ((iovaHi ^ paddrHi) & this.#maskHi[next]) === 0
    ) {
      // Both addresses lie at the same offset in the larger page. The distance is taken from their bitwise or.
      const inside = (orHi & this.#maskHi[next]) * TWO_32 + ((orLo & this.#maskLo[next]) >>> 0);
      const offset = sizes[next] - inside;
      if (offset + sizes[next] <= size) span = offset;
    }
    this.size = page;
    this.count = Math.floor(span * this.#inverse[at]);
  }
}

/** How requests are cut into pages: as the IOMMU core does, as panthor does, or into the smallest pages only. */
export const PGSIZE_POLICIES = ['core', 'panthor', '4k'] as const;
export type PgsizePolicy = (typeof PGSIZE_POLICIES)[number];

/** The chooser of a policy for pages of these sizes. */
export function chooserOf(policy: PgsizePolicy, bitmap: number): PageSizeChooser {
  if (policy === 'panthor') return new PanthorChooser(bitmap);
  return policy === '4k' ? new SmallestChooser(bitmap) : new PageSizeChooser(bitmap);
}

/** The smallest pages, whatever else would fit. */
class SmallestChooser extends PageSizeChooser {
  override common(): number {
    return this.smallest;
  }

  override choose(_iovaHi: number, _iovaLo: number, _paddrHi: number, _paddrLo: number, size: number): void {
    this.size = this.smallest;
    this.count = size / this.smallest;
  }
}

/**
 * Panthor's choice (panthor_mmu.c:get_pgsize): blocks of the second size where both addresses are aligned to it and one fits, up
 * to the next border of a table of them; else the smallest pages up to the next border of a block.
 */
class PanthorChooser extends PageSizeChooser {
  override common(iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number): number {
    const most = this.sizes.length > 1 ? this.sizes[1] : this.smallest;
    return Math.min(most, super.common(iovaHi, iovaLo, paddrHi, paddrLo));
  }

  override choose(_iovaHi: number, iovaLo: number, _paddrHi: number, paddrLo: number, size: number): void {
    const { smallest } = this;
    const block = this.sizes.length > 1 ? this.sizes[1] : Number.POSITIVE_INFINITY;
    // Both ends count: a border of either ends the run. Of larger granules the engine itself ends it with the table.
    const either = (iovaLo | paddrLo) >>> 0;
    const inBlock = either % block;
    if (inBlock !== 0 || size < block) {
      const toBorder = inBlock === 0 ? size : block - inBlock;
      this.size = smallest;
      this.count = Math.min(toBorder, size) / smallest;
      return;
    }
    const table = (block * block) / smallest;
    this.size = block;
    this.count = Math.floor(Math.min(table - (either % table), size) / block);
  }
}
