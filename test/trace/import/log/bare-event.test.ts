import { describe, expect, it } from 'vitest';
import { BareEventReader } from '../../../../src/trace/import/log/bare-event.ts';
import { at, hasPublicSamples, payloadsOf, publicLines } from './log-lines.ts';

const HEAD = { thread: 'log', comm: '', seconds: -1, nanos: 0, unreadable: 0 };
const MAP = { kind: 'iommu-map', name: null, iova: at(0x1000), paddr: at(0x3000), size: 4096, prot: null, ret: 0 };

describe('events without columns', () => {
  it.each([
    'map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
    '  map: IOMMU: iova=0x1000 paddr=0x3000 size=4096\r',
    '\tmap:                  IOMMU: iova=0x1000 paddr=0x3000 size=4096',
    'iommu:map: IOMMU: iova=0x1000 paddr=0x3000 size=4096',
    'map: iova=0x1000 paddr=0x3000 size=4096',
  ])('%j', (line) => {
    expect(new BareEventReader().read(line)).toEqual({ ...HEAD, payloads: [MAP] });
  });

  it('probed calls and returns', () => {
    const reader = new BareEventReader();
    const call = 'map: (arm_lpae_map_pages+0x0/0x170) ttbr=0x1000 iova=0x1000 paddr=0x3000 pgsize=0x1000 pgcount=1';
    expect(reader.read(call)?.payloads).toMatchObject([{ kind: 'call', key: '0x1000' }]);
    const returned = 'map_ret: (arm_smmu_map_pages+0x24/0x40 <- arm_lpae_map_pages) ret=0x0';
    expect(reader.read(returned)?.payloads).toEqual([{ kind: 'return', isMap: true, ret: 0 }]);
  });

  it.each([
    ['  map: IOMMU: iova=0x1000 - ', 8],
    ['unmap: (arm_lpae_unmap_pages+0x0/0x90) iova=0x1000 pgsize=', 8],
  ])('unreadable: %s', (line, column) => {
    expect(new BareEventReader().read(line)).toMatchObject({ payloads: [], unreadable: column });
  });

  it('others of the group are known', () => {
    const line = '  add_device_to_group: IOMMU: groupID=0 device=0000:00:00.0';
    expect(new BareEventReader().read(line)).toMatchObject({ unreadable: 0 });
  });

  it.each([
    '',
    'text',
    'map: text',
    'map: (see iova=0x1000)',
    'note: (iova=0x1000)',
    'dd-186     [000] d....     6.630235: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
    'iova=0x1000 paddr=0x3000 size=4096',
    '[    7.242126] map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
  ])('none: %j', (line) => {
    expect(new BareEventReader().read(line)).toBeNull();
  });

  it.skipIf(!hasPublicSamples)('the posted ones', () => {
    const payloads = payloadsOf(new BareEventReader(), publicLines('mail-qcom-iommu-devname-2021.txt'));
    expect(payloads).toMatchObject([
      { kind: 'iommu-map', name: null },
      { kind: 'iommu-unmap', name: null, unmapped: 4096 },
      { kind: 'iommu-map', name: '1d84000.ufshc' },
      { kind: 'iommu-unmap', name: '1d84000.ufshc', unmapped: 4096 },
    ]);
  });
});
