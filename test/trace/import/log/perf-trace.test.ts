import { describe, expect, it } from 'vitest';
import { PerfTraceReader } from '../../../../src/trace/import/log/perf-trace.ts';
import { at, hasRecordings, kindsOf, readAll, recordedLines } from './log-lines.ts';

const MAP = {
  kind: 'iommu-map',
  name: null,
  iova: at(4294930432),
  paddr: at(0x481f5000),
  size: 4096,
  prot: null,
  ret: 0,
};
const UNMAP = { kind: 'iommu-unmap', name: null, iova: at(4294930432), size: 8192, unmapped: 4096 };
const NONE = { seconds: -1, nanos: 0 };

/** The names of tasks in these lines. */
function commIn(line: string): string {
  return ['my prog/x', 'kworker/u4:1', 'dd'].find((comm) => line.includes(`${comm}/`)) ?? '';
}

describe('perf trace', () => {
  it.each([
    [
      '     0.088 dd/252 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)',
      '252',
      { seconds: 0, nanos: 88000 },
      MAP,
    ],
    ['dd/252 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)', '252', NONE, MAP],
    [
      '  3124.002 :0/0 iommu:unmap(iova: 4294930432, size: 8192, unmapped_size: 4096)',
      '0',
      { seconds: 3, nanos: 124002000 },
      UNMAP,
    ],
    [
      '12345678.901 (         ): kworker/u4:1/35 iommu:unmap(iova: 0xffff7000, size: 8192, unmapped_size: 4096)',
      '35',
      { seconds: 12345, nanos: 678901000 },
      UNMAP,
    ],
    [
      '     0.088 my prog/x/252 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)',
      '252',
      { seconds: 0, nanos: 88000 },
      MAP,
    ],
    [
      '     0.088 252 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)',
      '252',
      { seconds: 0, nanos: 88000 },
      MAP,
    ],
    ['     0.088 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)', 'log', { seconds: 0, nanos: 88000 }, MAP],
    [
      '     0.088 dd/252 iommu:map(IOMMU: iova=0xffff7000 - 0xffff9000 paddr=0x481f5000 size=4096)',
      '252',
      { seconds: 0, nanos: 88000 },
      { ...MAP, iova: at(0xffff7000) },
    ],
    [
      '     0.088 iommu:unmap:IOMMU: iova=0xffff7000 size=8192 unmapped_size=4096)',
      'log',
      { seconds: 0, nanos: 88000 },
      UNMAP,
    ],
    [
      '     0.088 dd/252 iommu:map(iova: 4294930432, paddr: 0x481f5000, size: 4096)4+0 records out',
      '252',
      { seconds: 0, nanos: 88000 },
      MAP,
    ],
  ])('%s', (line, thread, stamp, payload) => {
    const payloads = [
      payload === UNMAP ? { ...UNMAP, iova: at(line.includes('4294930432') ? 4294930432 : 0xffff7000) } : payload,
    ];
    expect(new PerfTraceReader().read(line)).toEqual({ payloads, thread, comm: commIn(line), ...stamp, unreadable: 0 });
  });

  it('arguments that are 0 are left out', () => {
    const reader = new PerfTraceReader();
    expect(reader.read('a/1 iommu:map(size: 4096)')?.payloads).toMatchObject([{ iova: at(0), paddr: at(0) }]);
    expect(reader.read('a/1 iommu:map(iova: 4096, size: 4096)')?.payloads).toMatchObject([{ paddr: at(0) }]);
    expect(reader.read('a/1 iommu:unmap(iova: 4096, size: 4096)')?.payloads).toMatchObject([{ unmapped: 0 }]);
  });

  it.each([
    [18446744073709547520n, { hi: 0xffffffff, lo: 0xfffff000 }],
    [18446744073709551615n, { hi: 0xffffffff, lo: 0xffffffff }],
    [9007199254740993n, { hi: 0x200000, lo: 1 }],
    [0x123456789abcd000n, { hi: 0x12345678, lo: 0x9abcd000 }],
  ])('decimal address %s is exact', (iova, address) => {
    const line = `a/1 iommu:unmap(iova: ${iova}, size: 4096, unmapped_size: 4096)`;
    expect(new PerfTraceReader().read(line)?.payloads).toMatchObject([{ iova: address }]);
  });

  it.each([
    ['a/1 iommu:map(iova: 18446744073709551616, size: 4096)', 15],
    ['a/1 iommu:map(iova: 4096, size: x)', 15],
    ['a/1 iommu:map(iova: 4096', 15],
    ['a/1 iommu:map()', 15],
    ['a/1 iommu:unmap(iova: 4096, length: 4096)', 17],
  ])('unreadable: %s', (line, column) => {
    expect(new PerfTraceReader().read(line)).toMatchObject({ payloads: [], unreadable: column });
  });

  it('others of the group are of no use', () => {
    const line = '     0.088 dd/252 iommu:attach_device_to_domain(device: 0000:00:01.0)';
    expect(new PerfTraceReader().read(line)).toMatchObject({ payloads: [], thread: '252', unreadable: 0 });
  });

  it.each([
    '',
    '4+0 records in',
    '     0.000 4+0 records in',
    '  swapper     0 [001]    19.532903:   iommu:unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096',
    '[    7.242126] iommu: map: iova 0x1000 pa 0x1000 size 0x1000',
  ])('none: %j', (line) => {
    expect(new PerfTraceReader().read(line)).toBeNull();
  });
});

describe.skipIf(!hasRecordings)('the recorded perf trace', () => {
  it('has every event, though dd wrote in between', () => {
    const lines = recordedLines('6.1-strict.perf-trace.txt.gz');
    const events = readAll(new PerfTraceReader(), lines);
    expect(lines.length).toBe(212);
    expect(events.length).toBe(210);
    expect(kindsOf(events.flatMap(({ payloads }) => payloads))).toEqual({ 'iommu-map': 120, 'iommu-unmap': 90 });
    expect(events.filter(({ seconds }) => seconds < 0).length).toBe(1);
    expect([...new Set(events.map(({ thread }) => thread))]).toEqual(['252', '0']);
  });
});
