import type * as MapModule from '../../src/lpae/map.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import type * as UnmapModule from '../../src/lpae/unmap.ts';

/*
 * The IOMMU core imports mapPages and unmapPages, so a test sees the raw calls it makes only by standing in for these
 * modules. The test file that wants to see them has to say
 *   vi.mock('../../src/lpae/map.ts', async (original) => (await import('./raw-calls.ts')).observedMap(await original()));
 * and the same for unmap.ts, because a mock counts only for what is imported after it.
 */

/** One raw call of the engine. */
export interface RawCall {
  readonly name: 'map_pages' | 'unmap_pages';
  readonly table: PageTable;
  readonly iovaHi: number;
  readonly iovaLo: number;
  /** Physical address of a map; 0 for an unmap. */
  readonly paddrHi: number;
  readonly paddrLo: number;
  readonly pgsize: number;
  readonly count: number;
}

export interface RawCallObserver {
  before(call: RawCall): void;
  /** `bytes` mapped or unmapped; `ret` is the errno of a map. */
  after(call: RawCall, ret: number, bytes: number): void;
}

/** Who hears of raw calls now; null: nobody. */
export const rawCalls: { observer: RawCallObserver | null } = { observer: null };

export function observedMap(real: typeof MapModule): typeof MapModule {
  const mapPages: typeof real.mapPages = (table, iovaHi, iovaLo, paddrHi, paddrLo, pgsize, count, prot) => {
    const call: RawCall = { name: 'map_pages', table, iovaHi, iovaLo, paddrHi, paddrLo, pgsize, count };
    rawCalls.observer?.before(call);
    const ret = real.mapPages(table, iovaHi, iovaLo, paddrHi, paddrLo, pgsize, count, prot);
    rawCalls.observer?.after(call, ret, table.mapped);
    return ret;
  };
  return { ...real, mapPages };
}

export function observedUnmap(real: typeof UnmapModule): typeof UnmapModule {
  const unmapPages: typeof real.unmapPages = (table, iovaHi, iovaLo, pgsize, count, gather) => {
    const call: RawCall = { name: 'unmap_pages', table, iovaHi, iovaLo, paddrHi: 0, paddrLo: 0, pgsize, count };
    rawCalls.observer?.before(call);
    const bytes = real.unmapPages(table, iovaHi, iovaLo, pgsize, count, gather);
    rawCalls.observer?.after(call, 0, bytes);
    return bytes;
  };
  return { ...real, unmapPages };
}
