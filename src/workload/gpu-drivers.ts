import type { GpuDriver } from '../base/vocabulary.ts';
import type { DomainEvent } from '../trace/events.ts';

/** True for drivers whose VM_BIND can map a range to nothing. */
export function hasNullMaps(driver: GpuDriver): boolean {
  return driver === 'msm' || driver === 'nouveau' || driver === 'xe';
}

/** The address space of a workload. All drivers get the same, so that their numbers can be compared, but for msm. */
export function domainEvent(driver: GpuDriver): DomainEvent {
  const msm = driver === 'msm';
  return {
    op: 'domain',
    id: 'vm0',
    // msm maps pages only, since blocks cannot be unmapped in part (msm_iommu.c:msm_iommu_pagetable_create).
    pgsizes: msm ? '0x1000' : '0x201000',
    ias: 48,
    oas: 48,
    ...(msm ? { quirks: ['NO_WARN'] } : {}),
    driver,
    resident: true,
  };
}
