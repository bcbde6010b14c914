import { DEMAND_MAP, DEMAND_TABLES, DEMAND_UNMAP, Demand } from '../../src/allocator/demand.ts';
import { type FormulaName, formulaFor } from '../../src/allocator/need/formulas.ts';
import { Need } from '../../src/allocator/need/need.ts';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { type AllocatorStrategy, REFUSED } from '../../src/allocator/strategy.ts';
import type { AllocatorStats } from '../../src/allocator/tickets/allocator-stats.ts';
import { chooseModel, kindOf } from '../../src/base/model.ts';
import { PROT_DEFAULT } from '../../src/base/vocabulary.ts';
import { Smmuv3Flush } from '../../src/flush/smmuv3.ts';
import { IommuDomain } from '../../src/iommu/domain.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import type { PgtableConfig } from '../../src/lpae/format/config.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../src/lpae/table/memory.ts';
import { configFor, halves, makeTable } from '../lpae/fixture.ts';

export const K4 = 2 ** 12;
export const K64 = 2 ** 16;
export const M2 = 2 ** 21;
export const G1 = 2 ** 30;
export const G64 = 2 ** 36;
export const G512 = 2 ** 39;
export const T1 = 2 ** 40;

export const STRATEGIES = ALLOCATORS.map(({ name }) => name);

const memory = new TableMemory(4096);

/** A strategy as `NAME,k=v` names it. */
export function makeAllocator(text: string, zero = true): AllocatorStrategy {
  const choice = chooseModel(text, ALLOCATORS);
  if (typeof choice === 'string') throw new Error(choice);
  return kindOf(choice, ALLOCATORS).create(choice.parameters, { zero });
}

/** An address space with an allocator of its own. */
export class Space {
  readonly allocator: AllocatorStrategy;
  readonly table: PageTable;
  readonly domain: IommuDomain;
  /** Pages reserved for the last unit that was submitted. */
  reserved = 0;

  constructor(text: string, config: PgtableConfig = configFor('7.1'), zero = true) {
    this.allocator = makeAllocator(text, zero);
    const policy = new Smmuv3Flush({ kernel: config.kernel, ril: true, smallestPage: K4 }, null);
    const tlb = new DomainTlb(config.kernel, policy, null);
    this.table = new PageTable(config, memory, this.allocator, tlb, defaultPlacement());
    this.domain = new IommuDomain(this.table, tlb);
    this.allocator.attach(this.table);
  }

  get stats(): AllocatorStats {
    return this.allocator.stats;
  }

  submit(...demands: Demand[]): number {
    this.allocator.stats.tick();
    const before = this.stats.reserved;
    const ticket = this.allocator.submit(demands);
    this.reserved = this.stats.reserved - before;
    return ticket;
  }

  /** Runs one operation under a ticket that was got before; its answer, -12 when it may not begin. */
  run(ticket: number, demand: Demand): number {
    const answer = this.allocator.begin(ticket) ? this.carryOut(demand) : -12;
    this.allocator.end(ticket);
    return answer;
  }

  /** All phases of one operation. */
  now(demand: Demand): number {
    if (!this.allocator.announced) return this.carryOut(demand);
    const ticket = this.submit(demand);
    if (ticket === REFUSED) return -12;
    const answer = this.run(ticket, demand);
    this.allocator.cleanup(ticket);
    return answer;
  }

  carryOut(demand: Demand): number {
    const { iovaHi, iovaLo, paddrHi, paddrLo, size } = demand;
    if (demand.kind === DEMAND_UNMAP) return this.domain.unmap(iovaHi, iovaLo, size);
    return this.domain.map(iovaHi, iovaLo, paddrHi, paddrLo, size, PROT_DEFAULT);
  }

  destroy(): void {
    this.table.destroy();
    this.allocator.teardown();
  }
}

/** A map of `size` bytes; without a physical address one that allows for the smallest pages only. */
export function map(iova: number | bigint, size: number, paddr: number = K4): Demand {
  const demand = new Demand();
  demand.kind = DEMAND_MAP;
  [demand.iovaHi, demand.iovaLo] = halves(iova);
  [demand.paddrHi, demand.paddrLo] = halves(paddr);
  demand.size = size;
  return demand;
}

export function unmap(iova: number | bigint, size: number): Demand {
  const demand = map(iova, size, 0);
  demand.kind = DEMAND_UNMAP;
  return demand;
}

export function tables(pages: number): Demand {
  const demand = new Demand();
  demand.kind = DEMAND_TABLES;
  demand.pages = pages;
  return demand;
}

/** What a formula reserves, by level. */
export function needed(formula: FormulaName, config: PgtableConfig, ...demands: Demand[]): number[] {
  const need = new Need();
  formulaFor(formula, makeTable(config))(demands, need);
  return [...need.byLevel];
}

export function sum(numbers: readonly number[] | Float64Array): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
