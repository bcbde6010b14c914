import type { EventPlan } from './raw-events.ts';

/*
 * Events as kernels of 6.1 and 6.12 lay them out, on whichever machine.
 */

export const MAP: EventPlan = {
  system: 'iommu',
  name: 'map',
  id: 996,
  fields: [
    ['u64', 'iova'],
    ['u64', 'paddr'],
    ['size_t', 'size'],
  ],
  print:
    '"IOMMU: iova=0x%016llx - 0x%016llx paddr=0x%016llx size=%zu", REC->iova, REC->iova + REC->size, REC->paddr, REC->size',
};

export const UNMAP: EventPlan = {
  system: 'iommu',
  name: 'unmap',
  id: 995,
  fields: [
    ['u64', 'iova'],
    ['size_t', 'size'],
    ['size_t', 'unmapped_size'],
  ],
  print:
    '"IOMMU: iova=0x%016llx - 0x%016llx size=%zu unmapped_size=%zu", REC->iova, REC->iova + REC->size, REC->size, REC->unmapped_size',
};

export const ATTACH: EventPlan = {
  system: 'iommu',
  name: 'attach_device_to_domain',
  id: 998,
  fields: [['__data_loc char[]', 'device']],
};

export const FAULT: EventPlan = {
  system: 'iommu',
  name: 'io_page_fault',
  id: 994,
  fields: [
    ['__data_loc char[]', 'device'],
    ['__data_loc char[]', 'driver'],
    ['u64', 'iova'],
    ['int', 'flags'],
  ],
};

export const DMA_MAP_PAGE: EventPlan = {
  system: 'dma',
  name: 'dma_map_page',
  id: 314,
  fields: [
    ['__data_loc char[]', 'device'],
    ['u64', 'phys_addr'],
    ['u64', 'dma_addr'],
    ['size_t', 'size'],
    ['enum dma_data_direction', 'dir'],
    ['unsigned long', 'attrs'],
  ],
};

export const DMA_MAP_SG: EventPlan = {
  system: 'dma',
  name: 'dma_map_sg',
  id: 305,
  fields: [
    ['__data_loc char[]', 'device'],
    ['int', 'full_nents'],
    ['int', 'full_ents'],
    ['bool', 'truncated'],
    ['__data_loc u64[]', 'phys_addrs'],
    ['__data_loc u64[]', 'dma_addrs'],
    ['__data_loc unsigned int[]', 'lengths'],
    ['enum dma_data_direction', 'dir'],
    ['unsigned long', 'attrs'],
  ],
};

export const DMA_UNMAP_SG: EventPlan = {
  system: 'dma',
  name: 'dma_unmap_sg',
  id: 303,
  fields: [
    ['__data_loc char[]', 'device'],
    ['__data_loc u64[]', 'addrs'],
    ['enum dma_data_direction', 'dir'],
    ['unsigned long', 'attrs'],
  ],
};

export const DMA_SYNC: EventPlan = {
  system: 'dma',
  name: 'dma_sync_single_for_cpu',
  id: 302,
  fields: [
    ['__data_loc char[]', 'device'],
    ['u64', 'dma_addr'],
    ['size_t', 'size'],
    ['enum dma_data_direction', 'dir'],
  ],
};

export const PROBE_MAP: EventPlan = {
  system: 'lpae',
  name: 'map',
  id: 1206,
  fields: [
    ['unsigned long', '__probe_ip'],
    ['u64', 'ttbr'],
    ['u64', 'iova'],
    ['u64', 'paddr'],
    ['u64', 'pgsize'],
    ['u64', 'pgcount'],
    ['u32', 'prot'],
  ],
};

export const PROBE_MAP_RET: EventPlan = {
  system: 'lpae',
  name: 'map_ret',
  id: 1207,
  fields: [
    ['unsigned long', '__probe_func'],
    ['unsigned long', '__probe_ret_ip'],
    ['s32', 'ret'],
  ],
};

export const PROBE_UNMAP: EventPlan = {
  system: 'lpae',
  name: 'unmap',
  id: 1208,
  fields: [
    ['unsigned long', '__probe_ip'],
    ['u64', 'ttbr'],
    ['u64', 'iova'],
    ['u64', 'pgsize'],
    ['u64', 'pgcount'],
  ],
};

export const PROBE_UNMAP_RET: EventPlan = {
  system: 'lpae',
  name: 'unmap_ret',
  id: 1209,
  fields: [
    ['unsigned long', '__probe_func'],
    ['unsigned long', '__probe_ret_ip'],
    ['u64', 'ret'],
  ],
};

export const PROBE_ALLOC: EventPlan = {
  system: 'lpae',
  name: 'alloc_s1',
  id: 1210,
  fields: [
    ['unsigned long', '__probe_ip'],
    ['u64', 'quirks'],
    ['u64', 'pgsize_bitmap'],
    ['u32', 'ias'],
    ['u32', 'oas'],
    ['u8', 'coherent_walk'],
  ],
};

export const PROBE_FREE: EventPlan = {
  system: 'lpae',
  name: 'free',
  id: 1211,
  fields: [
    ['unsigned long', '__probe_ip'],
    ['u64', 'ttbr'],
  ],
};
