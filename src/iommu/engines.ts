import type { ModelKind } from '../base/model.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { IommuDomain } from './domain.ts';
import type { DomainTlb } from './domain-tlb.ts';
import { FLUSH_FEATURES, type FlushFeature, GenericDomain } from './generic/generic-domain.ts';
import { MeteredDomain } from './metered-domain.ts';

/** A page-table engine as the command line knows it. */
export interface EngineKind extends ModelKind {
  /** `metered`: what operations cost in descriptors is wanted, which the generic engine counts anyway. */
  create(table: PageTable, tlb: DomainTlb, parameters: Readonly<Record<string, string>>, metered: boolean): IommuDomain;
}

export const ENGINES: readonly EngineKind[] = [
  {
    name: 'arm',
    help: 'io-pgtable-arm under the IOMMU core: raw calls that end with a table',
    parameters: [],
    create: (table, tlb, _parameters, metered) =>
      metered ? new MeteredDomain(table, tlb) : new IommuDomain(table, tlb),
  },
  {
    name: 'generic',
    help: "the kernel's generic_pt: one walk over a whole range",
    parameters: [
      {
        name: 'flush',
        values: FLUSH_FEATURES,
        initial: 'range',
        help: 'invalidate the range of the operation, or only what changed in it',
      },
    ],
    create: (table, tlb, parameters) => new GenericDomain(table, tlb, (parameters['flush'] ?? 'range') as FlushFeature),
  },
];
