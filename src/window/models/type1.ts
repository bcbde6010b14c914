import { TWO_32 } from '../../base/u64.ts';
import { EEXIST, EINVAL, ENOMEM } from '../../base/vocabulary.ts';
import { IommuDomain } from '../../iommu/domain.ts';
import { TableMemory } from '../../lpae/table/memory.ts';
import { RunMap } from '../run-map.ts';
import type { MapRequest } from '../tce/map.ts';
import { Mm } from '../tce/memory/mm.ts';
import { lpaeIova, lpaeTable, tableFigures } from './lpae-space.ts';
import type { DmaModel, GuestProcess, ModelFigures } from './model.ts';

/** One map: it goes as a whole. */
interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly pages: number;
}

interface Space {
  readonly domain: IommuDomain;
  readonly mappings: RunMap<Mapping>;
}

/**
 * Like VFIO's type 1: every map pins and accounts its pages, every unmap gives them back (vfio_iommu_type1.c). No map over
 * another (-EEXIST), no unmap of a part of one (-EINVAL). Its tables are those of the engine, 4K, 2M and 1G.
 */
export class Type1Model implements DmaModel {
  readonly #mm: Mm;
  readonly #memory = new TableMemory();
  readonly #spaces = new Map<string, Space>();
  readonly #ended: IommuDomain[] = [];
  #pins = 0;
  #pinCalls = 0;
  #accountCalls = 0;

  constructor({ cpuPage, rlimit }: GuestProcess) {
    this.#mm = new Mm('guest', cpuPage);
    this.#mm.rlimit = rlimit;
  }

  attach(): number {
    return 0;
  }

  detach(): number {
    return 0;
  }

  release(name: string): void {
    const space = this.#spaces.get(name);
    if (space === undefined) return;
    const gone = new Set<Mapping>();
    space.mappings.forEach(0, Number.POSITIVE_INFINITY, (_start, _end, _at, mapping) => gone.add(mapping));
    for (const mapping of gone) this.#remove(space, mapping);
    this.#spaces.delete(name);
    this.#ended.push(space.domain);
  }

  create(): number {
    return 0;
  }

  cover(): number {
    return 0;
  }

  remove(): number {
    return 0;
  }

  register(): number {
    return 0;
  }

  unregister(): number {
    return 0;
  }

  map(name: string, { iova, vaddr, size, direction }: MapRequest): number {
    if (direction === 0 || size === 0) return -EINVAL;
    const space = this.#of(name);
    const start = lpaeIova(iova);
    if (space.mappings.meets(start, start + size)) return -EEXIST;
    const { cpuPage } = this.#mm;
    const pages = Math.ceil((vaddr + size) / cpuPage) - Math.floor(vaddr / cpuPage);
    if (!this.#mm.account('regions', pages)) return -ENOMEM;
    this.#accountCalls++;
    this.#pins += pages;
    this.#pinCalls++;
    const ret = space.domain.map(high(start), start | 0, high(vaddr), vaddr | 0, size, direction);
    if (ret !== 0) this.#giveBack(pages);
    else space.mappings.put(start, start + size, start, { start, end: start + size, pages });
    return ret;
  }

  unmap(name: string, iova: number, size: number): number {
    const space = this.#of(name);
    const start = lpaeIova(iova);
    const end = start + size;
    const hit = new Set<Mapping>();
    space.mappings.forEach(start, end, (_start, _end, _at, mapping) => hit.add(mapping));
    for (const mapping of hit) if (mapping.start < start || mapping.end > end) return -EINVAL;
    for (const mapping of hit) this.#remove(space, mapping);
    return 0;
  }

  figures(): ModelFigures {
    const domains = [...this.#ended, ...[...this.#spaces.values()].map(({ domain }) => domain)];
    return {
      pins: this.#pins,
      pinCalls: this.#pinCalls,
      accountCalls: this.#accountCalls,
      lockedPeak: this.#mm.lockedPeak,
      lockedPeakBytes: this.#mm.lockedPeak * this.#mm.cpuPage,
      ...tableFigures(domains.map(({ table }) => table)),
    };
  }

  #remove({ domain, mappings }: Space, { start, end, pages }: Mapping): void {
    mappings.clear(start, end);
    domain.unmap(high(start), start | 0, end - start);
    this.#giveBack(pages);
  }

  #giveBack(pages: number): void {
    this.#mm.unaccount('regions', pages);
    this.#accountCalls++;
  }

  #of(name: string): Space {
    let space = this.#spaces.get(name);
    if (space === undefined) {
      const { table, tlb } = lpaeTable(this.#memory, 'ARM_64_LPAE_S1');
      space = { domain: new IommuDomain(table, tlb), mappings: new RunMap() };
      this.#spaces.set(name, space);
    }
    return space;
  }
}

function high(address: number): number {
  return Math.floor(address / TWO_32) | 0;
}
