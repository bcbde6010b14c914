import { describe, expect, it } from 'vitest';
import { KeyValueReader, ONE_TABLE, parseFieldMap } from '../../../../src/trace/import/log/key-value.ts';
import type { LoggedEvent } from '../../../../src/trace/import/log/line-reader.ts';
import { at, hasPublicSamples, payloadsOf, publicLines } from './log-lines.ts';

const NONE = { seconds: -1, nanos: 0 };

function read(line: string, map: Readonly<Record<string, string>> = {}): LoggedEvent | null {
  return new KeyValueReader(map).read(line);
}

describe('key=value lines', () => {
  const map = {
    kind: 'iommu-map',
    name: '0xff11012805dac210',
    iova: at(0xfffffffffffff000n),
    paddr: at(0x12ecfdd0000n),
    size: 4096,
    prot: 7,
    ret: null,
  };
  it.each([
    'pid=616477 comm=test_dma_map_un domain=0xff11012805dac210 iova=0xfffffffffffff000 paddr=0x12ecfdd0000 size=0x1000 prot=0x7 gfp=0x400cc0',
    'pid=616477, domain=0xff11012805dac210, iova=18446744073709547520, paddr=1300567490560, size=4096, prot=7',
    'pid=616477,domain=0xff11012805dac210,iova=0xfffffffffffff000,paddr=0x12ecfdd0000,size=4096,prot=7',
    'pid: 616477\tdomain: 0xff11012805dac210\tiova: 0xFFFFFFFFFFFFF000\tpaddr: 0x12ecfdd0000\tsize: 4096\tprot: 7',
    'pid:616477 domain:0xff11012805dac210 iova:0xfffffffffffff000 paddr:0x12ecfdd0000 size:4096 prot:7',
    'pid = 616477; domain = 0xff11012805dac210; iova =0xfffffffffffff000; paddr= 0x12ecfdd0000; size = 4096; prot = 7',
    'pid=616477 comm="my prog, x=1" domain="0xff11012805dac210" iova=0xfffffffffffff000 paddr=0x12ecfdd0000 size=4096 prot=7',
    'pid=616477 comm=my unmap prog domain=0xff11012805dac210 iova=0xfffffffffffff000 paddr=0x12ecfdd0000 size=4096 prot=7',
    'iommu_map: pid=616477 domain=0xff11012805dac210 iova=0xfffffffffffff000 paddr=0x12ecfdd0000 end=0x0 prot=7',
    'kprobe:iommu_map pid=616477 domain=0xff11012805dac210 iova=0xfffffffffffff000 paddr=0x12ecfdd0000 end=0xffffffffffffffff prot=7',
  ])('a map: %s', (line) => {
    const comm = /comm=(?:"([^"]*)"|(\w+))/.exec(line);
    const head = { thread: '616477', comm: comm?.[1] ?? comm?.[2] ?? '', ...NONE };
    expect(read(line)).toEqual({ payloads: [map], ...head, unreadable: 0 });
  });

  const unmap = { kind: 'iommu-unmap', name: null, iova: at(0x10000), size: 0x2000, unmapped: null };
  it.each([
    ['pid=7 iova=0x10000 size=0x2000', unmap],
    ['op=unmap iova=0x10000 size=0x2000', unmap],
    ['event=iommu_unmap iova=0x10000 size=0x2000 paddr=0x1000', unmap],
    ['func=__iommu_unmap iova=0x10000 size=0x2000', unmap],
    ['probe=kprobe:iommu_unmap_fast iova=0x10000 size=0x2000', unmap],
    ['UNMAP iova=0x10000 size=0x2000 paddr=0', unmap],
    ['kprobe:iommu_unmap iova=0x10000 size=0x2000', unmap],
    ['[12:00:01] iommu_unmap: iova=0x10000 size=0x2000', unmap],
    ['tracepoint:iommu:unmap iova=0x10000 size=0x2000', unmap],
    ['unmap iova=0x10000 end=0x11fff', unmap],
    ['unmap iova=0x10000 end=0x12000', unmap],
    ['pid=7 iova=0x10000 size=0x2000 unmapped=0x1000', { ...unmap, unmapped: 4096 }],
    ['pid=7 iova=0x10000 size=0x2000 unmapped_size=0x1000', { ...unmap, unmapped: 4096 }],
    ['pid=7 iova=0x10000 size=0x2000 ret=0x2000', { ...unmap, unmapped: 8192 }],
    ['pid=7 iova=0x10000 size=0x2000 ret=0xfffff000', { ...unmap, unmapped: 0xfffff000 }],
  ])('an unmap: %s', (line, payload) => {
    expect(read(line)?.payloads).toEqual([payload]);
  });

  const call = {
    kind: 'call',
    isMap: true,
    key: '0x1000',
    iova: at(0x10000),
    paddr: at(0x20000),
    pgsize: 4096,
    pgcount: 2,
    prot: 3,
    withoutGather: null,
  };
  it.each([
    ['arm_lpae_map_pages domain=0x1000 iova=0x10000 paddr=0x20000 pgsize=4096 pgcount=2 prot=3', [call]],
    [
      'domain=0x1000 iova=0x10000 paddr=0x20000 pgsize=0x1000 pgcount=0x2 prot=3 ret=0',
      [call, { kind: 'return', isMap: true, ret: 0 }],
    ],
    [
      'domain=0x1000 iova=0x10000 paddr=0x20000 pgsize=0x1000 pgcount=0x2 prot=3 ret=-17',
      [call, { kind: 'return', isMap: true, ret: -17 }],
    ],
    [
      'domain=0x1000 iova=0x10000 paddr=0x20000 pgsize=0x1000 pgcount=0x2 prot=3 ret=0xffffffef',
      [call, { kind: 'return', isMap: true, ret: -17 }],
    ],
    [
      'domain=0x1000 iova=0x10000 paddr=0x20000 pgsize=0x1000 pgcount=0x2 prot=3 ret=0xffffffffffffffef',
      [call, { kind: 'return', isMap: true, ret: -17 }],
    ],
    [
      'arm_lpae_unmap_pages iova=0x10000 pgsize=4096 pgcount=2 ret=8192',
      [
        { ...call, isMap: false, key: 'table', paddr: at(0), prot: null },
        { kind: 'return', isMap: false, ret: 8192 },
      ],
    ],
  ])('an io-pgtable call: %s', (line, payloads) => {
    expect(read(line)?.payloads).toEqual(payloads);
  });

  it.each(['domain', 'dom', 'ttbr', 'ops', 'vm', 'asid'])('%s is the address space', (name) => {
    expect(read(`map ${name}=0x77 iova=0x1000 paddr=0x2000 size=4096`)?.payloads).toMatchObject([{ name: '0x77' }]);
  });

  it('says so when calls name no table', () => {
    const reader = new KeyValueReader({});
    reader.read('map domain=0x1 iova=0x1000 paddr=0x2000 pgsize=4096 pgcount=1');
    reader.read('map iova=0x1000 paddr=0x2000 size=4096');
    expect(reader.note).toBeNull();
    reader.read('map iova=0x1000 paddr=0x2000 pgsize=4096 pgcount=1');
    expect(reader.note).toBe(ONE_TABLE);
  });

  it('times since 1970 are relative to the first, and exact', () => {
    const reader = new KeyValueReader({});
    const at = (ts: string): LoggedEvent | null => reader.read(`unmap ts=${ts} iova=0x1000 size=4096`);
    expect(at('1763671741.000000001')).toMatchObject({ seconds: 0, nanos: 1 });
    expect(at('1763671801123456789')).toMatchObject({ seconds: 60, nanos: 123456789 });
    expect(at('1763671740.5')).toMatchObject(NONE);
  });

  it('a map that succeeded, or failed', () => {
    expect(read('iova=0x1000 paddr=0x2000 size=4096 ret=0')?.payloads).toMatchObject([{ ret: 0 }]);
    expect(read('iova=0x1000 paddr=0x2000 size=4096 ret=-17')).toMatchObject({ payloads: [], unreadable: 0 });
  });

  it('bits of protection that nobody knows stay', () => {
    expect(read('iova=0x1000 paddr=0x2000 size=4096 prot=0x107')?.payloads).toMatchObject([{ prot: 0x107 }]);
  });

  it.each([
    ['pid=12 cpu=3', '12', NONE],
    ['pid=0 cpu=3', '0@3', NONE],
    ['comm=dd', 'dd', NONE],
    ['cpu=3', 'log', NONE],
    ['ns=1189113585000', 'log', { seconds: 1189, nanos: 113585000 }],
    ['ns=585', 'log', { seconds: 0, nanos: 585 }],
    ['ts=1189.113585', 'log', { seconds: 1189, nanos: 113585000 }],
    ['ts=1189113585000', 'log', { seconds: 1189, nanos: 113585000 }],
    ['ts=12:34:56', 'log', NONE],
  ])('who and when: %s', (fields, thread, stamp) => {
    expect(read(`${fields} iova=0x1000 size=4096`)).toMatchObject({ thread, ...stamp });
  });

  it.each([
    ['pid=7 iova=zzz size=4096', 12],
    ['map iova=0x1000 size=4096', 10],
    ['pid=7 iova=0x1000 paddr=q size=4096', 12],
    ['pid=7 iova=0x1000 size=huge', 12],
    ['pid=7 iova=0x10000000000000000 size=4096', 12],
    ['pid=7 iova=0x1000 size=0x20000000000000', 12],
    ['pid=7 iova=0x1000 end=0x800', 12],
    ['pid=7 iova=0x1000 pgsize=4096', 12],
    ['pid=7 iova=0x1000 pgsize=0x10000000000000 pgcount=2', 12],
    ['pid=7 iova=0x1000 size=4096 prot=rw', 12],
    ['pid=7 iova=0x1000 size=4096 ret=bad', 12],
    ['pid=7 iova=0x1000 size=4096 ret=-22', 12],
  ])('unreadable: %s', (line, column) => {
    expect(read(line)).toMatchObject({ payloads: [], unreadable: column });
  });

  it.each([
    '',
    'Attaching 1 probe...',
    'domain=0x1000 size=4096',
    'iova=0x1000',
    'the map of iova=0x1000 fails',
    'op=flush iova=0x1000 size=4096',
    '{"op":"map","iova":"0x1000","paddr":"0x2000","size":4096}',
    `sudo bpftrace -e 'kprobe:iommu_map { printf("pid=%d iova=%p paddr=%p size=%p", pid, arg1, arg2, arg3); }'`,
    'dd-186     [000] d....     6.630235: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096',
    'iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0xc0000 size=0x20000 addr=0x7f5d1d400000 readonly=1 (0)',
    '[ 1.5] panfrost fde60000.gpu: map: as=0, iova=2000000, paddr=1cd800000, len=201000',
    // The rest of lines that were torn.
    'iova=0x1000 size=4096',
    'iova=0x1000 - 0x2000 size=4096 unmapped_size=4096',
    'pid=7 iova=0x1000 - 0x2000 size=4096',
    'dd-186 [000] d.... 6.630235: unmap: iova=0x1000 size=4096',
    '(arm_lpae_unmap_pages+0x0/0x90) ttbr=0x1000 iova=0x1000 pgsize=0x1000 pgcount=1',
    'dd 186 [000] 6.630235: iommu:unmap: iova=0x1000 size=4096',
    'dd/186 iommu:unmap(iova=0x1000 size=4096)',
    'p:map iommu_map iova=$arg2:x64 size=$arg4:u64',
    '[    7.242126] iommu: map: iova 0x1000 pa 0x1000 size 0x1000',
  ])('none: %j', (line) => {
    expect(read(line)).toBeNull();
  });

  it.skipIf(!hasPublicSamples)('the posted ones', () => {
    const payloads = payloadsOf(new KeyValueReader({}), publicLines('mail-vfio-bpftrace-iommu_map.txt'));
    expect(payloads.length).toBe(6);
    expect(payloads).toMatchObject(
      Array(6).fill({ kind: 'iommu-map', paddr: at(0x12ecfdd0000n), size: 4096, prot: 7 }),
    );
    expect(payloads.filter((payload) => 'iova' in payload && payload.iova.hi === 0xffffffff).length).toBe(2);
    expect(new Set(payloads.map((payload) => ('name' in payload ? payload.name : null))).size).toBe(2);
  });
});

describe('--field-map', () => {
  it('names the fields of others', () => {
    const map = parseFieldMap('iova=va, size=len ,domain=as,op=what');
    expect(map).toEqual({ iova: 'va', size: 'len', domain: 'as', op: 'what' });
    expect(read('what=unmap as=gpu va=0x1000 len=4096', map)?.payloads).toEqual([
      { kind: 'iommu-unmap', name: 'gpu', iova: at(0x1000), size: 4096, unmapped: null },
    ]);
    expect(read('as: gpu what: map va: 0x1000 len: 4096 paddr: 0x2000', map)?.payloads).toMatchObject([
      { kind: 'iommu-map', name: 'gpu' },
    ]);
    // Names that were mapped away mean nothing.
    expect(read('iova=0x1000 size=4096', map)).toBeNull();
  });

  it.each([
    ['addr=iova', /no field "addr"; there are op, iova, paddr, size, end,/],
    ['iova', /"iova" is not OURS=THEIRS, as in iova=addr,size=len; names of ours are op, iova,/],
    ['', /is not OURS=THEIRS/],
    ['iova=a,,size=b', /is not OURS=THEIRS/],
    ['iova=a=b', /is not OURS=THEIRS/],
    ['iova=a,iova=b', /names the field "iova" twice/],
    ['__proto__=a', /no field "__proto__"/],
    ['toString=a', /no field "toString"/],
  ])('%j is wrong', (text, message) => {
    expect(() => parseFieldMap(text)).toThrow(message);
    expect(() => parseFieldMap(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
