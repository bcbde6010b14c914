import type { AllocatorStrategy } from '../../allocator/strategy.ts';
import type { Driver } from '../../base/vocabulary.ts';
import type { GpuVm, ReservationDesk } from '../../gpuvm/gpu-vm.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import type { DomainTlb } from '../../iommu/domain-tlb.ts';
import type { FlushPolicy, TlbLog } from '../../iommu/flush-policy.ts';
import type { PgtableConfig } from '../../lpae/format/config.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { TableMemory } from '../../lpae/table/memory.ts';

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
  readonly driver: Driver;
  /** Makes the GPU driver's side of it; null for plain IOMMU domains. */
  readonly gpu: ((table: PageTable | null, desk: ReservationDesk) => GpuVm) | null;
  /** The driver has page tables of a format of its own: there is no LPAE table. */
  readonly ownFormat: boolean;
  readonly allocator: AllocatorStrategy;
  readonly allocatorName: string;
  /** Makes the flush policy, told the domain's smallest page. */
  readonly policy: (smallestPage: number) => FlushPolicy;
  readonly policyName: string;
  readonly log: TlbLog | null;
  /** Puts an engine behind the IOMMU core's side of it; left out: io-pgtable-arm. */
  readonly engine?: (table: PageTable, tlb: DomainTlb) => IommuDomain;
  readonly tableBase: string | undefined;
  readonly tableMin: number | undefined;
  /** The n-th table allocation fails, the start table's counted; 0: none. */
  readonly failAllocIn: number;
  /** Why there cannot be one, before anything is made; left out: nothing is in the way. */
  readonly refusal?: Refusal | null;
}
