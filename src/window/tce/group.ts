import { isPowerOfTwo } from '../../base/u64.ts';

/** The largest page that a group may list. */
const LARGEST_PAGE = 2 ** 34;

/** A group of devices behind one table, as its platform offers it (struct iommu_table_group). */
export interface Group {
  readonly id: string;
  /** Bytes of the window below 4 GiB that is there from the start. */
  readonly tce32Size: number;
  readonly maxWindows: number;
  /** Bytes of the pages that a window may have, ascending. */
  readonly pgsizes: readonly number[];
  readonly maxLevels: number;
  /** The platform can create windows. */
  readonly ddw: boolean;
  /** Groups of different platforms do not share tables. */
  readonly platform: string;
}

export const DEFAULT_GROUP: Omit<Group, 'id'> = {
  tce32Size: 2 ** 31,
  maxWindows: 2,
  pgsizes: [2 ** 12, 2 ** 16, 2 ** 24],
  maxLevels: 5,
  ddw: true,
  platform: 'ioda2',
};

/** Page sizes that a window can have, ascending, each once: powers of two from 4K on. */
export function pageSizes(sizes: readonly number[]): number[] {
  const good = sizes.filter((size) => isPowerOfTwo(size) && size >= 4096 && size <= LARGEST_PAGE);
  return [...new Set(good)].sort((a, b) => a - b);
}

/** As the kernel reports it: bit n set, pages of 2^n bytes. */
export function pageMask(sizes: readonly number[]): number {
  return sizes.reduce((mask, size) => mask + size, 0);
}
