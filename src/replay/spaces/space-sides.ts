import { hexHi, hexLo, TWO_32 } from '../../base/u64.ts';
import { ENOMEM } from '../../base/vocabulary.ts';
import { FlushStudy } from '../../flush/study/flush-study.ts';
import type { GpuVm, ReservationDesk } from '../../gpuvm/gpu-vm.ts';
import { IommuDomain } from '../../iommu/domain.ts';
import { DomainTlb, LazyTlb } from '../../iommu/domain-tlb.ts';
import type { FlushPolicy } from '../../iommu/flush-policy.ts';
import { ConfigRefused, restrictConfig } from '../../lpae/format/config.ts';
import { geometryOf } from '../../lpae/format/geometry.ts';
import { PageTable } from '../../lpae/page-table.ts';
import { DEFAULT_TABLE_BASE, DEFAULT_TABLE_MIN } from '../../lpae/table/memory.ts';
import { WatchedAllocator } from '../flush/watched-allocator.ts';
import type { Refusal, SpaceParts } from './space-parts.ts';

/** What an address space consists of once it has been made, as far as that went. */
export interface SpaceSides {
  policy: FlushPolicy | null;
  /** The policy, where it is several, or one that acts on whole operations; and what watches table pages for it. */
  study: FlushStudy | null;
  tablePages: WatchedAllocator | null;
  domain: IommuDomain | null;
  /** The GPU driver's side; null for plain IOMMU domains and refused ones. */
  gpu: GpuVm | null;
  /** Why there is none; null: there is one. */
  refusal: Refusal | null;
}

const NO_START_TABLE: Refusal = { ret: -ENOMEM, reason: 'no memory for the start table', warns: 0 };

/**
 * Makes the sides of an address space: its table with the TLB behind it, the IOMMU core's domain, the GPU driver's part,
 * which reserves at the `desk`. Refused as the kernel refuses it (io-pgtable-arm.c:arm_lpae_alloc_pgtable).
 */
export function makeSides(parts: SpaceParts, desk: ReservationDesk): SpaceSides {
  const sides: SpaceSides = {
    policy: null,
    study: null,
    tablePages: null,
    domain: null,
    gpu: null,
    refusal: parts.refusal ?? null,
  };
  if (sides.refusal !== null) return sides;
  try {
    if (parts.ownFormat) makeOwnFormat(parts, desk, sides);
    else makeTable(parts, desk, sides);
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error;
    sides.refusal = { ret: -22, reason: error.message, warns: error.warns };
  }
  return sides;
}

/** A GPU driver with page tables of its own, which there is no LPAE table for. */
function makeOwnFormat(parts: SpaceParts, desk: ReservationDesk, sides: SpaceSides): void {
  if (parts.failAllocIn === 1) {
    sides.refusal = NO_START_TABLE;
    return;
  }
  sides.gpu = parts.gpu?.(null, desk) ?? null;
  if (sides.gpu?.own && parts.failAllocIn > 1) sides.gpu.own.failAllocIn = parts.failAllocIn - 1;
}

function makeTable(parts: SpaceParts, desk: ReservationDesk, sides: SpaceSides): void {
  const { granule } = geometryOf(restrictConfig(parts.config));
  const policy = parts.policy(granule);
  sides.policy = policy;
  const study = policy instanceof FlushStudy ? policy : null;
  const tlb =
    study?.lazy === true
      ? new LazyTlb(parts.config.kernel, study, parts.log, () => study.hidesLeaves)
      : new DomainTlb(parts.config.kernel, policy, parts.log);
  if (study !== null) {
    sides.study = study;
    sides.tablePages = new WatchedAllocator(parts.allocator, parts.allocator.stats, study);
  }
  const { tableBase } = parts;
  const placement = {
    addresses: parts.memory.addresses,
    base: tableBase === undefined ? DEFAULT_TABLE_BASE : hexHi(tableBase) * TWO_32 + hexLo(tableBase),
    min: parts.tableMin ?? DEFAULT_TABLE_MIN,
  };
  const pages = sides.tablePages ?? parts.allocator;
  const table = new PageTable(parts.config, parts.memory, pages, tlb, placement, parts.failAllocIn);
  study?.attach(table);
  if (table.root === 0) {
    sides.refusal = NO_START_TABLE;
    return;
  }
  sides.gpu = parts.gpu?.(table, desk) ?? null;
  sides.domain = parts.engine?.(table, tlb) ?? new IommuDomain(table, tlb);
  parts.allocator.attach(table);
}
