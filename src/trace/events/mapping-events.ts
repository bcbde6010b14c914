import type { MapArguments } from '../../base/extended-prot.ts';
import type { DomainEventBase, Hex } from './event-base.ts';

/*
 * Events that map, unmap and look at what is mapped.
 */

/** Letters (`rwcnmp`) or the integer of IOMMU_* bits. */
export type Prot = string | number;

/** What becomes of an unmap's invalidation: `queued` is left to a flush queue, `none` has no gather at all. */
export type GatherMode = 'queued' | 'none';

/** Maps take shareability, attribute index, contiguous hint and software bits beside their protection, which has them otherwise. */
export interface MapEvent extends DomainEventBase, MapArguments {
  /** The operation. */
  readonly op: 'map';
  /** First IOVA. */
  readonly iova: Hex;
  /** First physical address. */
  readonly paddr: Hex;
  /** Bytes. */
  readonly size: number;
  /** Protection; read, write and cacheable unless it says. */
  readonly prot?: Prot;
  /** What the recorded call returned: 0 or a negative errno of a map, the bytes that an unmap removed. */
  readonly ret?: number;
}

/** A request to the IOMMU core to unmap a range (`iommu_unmap()`). */
export interface UnmapEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'unmap';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** The leaves are invalidated later (`iommu_unmap_fast()`); left out: before it returns. */
  readonly gather?: 'queued';
  /** What the recorded call returned: bytes. */
  readonly ret?: number;
}

/** One raw map call of the engine (`map_pages()`). */
export interface MapPagesEvent extends DomainEventBase, MapArguments {
  /** The operation. */
  readonly op: 'map_pages';
  /** First IOVA. */
  readonly iova: Hex;
  /** First physical address. */
  readonly paddr: Hex;
  /** Bytes of a page. */
  readonly pgsize: number;
  /** Pages, at most to the end of one table. */
  readonly pgcount: number;
  /** Protection; read, write and cacheable unless it says. */
  readonly prot?: Prot;
  /** What the recorded call returned: 0 or a negative errno. */
  readonly ret?: number;
}

/** One raw unmap call of the engine (`unmap_pages()`). */
export interface UnmapPagesEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'unmap_pages';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes of a page. */
  readonly pgsize: number;
  /** Pages, at most to the end of one table. */
  readonly pgcount: number;
  /** `queued`: invalidated later; `none`: the caller gave no gather; left out: synced after the call. */
  readonly gather?: GatherMode;
  /** What the recorded call returned: bytes. */
  readonly ret?: number;
}

/** A look-up (`iova_to_phys()`). */
export interface IovaToPhysEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'iova_to_phys';
  /** The IOVA, any byte. */
  readonly iova: Hex;
  /** What the look-up is expected to give; `0x0`: unmapped, or mapped to address 0, which the kernel does not tell apart. */
  readonly paddr?: Hex;
}

/** A look-up that tells the entry of every level. */
export interface WalkEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'walk';
  /** The IOVA, any byte. */
  readonly iova: Hex;
}

/** Maps one physical run over and over. */
export interface RepeatEvent extends DomainEventBase, MapArguments {
  /** The operation. */
  readonly op: 'repeat';
  /** First IOVA. */
  readonly iova: Hex;
  /** A multiple of `length`, the bytes at `paddr` that are mapped over and over. */
  readonly size: number;
  /** First physical address of the run. */
  readonly paddr: Hex;
  /** Bytes of the run. */
  readonly length: number;
  /** Protection; read, write and cacheable unless it says. */
  readonly prot?: Prot;
}

/** Hardware writes through the leaf of an IOVA. */
export interface SetDirtyEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'set_dirty';
  /** The IOVA, any byte. */
  readonly iova: Hex;
}

/** Software reads the dirty state of a range. */
export interface ReadDirtyEvent extends DomainEventBase {
  /** The operation. */
  readonly op: 'read_dirty';
  /** First IOVA. */
  readonly iova: Hex;
  /** Bytes. */
  readonly size: number;
  /** And clears it. */
  readonly clear?: boolean;
}
