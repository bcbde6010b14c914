import { type Probe, probeBytes, ringBytes } from './probe.ts';
import type { Recipe } from './recipe.ts';

/** How far a ring buffer reaches. */
export interface Capacity {
  /** Bytes of one raw call: its entry and its return. */
  readonly mapBytes: number;
  readonly unmapBytes: number;
  /** Bytes of one event by the group of tracepoints that it is in. */
  readonly eventBytes: readonly { readonly group: string; readonly bytes: number }[];
  /** Requests of one raw call each, with their events, that the buffer of one CPU holds. */
  readonly requests: number;
}

/** The ring buffer consists of pages whose first bytes hold a time and a length (ring_buffer.c:BUF_PAGE_HDR_SIZE). */
export const RING_PAGE = 4096;
export const RING_PAGE_HEADER = 16;

/** Bytes of the common fields and the fields of `iommu:map`; `iommu:unmap` has as many. */
const IOMMU_EVENT = 8 + 24;
/** The same for `dma:dma_map_page` with the name of a PCI device, which is 12 letters and a zero byte. */
const DMA_EVENT = 56 + 13;

/**
 * What the events of a recipe take in the ring buffer. What stays free at the end of a page, and the 8 bytes of a time far
 * from the one before, are left out.
 */
export function capacityOf({ probes, groups, bufferBytes }: Recipe): Capacity {
  const mapBytes = pairBytes(probes, 'arm_lpae_map_pages');
  const unmapBytes = pairBytes(probes, 'arm_lpae_unmap_pages');
  const eventBytes = groups.map((group) => ({ group, bytes: ringBytes(group === 'dma' ? DMA_EVENT : IOMMU_EVENT) }));
  const request = eventBytes.reduce((sum, { bytes }) => sum + bytes, Math.max(mapBytes, unmapBytes));
  const usable = Math.floor(bufferBytes / RING_PAGE) * (RING_PAGE - RING_PAGE_HEADER);
  return { mapBytes, unmapBytes, eventBytes, requests: Math.floor(usable / request) };
}

function pairBytes(probes: readonly Probe[], name: string): number {
  return probes.filter((probe) => probe.function === name).reduce((sum, probe) => sum + probeBytes(probe), 0);
}
