import { DEMAND_MAP, DEMAND_UNMAP, Demand } from '../allocator/demand.ts';
import { type PgtraceError, usageError } from '../base/errors.ts';
import type { Address } from '../base/u64.ts';
import { ENOMEM, PROT_ALL, PROT_DEFAULT } from '../base/vocabulary.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { iovaToPhys } from '../lpae/lookup.ts';
import { mapPages } from '../lpae/map.ts';
import { visitEntries } from '../lpae/visit.ts';
import type { AddressSpace as ReplayedSpace } from '../replay/spaces/address-space.ts';
import type { Counters } from '../stats/metrics/metric.ts';
import { countersOf } from '../stats/metrics/metrics.ts';
import { protBits } from '../trace/ndjson/checks.ts';
import { type AddressLike, fromHalves, toAddress, toBytes, toCount } from './address.ts';
import { mustBe } from './options.ts';
import { type AddressSpaceOptions, newSpace } from './space-options.ts';

/** How a map or an unmap went. */
export interface Answer {
  /** 0 or a negative errno. */
  readonly ret: number;
  /** Bytes that are mapped or unmapped now because of it. */
  readonly bytes: number;
}

/** One non-zero descriptor. */
export interface TableEntry {
  /** 0 nearest the root, 3 the last. */
  readonly level: number;
  /** Index in its table, from 0. */
  readonly index: number;
  /** First IOVA that it translates. */
  readonly iova: bigint;
  /** The descriptor, 64 bits. */
  readonly pte: bigint;
  /** It translates; else it points to a table. */
  readonly leaf: boolean;
}

/**
 * One page table under the IOMMU core, to be driven call by call: the same engine, allocators and flush policies that
 * `pgtrace replay` uses, with the same answers. Calls answer with an errno as the kernel does and throw PgtraceError for
 * arguments that no caller of the kernel could pass.
 */
export class AddressSpace {
  readonly #space: ReplayedSpace;
  readonly #domain: IommuDomain;

  /**
   * Throws PgtraceError (exit code 2) where the kernel would refuse the configuration.
   * @param options - what it is asked for
   */
  constructor(options: AddressSpaceOptions = {}) {
    const space = newSpace(options);
    if (space.domain === null) throw usageError(`the address space was refused: ${space.refusal?.reason}`);
    this.#space = space;
    this.#domain = space.domain;
  }

  /**
   * `iommu_map()`: the core chooses the page sizes; a request that fails leaves nothing mapped.
   * @param iova - first IOVA
   * @param paddr - first physical address
   * @param size - bytes, below 2^53
   * @param prot - letters of `rwcnmp` or the integer of IOMMU_* bits; read, write and cacheable unless given
   * @returns 0 and the bytes mapped, or a negative errno and 0
   */
  map(iova: AddressLike, paddr: AddressLike, size: number | bigint, prot: string | number = PROT_DEFAULT): Answer {
    const from = toAddress('iova', iova);
    const to = toAddress('paddr', paddr);
    const bytes = toBytes('size', size);
    const domain = this.#alive();
    const demand = this.#demand(DEMAND_MAP, from, bytes, to, protOf(prot));
    return this.#carryOut(demand, () => {
      const ret = domain.map(from.hi | 0, from.lo | 0, to.hi | 0, to.lo | 0, bytes, demand.prot);
      return { ret, bytes: ret === 0 ? domain.mapped : 0 };
    });
  }

  /**
   * `iommu_unmap()`, its gather synced.
   * @param iova - first IOVA
   * @param size - bytes, below 2^53
   * @returns 0 and the bytes that were removed: whole blocks may exceed `size`
   */
  unmap(iova: AddressLike, size: number | bigint): Answer {
    const from = toAddress('iova', iova);
    const asked = toBytes('size', size);
    const domain = this.#alive();
    return this.#carryOut(this.#demand(DEMAND_UNMAP, from, asked), () => ({
      ret: 0,
      bytes: domain.unmap(from.hi | 0, from.lo | 0, asked),
    }));
  }

  /**
   * One raw `map_pages()` of the engine: at most to the end of one table.
   * @param iova - first IOVA
   * @param paddr - first physical address
   * @param pgsize - bytes of a page
   * @param pgcount - pages
   * @param prot - letters of `rwcnmp` or the integer of IOMMU_* bits; read, write and cacheable unless given
   * @returns 0 or a negative errno, and the bytes mapped, which a failure leaves mapped
   */
  mapPages(
    iova: AddressLike,
    paddr: AddressLike,
    pgsize: number,
    pgcount: number,
    prot: string | number = PROT_DEFAULT,
  ): Answer {
    const from = toAddress('iova', iova);
    const to = toAddress('paddr', paddr);
    const page = toBytes('pgsize', pgsize);
    const count = toCount('pgcount', pgcount);
    const { table } = this.#alive();
    const demand = this.#demand(DEMAND_MAP, from, page * count, to, protOf(prot));
    demand.pgsize = page;
    demand.pgcount = count;
    return this.#carryOut(demand, () => {
      const ret = mapPages(table, from.hi | 0, from.lo | 0, to.hi | 0, to.lo | 0, page, count, demand.prot);
      return { ret, bytes: table.mapped };
    });
  }

  /**
   * One raw `unmap_pages()` with a gather of its own, synced after it.
   * @param iova - first IOVA
   * @param pgsize - bytes of a page
   * @param pgcount - pages
   * @returns 0 and the bytes that were removed
   */
  unmapPages(iova: AddressLike, pgsize: number, pgcount: number): Answer {
    const from = toAddress('iova', iova);
    const page = toBytes('pgsize', pgsize);
    const count = toCount('pgcount', pgcount);
    const domain = this.#alive();
    const demand = this.#demand(DEMAND_UNMAP, from, page * count);
    demand.pgsize = page;
    demand.pgcount = count;
    return this.#carryOut(demand, () => ({
      ret: 0,
      bytes: domain.unmapPagesSynced(from.hi | 0, from.lo | 0, page, count),
    }));
  }

  /**
   * `iova_to_phys()`.
   * @param iova - the IOVA, any byte
   * @returns the physical address of that byte; null where nothing is mapped
   */
  iovaToPhys(iova: AddressLike): bigint | null {
    const from = toAddress('iova', iova);
    const { table } = this.#alive();
    return iovaToPhys(table, from.hi, from.lo) ? fromHalves(table.foundHi, table.foundLo) : null;
  }

  /** Every non-zero entry, depth first: an entry, then what lies below it. */
  entries(): TableEntry[] {
    const found: TableEntry[] = [];
    visitEntries(this.#alive().table, ({ level, index, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
      found.push({ level, index, iova: fromHalves(iovaHi, iovaLo), pte: fromHalves(pteHi, pteLo), leaf: kid === 0 });
      return true;
    });
    return found;
  }

  /** The counters by name, as in the statistics of a replay. */
  get counters(): Counters {
    return countersOf(this.#space);
  }

  /** Frees every table; further calls throw. */
  destroy(): void {
    this.#alive().table.destroy();
    this.#space.allocator.teardown();
    this.#space.destroyed = true;
  }

  #alive(): IommuDomain {
    if (this.#space.destroyed) throw destroyed();
    return this.#domain;
  }

  #demand(kind: number, from: Address, bytes: number, to: Address = NOWHERE, prot = PROT_DEFAULT): Demand {
    const demand = new Demand();
    demand.set(kind, from.hi, from.lo, bytes, 0, 0);
    demand.paddrHi = to.hi;
    demand.paddrLo = to.lo;
    demand.prot = prot;
    return demand;
  }

  /** Runs an operation; one that the allocator wants to hear of between its reservation and the return of the surplus. */
  #carryOut(demand: Demand, operate: () => Answer): Answer {
    const space = this.#space;
    let answer: Answer = { ret: -ENOMEM, bytes: 0 };
    if (!space.announced) answer = operate();
    else {
      space.tick();
      const ticket = space.submit([demand]);
      if (space.begin(ticket)) answer = operate();
      space.end(ticket);
      space.cleanup(ticket);
    }
    if (answer.ret !== 0) space.failed(answer.ret);
    return answer;
  }
}

const NOWHERE: Address = { hi: 0, lo: 0 };

function destroyed(): PgtraceError {
  return usageError('the address space has been destroyed');
}

/** Letters or the integer of IOMMU_* bits. Throws PgtraceError for others. */
function protOf(prot: string | number): number {
  const bits = typeof prot === 'string' ? protBits(prot) : prot;
  if (bits === null || !Number.isInteger(bits) || bits < 0 || bits > PROT_ALL) {
    throw mustBe('prot', prot, 'letters of "rwcnmp" or the integer of IOMMU_* bits');
  }
  return bits;
}
