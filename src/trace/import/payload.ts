import type { Address } from '../../base/u64.ts';
import type { Format, Quirk } from '../../base/vocabulary.ts';
import type { BindEvent, BoEvent, DomainEvent } from '../events.ts';

/** `iommu:map`: one physically contiguous chunk that `iommu_map()` was given. */
export interface IommuMap {
  readonly kind: 'iommu-map';
  /** Domain or device name that some vendor kernels print. */
  readonly name: string | null;
  readonly iova: Address;
  readonly paddr: Address;
  readonly size: number;
  readonly prot: number | null;
  /** 0 where the line is printed after success only, null where it is printed before the map is tried. */
  readonly ret: 0 | null;
  /** The recording has no physical address: `paddr` stands in for it. */
  readonly physical?: 'assumed';
  /** A line of the kernel's log, perhaps with the raw calls of the request below it. */
  readonly logged?: true;
}

/** `iommu:unmap`: what was asked and what was removed. */
export interface IommuUnmap {
  readonly kind: 'iommu-unmap';
  readonly name: string | null;
  readonly iova: Address;
  readonly size: number;
  readonly unmapped: number | null;
  readonly logged?: true;
}

/** Entry of a probed raw call. */
export interface PgtableCall {
  readonly kind: 'call';
  readonly isMap: boolean;
  /** The page table's key: its TTBR, or whatever the probe was given. */
  readonly key: string;
  readonly iova: Address;
  readonly paddr: Address;
  readonly pgsize: number;
  readonly pgcount: number;
  readonly prot: number | null;
  /** The caller gave an unmap no gather; null: not recorded. */
  readonly withoutGather: boolean | null;
}

export interface PgtableReturn {
  readonly kind: 'return';
  /** Null: nothing tells; it is that of the innermost open call. */
  readonly isMap: boolean | null;
  readonly ret: number;
}

export interface PgtableAlloc {
  readonly kind: 'alloc';
  readonly format: Format;
  readonly quirks: readonly Quirk[];
  readonly unknownQuirks: number;
  readonly pgsizes: number;
  readonly ias: number;
  readonly oas: number;
  readonly coherent: boolean;
}

export interface PgtableFree {
  readonly kind: 'free';
  readonly key: string;
}

/**
 * A raw call of which only a log line tells, below the request that the same thread logged last: `mapping:` with its page
 * size, `unmapped:` with the bytes that went.
 */
export interface LoggedCall {
  readonly kind: 'logged-call';
  readonly isMap: boolean;
  readonly iova: Address;
  readonly paddr: Address;
  /** Null for unmaps, whose page size is not printed. */
  readonly pgsize: number | null;
  readonly bytes: number;
}

/** One range of a `dma:*` event: where the device sees it. Not page aligned. */
export interface DmaRange {
  readonly iova: Address;
  readonly size: number;
}

/** `dma:dma_map_*`, `dma_unmap_*`, `dma_alloc*`, `dma_free*`: names the device whose request was made just before (an unmap of a scatter list: just after). */
export interface DmaEvent {
  readonly kind: 'dma';
  readonly isMap: boolean;
  readonly device: string;
  /** IOMMU_READ and IOMMU_WRITE by direction; null when the event has none. */
  readonly prot: number | null;
  /** Empty for unmaps of scatter lists, which print no DMA addresses. */
  readonly ranges: readonly DmaRange[];
}

/** Events that change nothing in a page table and help to understand a recording. */
export interface ContextEvent {
  readonly kind: 'context';
  readonly what: 'fault' | 'attach' | 'detach' | 'group' | 'other';
  readonly device: string | null;
}

/** What a recording of this form says of an address space besides its requests; comes before the first of them. */
export interface DeclaredDomain {
  readonly kind: 'declare';
  readonly key: string;
  readonly event: Omit<DomainEvent, 'op' | 'id'>;
}

/** An event of the trace language that a line holds as it is. */
export interface LanguageEvent {
  readonly kind: 'language';
  readonly event: BoEvent | BindEvent;
}

export type Payload =
  | IommuMap
  | IommuUnmap
  | PgtableCall
  | PgtableReturn
  | PgtableAlloc
  | PgtableFree
  | LoggedCall
  | DmaEvent
  | ContextEvent
  | DeclaredDomain
  | LanguageEvent;
