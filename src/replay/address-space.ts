import type { AllocatorStrategy } from '../allocator/strategy.ts';
import { hexHi, hexLo, hexNumber, TWO_32 } from '../base/u64.ts';
import { ENOMEM } from '../base/vocabulary.ts';
import { IommuDomain } from '../iommu/domain.ts';
import { DomainTlb } from '../iommu/domain-tlb.ts';
import type { FlushPolicy, TlbLog } from '../iommu/flush-policy.ts';
import * as C from '../lpae/counters.ts';
import { ConfigRefused, type PgtableConfig, restrictConfig } from '../lpae/format/config.ts';
import { geometryOf } from '../lpae/format/geometry.ts';
import { DEFAULT_TABLE_BASE, DEFAULT_TABLE_MIN, type TableMemory } from '../lpae/memory.ts';
import { PageTable } from '../lpae/page-table.ts';

/** Why an address space could not be created. */
export interface Refusal {
  readonly ret: number;
  readonly reason: string;
  readonly warns: number;
}

/** What an address space is made from. */
export interface SpaceParts {
  readonly id: string;
  readonly config: PgtableConfig;
  readonly memory: TableMemory;
  readonly allocator: AllocatorStrategy;
  readonly allocatorName: string;
  /** Makes the flush policy, told the domain's smallest page. */
  readonly policy: (smallestPage: number) => FlushPolicy;
  readonly policyName: string;
  readonly log: TlbLog | null;
  readonly tableBase: string | undefined;
  readonly tableMin: number | undefined;
  /** The n-th table allocation fails, the start table's counted; 0: none. */
  readonly failAllocIn: number;
}

/** Operations that reached an address space, by op code, and what came of them. */
export class SpaceTally {
  readonly ops = new Float64Array(16);
  /** Failed operations by errno. */
  readonly errors = new Map<number, number>();
  returnsChecked = 0;
  returnsEqual = 0;

  failed(ret: number): void {
    this.errors.set(ret, (this.errors.get(ret) ?? 0) + 1);
  }
}

/** One address space of a replay: its table, its TLB side, its allocator; or the reason why there is none. */
export class AddressSpace {
  readonly id: string;
  readonly asked: PgtableConfig;
  readonly allocator: AllocatorStrategy;
  /** The models as `NAME,k=v`. */
  readonly allocatorName: string;
  readonly policyName: string;
  policy: FlushPolicy | null = null;
  readonly tally = new SpaceTally();
  readonly domain: IommuDomain | null;
  readonly refusal: Refusal | null;
  destroyed = false;

  constructor(parts: SpaceParts) {
    this.id = parts.id;
    this.asked = parts.config;
    this.allocator = parts.allocator;
    this.allocatorName = parts.allocatorName;
    this.policyName = parts.policyName;
    let domain: IommuDomain | null = null;
    let refusal: Refusal | null = null;
    try {
      const { granule } = geometryOf(restrictConfig(parts.config));
      this.policy = parts.policy(granule);
      const tlb = new DomainTlb(parts.config.kernel, this.policy, parts.log);
      const placement = {
        addresses: parts.memory.addresses,
        base:
          parts.tableBase === undefined ? DEFAULT_TABLE_BASE : hexHi(parts.tableBase) * TWO_32 + hexLo(parts.tableBase),
        min: parts.tableMin ?? DEFAULT_TABLE_MIN,
      };
      const table = new PageTable(parts.config, parts.memory, parts.allocator, tlb, placement, parts.failAllocIn);
      if (table.root === 0) refusal = { ret: -ENOMEM, reason: 'no memory for the start table', warns: 0 };
      else domain = new IommuDomain(table, tlb);
    } catch (error) {
      if (!(error instanceof ConfigRefused)) throw error;
      refusal = { ret: -22, reason: error.message, warns: error.warns };
    }
    this.domain = domain;
    this.refusal = refusal;
  }

  get table(): PageTable | null {
    return this.domain?.table ?? null;
  }

  /** The engine's counters; all zero for an address space that was refused. */
  get counters(): Float64Array {
    return this.domain?.table.counters ?? NO_COUNTERS;
  }

  /** Simulated address of the start table, in hex. */
  get rootAddress(): string {
    const { table } = this;
    return table === null ? '0x0' : hexNumber(table.memory.addressOf(table.root));
  }
}

const NO_COUNTERS = new Float64Array(C.COUNTERS);
