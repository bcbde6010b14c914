import { describe, expect, it } from 'vitest';
import { QEMU_ADDRESSES, QemuLogReader } from '../../../../src/trace/import/log/qemu-log.ts';
import type { Payload } from '../../../../src/trace/import/payload.ts';
import { at, hasPublicSamples, kindsOf, payloadsOf, publicLines, readAll } from './log-lines.ts';

const NONE = { seconds: -1, nanos: 0 };
const ADD = 'vfio_listener_region_add_ram region_add [ram] 0xc0000 - 0xdffff [0x7f5d1d400000]';
const DEL = 'vfio_listener_region_del region_del 0xc0000 - 0xdffff';
const MAP_DMA =
  'iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0xc0000 size=0x20000 addr=0x7f5d1d400000 readonly=1 (0)';
const UNMAP_DMA = 'iommufd_backend_unmap_dma  iommufd=10 ioas=2 iova=0xc0000 size=0x20000 (0)';
const OTHER_DMA = MAP_DMA.replace('iova=0xc0000', 'iova=0x100000');

const added = {
  kind: 'iommu-map',
  name: 'vfio',
  iova: at(0xc0000),
  size: 0x20000,
  paddr: at(0x7f5d1d400000n),
  physical: 'assumed',
  prot: null,
  ret: null,
};
const deleted = { kind: 'iommu-unmap', name: 'vfio', iova: at(0xc0000), size: 0x20000, unmapped: null };
const mapped = { ...added, name: 'ioas2', prot: 5, ret: 0 };
const unmapped = { ...deleted, name: 'ioas2' };

function read(...lines: string[]): Payload[] {
  return payloadsOf(new QemuLogReader(), lines);
}

describe('trace events of QEMU', () => {
  it.each([
    [ADD, added],
    [ADD.replace('0x7f5d1d400000', '(nil)'), { ...added, paddr: at(0) }],
    [DEL, deleted],
    [MAP_DMA, mapped],
    [MAP_DMA.replace('readonly=1', 'readonly=0'), { ...mapped, prot: 7 }],
    [UNMAP_DMA, unmapped],
    [
      'iommufd_backend_map_file_dma  iommufd=303 ioas=2 iova=0xc0000 size=0x20000 fd=306 start=12128256 readonly=0 (0)',
      { ...mapped, paddr: at(12128256), prot: 7 },
    ],
    [
      'virtio_iommu_map domain=1 virt_start=0xc0000 virt_end=0xdffff phys_start=0x7f5d1d400000 flags=3',
      {
        kind: 'iommu-map',
        name: 'viommu1',
        iova: at(0xc0000),
        size: 0x20000,
        paddr: at(0x7f5d1d400000n),
        prot: 3,
        ret: null,
      },
    ],
    [
      'virtio_iommu_map domain=1 virt_start=0xfffffffffffff000 virt_end=0xffffffffffffffff phys_start=0x8000000 flags=6',
      {
        kind: 'iommu-map',
        name: 'viommu1',
        iova: at(0xfffffffffffff000n),
        size: 4096,
        paddr: at(0x8000000),
        prot: 18,
        ret: null,
      },
    ],
    ['virtio_iommu_unmap domain=1 virt_start=0xc0000 virt_end=0xdffff', { ...deleted, name: 'viommu1' }],
    // With and without address space identifiers.
    [
      'vhost_vdpa_dma_map vdpa:0x55d0 fd: 16 msg_type: 2 asid: 1 iova: 0xc0000 size: 0x20000 uaddr: 0x7f5d1d400000 perm: 0x1 type: 2',
      { ...added, name: 'vdpa1', prot: 5 },
    ],
    [
      'vhost_vdpa_dma_map vdpa_shared:0x55d0 fd: 16 msg_type: 2 asid: 0 iova: 0xc0000 size: 0x20000 uaddr: 0x7f5d1d400000 perm: 0x3 type: 2',
      { ...added, name: 'vdpa0', prot: 7 },
    ],
    [
      'vhost_vdpa_dma_unmap vdpa:0x55d0 fd: 16 msg_type: 2 iova: 0xc0000 size: 0x20000 type: 3',
      { ...deleted, name: 'vdpa0' },
    ],
  ])('%s', (line, payload) => {
    expect(read(line)).toEqual([payload]);
  });

  it.each([
    'vfio_listener_region_add_skip SKIPPING region_add 0xfec00000 - 0xfec00fff',
    'vfio_listener_region_skip SKIPPING region_del 0xfec00000 - 0xfec00fff',
    'vfio_listener_region_add_iommu region_add [iommu] 0x0 - 0xffffffffffffffff',
    'iommufd_backend_unmap_dma_non_exist  Unmap nonexistent mapping: iommufd=10 ioas=2 iova=0x0 size=0x1000 (0)',
    'iommufd_backend_alloc_ioas  iommufd=27 ioas=2',
    'iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0x380000001000 size=0x3000 addr=0x7fce2c28b000 readonly=0 (-1)',
    'iommufd_backend_unmap_dma  iommufd=10 ioas=2 iova=0x380000001000 size=0x3000 (-22)',
    'virtio_iommu_unmap_done domain=1 virt_start=0xc0000 virt_end=0xdffff',
    'virtio_iommu_attach domain=1 endpoint=24',
    'virtio_iommu_get_domain Alloc domain=1',
    'virtio_iommu_detach_endpoint_from_domain domain=1 endpoint=24',
    'smmuv3_translate_success smmuv3-iommu-memory-region-1-0 sid=0x1 iova=0xfffff000 translated=0x40a00000 perm=0x3 stage=1',
    'smmu_ptw_level stage=1 level=0 iova=0x8000000000 subpage_sz=0x8000000000 baseaddr=0x48107000 offset=1 => pte=0x0',
    'vfio_region_mmap Region 0008:01:00.0 BAR 0 mmaps[0] [0x0 - 0x3ffffff]',
    'vfio_dma_map(0x557b8fd281b0, 0xc0000, 0x1000, 0x7f66406c0000) = -22 (Resource temporarily unavailable)',
  ])('of no use: %s', (line) => {
    expect(new QemuLogReader().read(line)).toMatchObject({ payloads: [], unreadable: 0 });
  });

  it.each([
    '',
    'text',
    'qemu-system-x86_64: IOMMU_IOAS_MAP failed: Invalid argument',
    '[    7.242126] vfio_pci: add [10de:1eb8[ffffffff:ffffffff]] class 0x000000/00000000',
    'Nov 20 21:49:01 host kernel: vfio_pci: add [10de:1eb8]',
    'vfio_test-12    [001] ..s1.   1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
  ])('none: %j', (line) => {
    expect(new QemuLogReader().read(line)).toBeNull();
  });

  it.each([
    [ADD.slice(0, -1), ADD.indexOf('region_add [')],
    [ADD.replace('0xdffff', '0xbffff'), ADD.indexOf('region_add [')],
    [ADD.replace('0xdffff', '0xffffffffffffffff'), ADD.indexOf('region_add [')],
    ['iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0xc0000', 25],
    ['virtio_iommu_unmap', 18],
  ])('unreadable: %s', (line, index) => {
    expect(new QemuLogReader().read(line)).toMatchObject({ payloads: [], unreadable: index + 1 });
  });

  it('an unmap of all 64 bits is one of all that a page table can have', () => {
    const most = 2 ** 53 - 4096;
    expect(read('vfio_listener_region_del region_del 0x0 - 0xffffffffffffffff')).toMatchObject([{ size: most }]);
    const line = 'iommufd_backend_unmap_dma  iommufd=10 ioas=2 iova=0x0 size=0x8000000000000000 (0)';
    expect(read(line)).toMatchObject([{ size: most }]);
  });
});

describe('what stands before an event', () => {
  it.each([
    ['', 'log', NONE],
    ['7131@1620207496.158864:', '7131', { seconds: 0, nanos: 158864000 }],
    ['2021-05-05T09:38:16.158864Z qemu-system-x86_64: ', 'log', { seconds: 0, nanos: 158864000 }],
    ['2021-05-05T09:38:16.158864Z ', 'log', { seconds: 0, nanos: 158864000 }],
    ['2021-05-05T09:38:16.158864+00:00 ', 'log', { seconds: 0, nanos: 158864000 }],
    ['qemu-system-x86_64: ', 'log', NONE],
    ['[fish food] qemu-system-x86_64: (1144713:main): ', '1144713', NONE],
    [
      '2021-05-05T09:38:16.158864Z qemu-system-x86_64: (1144713:CPU 0/KVM): ',
      '1144713',
      { seconds: 0, nanos: 158864000 },
    ],
    ['янв 13 18:17:37 VM qemu-system-x86_64[7131]: ', '7131', NONE],
    ['Jan 13 18:17:37 VM qemu-system-x86_64[7131]: ', '7131', NONE],
    ['> ', 'log', NONE],
  ])('%j', (lead, thread, stamp) => {
    const event = { thread, comm: '', ...stamp, unreadable: 0 };
    expect(new QemuLogReader().read(`${lead}${MAP_DMA}\r`)).toEqual({ ...event, payloads: [mapped] });
    // The listener's comes out with its own head.
    const reader = new QemuLogReader();
    expect(reader.read(`${lead}${ADD}`)).toEqual({ ...event, payloads: [] });
    expect(reader.finish()).toEqual({ ...event, payloads: [added] });
  });
});

describe('one operation that is told twice', () => {
  it('is the call of iommufd', () => {
    expect(read(ADD, MAP_DMA)).toEqual([mapped]);
    expect(read(DEL, UNMAP_DMA)).toEqual([unmapped]);
    expect(read(ADD, 'vfio_region_mmap Region x BAR 0 mmaps[0] [0x0 - 0x3ffffff]', 'text', MAP_DMA)).toEqual([mapped]);
  });

  it('is both when they are about something else', () => {
    expect(read(ADD, OTHER_DMA)).toMatchObject([added, { name: 'ioas2' }]);
    expect(read(ADD, UNMAP_DMA)).toEqual([added, unmapped]);
    expect(read(ADD, 'virtio_iommu_unmap domain=1 virt_start=0xc0000 virt_end=0xdffff')).toMatchObject([
      added,
      { name: 'viommu1' },
    ]);
  });

  it('keeps the order', () => {
    expect(read(ADD, DEL, ADD)).toEqual([added, deleted, added]);
    expect(read(MAP_DMA, ADD, DEL, UNMAP_DMA)).toEqual([mapped, added, unmapped]);
  });

  it('a region that the device does not see', () => {
    const line =
      'vfio_listener_region_add_no_dma_map Region "0000:01:00.0 BAR 2 mmaps[0]" 0xc0000 size=0x20000 is not aligned to 0x1000 and cannot be mapped for DMA';
    expect(read(ADD, line, DEL)).toEqual([deleted]);
  });

  it.each(['vfio_dma_map', 'vfio_container_dma_map'])('a map that failed: %s', (name) => {
    const error = `2021-05-05T09:38:16.158864Z qemu-system-x86_64: ${name}(0x557b8fd281b0, 0xc0000, 0x20000, 0x7f5d1d400000) = -22 (Invalid argument)`;
    expect(read(ADD, error)).toEqual([]);
    expect(read(ADD, error.replace('0x20000', '0x1000'))).toEqual([added]);
    expect(read(ADD, error.replace('0xc0000', '0xd0000'))).toEqual([added]);
    expect(read(DEL, error)).toEqual([deleted]);
  });

  it('a call that failed', () => {
    expect(read(ADD, MAP_DMA.replace('(0)', '(-1)'))).toEqual([]);
    expect(read(ADD, OTHER_DMA.replace('(0)', '(-1)'))).toEqual([added]);
  });

  it('all of 64 bits in halves', () => {
    const half = (iova: string): string =>
      `iommufd_backend_unmap_dma  iommufd=10 ioas=2 iova=${iova} size=0x8000000000000000 (0)`;
    const whole = 'vfio_listener_region_del region_del 0x0 - 0xffffffffffffffff';
    expect(read(whole, half('0x0'), half('0x8000000000000000'))).toMatchObject([
      { name: 'ioas2', iova: at(0) },
      { name: 'ioas2', iova: at(2n ** 63n) },
    ]);
  });
});

describe('the end of an address space', () => {
  const MAP = 'virtio_iommu_map domain=1 virt_start=0xc0000 virt_end=0xdffff phys_start=0x7f5d1d400000 flags=3';
  const END = { kind: 'free', key: 'viommu1' };

  it('is the end of the domain', () => {
    expect(read(MAP, 'virtio_iommu_put_domain Free domain=1')).toMatchObject([{ name: 'viommu1' }, END]);
    expect(read(ADD, 'virtio_iommu_put_domain Free domain=1')).toMatchObject([added, END]);
  });

  it('comes when the last endpoint leaves', () => {
    const [first, second] = ['domain=1 endpoint=24', 'domain=1 endpoint=32'];
    expect(read(`virtio_iommu_detach ${first}`)).toEqual([END]);
    const attached = [`virtio_iommu_attach ${first}`, `virtio_iommu_attach ${second}`];
    expect(read(...attached, `virtio_iommu_detach ${first}`)).toEqual([]);
    expect(read(...attached, `virtio_iommu_detach ${first}`, `virtio_iommu_detach ${second}`)).toEqual([END]);
  });
});

describe('the note', () => {
  it('counts the maps that failed', () => {
    const reader = new QemuLogReader();
    reader.read(ADD);
    reader.read(
      'qemu-system-x86_64: vfio_dma_map(0x557b8fd281b0, 0xc0000, 0x20000, 0x7f5d1d400000) = -22 (Invalid argument)',
    );
    expect(reader.note).toMatch(/contiguous; left out, for QEMU tells that they failed: maps of VFIO, 1$/);
  });

  it('comes with the first address that stands in for another', () => {
    const reader = new QemuLogReader();
    reader.read('virtio_iommu_map domain=1 virt_start=0xc0000 virt_end=0xdffff phys_start=0x1000 flags=3');
    reader.read(DEL);
    expect(reader.note).toBeNull();
    reader.read(ADD);
    expect(reader.note).toBe(QEMU_ADDRESSES);
  });
});

describe.skipIf(!hasPublicSamples)('logs of QEMU that people posted', () => {
  it.each([
    ['mail-qemu-vfio-listener-3.1-gvtd.txt', { 'iommu-map': 9, 'iommu-unmap': 6 }],
    // One of four maps failed.
    ['mail-qemu-vfio-listener-overlap-2021.txt', { 'iommu-map': 3, 'iommu-unmap': 2 }],
    ['mail-qemu-vfio-listener-syslog-4.0.txt', { 'iommu-map': 5 }],
    // Three of four are told twice.
    ['mail-qemu-vfio-iommufd-dmabuf-2025.txt', { 'iommu-map': 4 }],
    ['gh-qemu-smmuv3-translate.txt', {}],
  ])('%s', (name, kinds) => {
    const lines = publicLines(name);
    const events = readAll(new QemuLogReader(), lines);
    expect(events.filter(({ unreadable }) => unreadable > 0)).toEqual([]);
    // Every line is an event, and what was held back comes last.
    expect(events.length - lines.length).toBeGreaterThanOrEqual(0);
    expect(kindsOf(events.flatMap(({ payloads }) => payloads))).toEqual(kinds);
  });

  it('the locale of a date does not matter', () => {
    const [event] = readAll(new QemuLogReader(), publicLines('mail-qemu-vfio-listener-syslog-4.0.txt'));
    expect(event).toMatchObject({ thread: '7131', seconds: -1 });
  });

  it('iommufd names the address spaces', () => {
    const payloads = payloadsOf(new QemuLogReader(), publicLines('mail-qemu-vfio-iommufd-dmabuf-2025.txt'));
    expect(payloads.map((payload) => ('name' in payload ? payload.name : ''))).toEqual(Array(4).fill('ioas2'));
  });
});
