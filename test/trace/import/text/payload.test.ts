import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLineReader } from '../../../../src/trace/import/text/event-line.ts';
import { parsePayload } from '../../../../src/trace/import/text/payload-text.ts';

const address = (text: bigint): { hi: number; lo: number } => ({
  hi: Number(text >> 32n),
  lo: Number(text & 0xffffffffn),
});
const IOVA = address(0xfffffffffffff000n);
const PADDR = address(0x1ec80000n);

describe('iommu:map and iommu:unmap in every printed form', () => {
  const map = { kind: 'iommu-map', name: null, iova: IOVA, paddr: PADDR, size: 4096, prot: null, ret: 0 };
  const unmap = { kind: 'iommu-unmap', name: null, iova: IOVA, size: 4096, unmapped: 4096 };
  it.each([
    ['A', 'map', 'IOMMU: iova=0xfffffffffffff000 paddr=0x000000001ec80000 size=0x1000', map],
    ['A', 'unmap', 'IOMMU: iova=0xfffffffffffff000 size=0x1000', { ...unmap, unmapped: null }],
    ['B', 'map', 'IOMMU: iova=0xfffffffffffff000 paddr=0x000000001ec80000 size=4096', map],
    ['B', 'unmap', 'IOMMU: iova=0xfffffffffffff000 size=4096 unmapped_size=4096', unmap],
    ['C', 'map', 'IOMMU: iova=0xfffffffffffff000 - 0x0000000000000000 paddr=0x000000001ec80000 size=4096', map],
    ['C', 'unmap', 'IOMMU: iova=0xfffffffffffff000 - 0x0000000000000000 size=4096 unmapped_size=4096', unmap],
    [
      'D',
      'map',
      'IOMMU:gfx3d_user iova=0xfffffffffffff000 paddr=0x000000001ec80000 size=0x1000 prot=0x7',
      { ...map, name: 'gfx3d_user', prot: 7 },
    ],
    [
      'D',
      'unmap',
      'IOMMU:gfx3d_user iova=0xfffffffffffff000 size=0x1000 unmapped_size=0x1000',
      { ...unmap, name: 'gfx3d_user' },
    ],
    [
      'E',
      'map',
      'IOMMU: dev=1d84000.ufshc iova=0xfffffffffffff000 paddr=0x000000001ec80000 size=4096',
      { ...map, name: '1d84000.ufshc' },
    ],
    [
      'E',
      'unmap',
      'IOMMU: dev=1d84000.ufshc iova=0xfffffffffffff000 size=4096 unmapped_size=4096',
      { ...unmap, name: '1d84000.ufshc' },
    ],
    ['R', 'map', ' iova=0xfffffffffffff000 paddr=0x000000001ec80000 size=4096', map],
    ['R', 'unmap', ' iova=0xfffffffffffff000 size=4096 unmapped_size=4096', unmap],
  ])('form %s, %s', (_, event, args, payload) => {
    expect(parsePayload(event, args)).toEqual(payload);
  });

  it.each([
    ['map_start', 'IOMMU: iova=0x1000 paddr=0x2000 size=4096'],
    ['map_sg_start', 'IOMMU: iova=0x1000 nents=3'],
    ['dma_sync_single_for_cpu', '0000:00:05.0 dir=TO_DEVICE dma_addr=1000 size=16 attrs='],
    ['dma_map_sg_err', '0000:00:05.0 dir=TO_DEVICE err=-12 attrs='],
    ['map', 'IOMMU: iova=0x10000000000000000 paddr=0x2000 size=4096'],
    ['map', 'IOMMU: iova=0x1000 paddr=0x2000 size=18446744073709551615'],
    ['map', 'IOMMU: iova=0x1000 paddr=0x2000'],
  ])('%s %s is none', (event, args) => {
    expect(parsePayload(event, args)).toBeNull();
  });
});

describe('what else helps to place a request', () => {
  const device = '0000:00:05.0';
  const at = (lo: number, size: number) => ({ iova: { hi: 0, lo }, size });

  it.each([
    [
      'dma_map_page',
      `${device} dir=TO_DEVICE dma_addr=fffbe8f8 size=16 phys_addr=482ad8f8 attrs=`,
      true,
      1,
      [at(0xfffbe8f8, 16)],
    ],
    [
      'dma_map_phys',
      `${device} dir=FROM_DEVICE dma_addr=ffff8000 size=4096 phys_addr=47b76000 attrs=WEAK_ORDERING|SKIP_CPU_SYNC`,
      true,
      2,
      [at(0xffff8000, 4096)],
    ],
    ['dma_unmap_resource', `${device} dir=BIDIRECTIONAL dma_addr=1000 size=4096 attrs=`, false, 3, [at(0x1000, 4096)]],
    [
      'dma_alloc',
      `${device} dma_addr=fe980000 size=524288 virt_addr=000000006cadbcb1 flags=GFP_KERNEL attrs=`,
      true,
      null,
      [at(0xfe980000, 524288)],
    ],
    [
      'dma_alloc',
      `${device} dir=BIDIRECTIONAL dma_addr=ffffe000 size=4096 virt_addr=0 flags=GFP_KERNEL attrs=`,
      true,
      3,
      [at(0xffffe000, 4096)],
    ],
    [
      'dma_free',
      `${device} dma_addr=fe980000 size=524288 virt_addr=000000006cadbcb1 attrs=`,
      false,
      null,
      [at(0xfe980000, 524288)],
    ],
    [
      'dma_map_sg',
      `${device} dir=FROM_DEVICE dma_addrs={0x1000,0x9000} sizes={0x2000,0x10} phys_addrs={0x1,0x2} attrs=`,
      true,
      2,
      [at(0x1000, 0x2000), at(0x9000, 0x10)],
    ],
    [
      'dma_map_sg',
      `${device} dir=FROM_DEVICE nents=31/31 ents=1/1 dma_addrs={0xfff80000} sizes={0x20000} phys_addrs={0x48eb8000,0x49515000} attrs=NO_WARN`,
      true,
      2,
      [at(0xfff80000, 0x20000)],
    ],
    ['dma_unmap_sg', `${device} dir=TO_DEVICE phys_addrs={0x48eb8000,0x49515000} attrs=`, false, 1, []],
  ])('%s %s', (event, args, isMap, prot, ranges) => {
    expect(parsePayload(event, args)).toEqual({ kind: 'dma', isMap, device, prot, ranges });
  });

  it.each([
    ['io_page_fault', 'IOMMU:ath12k_pci 0000:05:00.0 iova=0x0000000091482640 flags=0x0000', 'fault'],
    ['attach_device_to_domain', 'IOMMU: device=0000:05:00.0', 'attach'],
    ['detach_device_from_domain', 'IOMMU: device=0000:05:00.0', 'detach'],
    ['add_device_to_group', 'IOMMU: groupID=0 device=0000:05:00.0', 'group'],
  ])('%s %s', (event, args, what) => {
    expect(parsePayload(event, args)).toEqual({ kind: 'context', what, device: '0000:05:00.0' });
  });

  it('requests of vendor kernels', () => {
    const iova = { hi: 0, lo: 0x1000 };
    const paddr = { hi: 0, lo: 0x80000000 };
    const common = { name: null, iova, prot: null };
    expect(parsePayload('map_sg', 'IOMMU:gfx3d iova=0x1000 size=0x3000 prot=0x7')).toEqual({
      ...common,
      kind: 'iommu-map',
      name: 'gfx3d',
      paddr: iova,
      size: 0x3000,
      prot: 7,
      ret: 0,
      physical: 'assumed',
    });
    expect(parsePayload('iommu_map_range', 'v_addr=00001000 p_addr=0x80000000 chunk_size=0x1000 len=8192')).toEqual({
      ...common,
      kind: 'iommu-map',
      paddr,
      size: 8192,
      ret: 0,
    });
    expect(
      parsePayload('dmadebug_map_page', 'device=host1x, iova=1000, size=4096 phys=80000000 platformdata=none'),
    ).toEqual({
      ...common,
      kind: 'iommu-map',
      name: 'host1x',
      paddr,
      size: 4096,
      ret: 0,
    });
    expect(parsePayload('dmadebug_unmap_sg', 'device=host1x, iova=1000, size=4096 phys=80000000')).toEqual({
      kind: 'iommu-unmap',
      name: 'host1x',
      iova,
      size: 4096,
      unmapped: null,
    });
  });
});

describe('probed calls', () => {
  const call = {
    kind: 'call',
    isMap: true,
    key: '0x48107000',
    iova: IOVA,
    paddr: PADDR,
    pgsize: 4096,
    pgcount: 3,
    prot: 7,
    withoutGather: null,
  };
  const [m, u] = ['(arm_lpae_map_pages+0x0/0x170)', '(arm_lpae_unmap_pages+0x0/0x90)'];
  it.each([
    [`${m} ttbr=0x48107000 iova=0xfffffffffffff000 paddr=0x1ec80000 pgsize=0x1000 pgcount=3 prot=0x7`, call],
    [`${m} ttbr=0x48107000 iova=0xfffffffffffff000 paddr=0x1ec80000 pgsize=4096 pgcount=0x3`, { ...call, prot: null }],
    [
      `(ffffbc34a06b47f0) ops=0xffff21fac82aec68 iova=0xfffffffffffff000 paddr=0x1ec80000 pgsize=0x1000 pgcount=3 prot=0x7 gfp=0xa20`,
      { ...call, key: '0xffff21fac82aec68' },
    ],
    [
      `${m} iova=0xfffffffffffff000 paddr=0x1ec80000 pgsize=0x1000 pgcount=3 prot=7 future=1`,
      { ...call, key: 'table' },
    ],
    [
      `${u} ttbr=0x48107000 iova=0xfffffffffffff000 pgsize=0x1000 pgcount=3`,
      { ...call, isMap: false, paddr: { hi: 0, lo: 0 }, prot: null },
    ],
    [
      `${u} dom=0x1 iova=0xfffffffffffff000 pgsize=0x1000 pgcount=3 gather=0xffff800008003d08`,
      { ...call, key: '0x1', isMap: false, paddr: { hi: 0, lo: 0 }, prot: null, withoutGather: false },
    ],
    [
      `${u} dom=0x1 iova=0xfffffffffffff000 pgsize=0x1000 pgcount=3 gather=0x0`,
      { ...call, key: '0x1', isMap: false, paddr: { hi: 0, lo: 0 }, prot: null, withoutGather: true },
    ],
  ])('%s', (args, payload) => {
    expect(parsePayload('anything', args)).toEqual(payload);
  });

  it.each([
    ['map_ret', '(arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=0', true, 0],
    ['map_ret', '(arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=-12', true, -12],
    ['x', '(arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=0xffffffea', true, -22],
    ['x', '(arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=0xffffffffffffffef', true, -17],
    ['x', '(arm_smmu_unmap_pages+0x24/0x3c <- arm_lpae_unmap_pages) ret=0x200000', false, 2097152],
    ['unmap_ret', '(ffffbc34a06b4350 <- ffffbc34a06a3d54) ret=0x1000', false, 4096],
  ])('%s %s', (event, args, isMap, ret) => {
    expect(parsePayload(event, args)).toEqual({ kind: 'return', isMap, ret });
  });
});

describe('the byte readers', () => {
  const number = fc.bigInt(0n, 1n << 66n);
  const size = fc.oneof(
    fc.nat(1 << 24).map(String),
    number.map((n) => `0x${n.toString(16)}`),
    number.map(String),
  );
  const field = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    value.map((text) => ` ${name}=${text}`);
  const hex = number.map((n) => `0x${n.toString(16)}`);
  const args = fc.oneof(
    fc.tuple(
      fc.constantFrom('IOMMU:', '', 'IOMMU: dev=x'),
      field('iova', hex),
      fc.constantFrom('', ' - 0x5'),
      fc.oneof(fc.constant(''), field('paddr', hex)),
      field('size', size),
      fc.oneof(fc.constant(''), field('unmapped_size', size), field('prot', hex)),
    ),
    fc.tuple(
      fc.constantFrom('(f+0x0/0x1)', '(ffff)', '(a b)'),
      fc.constantFrom(' ttbr=0x48107000', ' ops=0xf', ''),
      field('iova', hex),
      fc.oneof(fc.constant(''), field('paddr', hex)),
      field('pgsize', size),
      field('pgcount', size),
      fc.oneof(fc.constant(''), field('prot', size), fc.constant(' gather=0x0')),
    ),
    fc.tuple(
      fc.constantFrom('(x+0x1/0x2 <- arm_lpae_map_pages)', '(x+0x1/0x2 <- arm_lpae_unmap_pages)', '(ff <- ee)'),
      field('ret', fc.oneof(size, fc.integer().map(String))),
    ),
  );

  it('give what the expressions give', () => {
    const reader = new EventLineReader();
    fc.assert(
      fc.property(
        args,
        fc.constantFrom('map', 'unmap', 'unmap_ret'),
        fc.constantFrom('', ' ', '  '),
        (parts, event, end) => {
          const text = `${parts.join('').trimStart()}${end}`;
          const bytes = Buffer.from(`dd-186 [000] d.... 6.630235: ${event}: ${text}\n`);
          const line = reader.read(bytes, 0, bytes.length - 1);
          expect(line?.payload).toEqual(
            event === 'unmap_ret' && !text.startsWith('(') ? null : parsePayload(event, text),
          );
        },
      ),
      { numRuns: 4000 },
    );
  });
});
