import { exactSize } from '../../../base/sizes.ts';
import { hexNumber } from '../../../base/u64.ts';
import type { DomainEvent, Hex } from '../../events.ts';
import type { PgtableAlloc } from '../payload.ts';
import { PGSIZES_BY_GRANULE } from './granule.ts';

/** The event that declares a recorded address space; without a recorded configuration the language's defaults hold. */
export function domainEvent(id: string, granule: number, alloc: PgtableAlloc | undefined): DomainEvent {
  const pgsizes = hexNumber(alloc?.pgsizes ?? PGSIZES_BY_GRANULE[granule]) as Hex;
  const common = { op: 'domain', id, cpuPageSize: granule, pgsizes } as const;
  if (alloc === undefined) return { ...common, comment: `configuration assumed, ${exactSize(granule)} granule` };
  return {
    ...common,
    format: alloc.format,
    ias: alloc.ias,
    oas: alloc.oas,
    coherent: alloc.coherent,
    quirks: alloc.quirks,
    comment: 'configuration recorded',
  };
}
