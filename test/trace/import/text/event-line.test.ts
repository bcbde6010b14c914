import { describe, expect, it } from 'vitest';
import { type EventLine, EventLineReader } from '../../../../src/trace/import/text/event-line.ts';

function read(text: string): EventLine | null {
  const bytes = Buffer.from(`${text}\n`, 'latin1');
  return new EventLineReader().read(bytes, 0, bytes.length - 1);
}

const UNMAP = 'unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096';

describe('event lines', () => {
  it.each([
    [`              dd-186     [000] d....     6.630235: ${UNMAP}`, '186', 0],
    [`   (udev-worker)-532     [010] .....     4.878076: ${UNMAP}`, '532', 0],
    [`qemu-kvm-4575    [008] .......   438.308514: ${UNMAP}`, '4575', 0],
    [`qemu-kvm-4575    [008] dNNh...   438.308514: ${UNMAP}`, '4575', 2],
    [`gst-launch-1.0-606     [000] .N...   714.634891: ${UNMAP}`, '606', 0],
    [`irq/24-AMD-Vi-48    [002] ....   978.554289: ${UNMAP}`, '48', 0],
    [`vfiomap-235     (    235) [000] d....    13.009530: ${UNMAP}`, '235', 0],
    [`vfiomap-235     (-------) [000] d....    13.009530: ${UNMAP}`, '235', 0],
    [`kworker/u64:0-12    [001] ..s1.   1.0: ${UNMAP}`, '12', 1],
    [`odd [7] name-x [1]-77    [001] ..s1.   1.0: ${UNMAP}`, '77', 1],
    [`<idle>-0       [003] d.H..     7.925560: ${UNMAP}`, '0@3', 2],
    [`<...>-99  [003] d.Z..     7.925560: ${UNMAP}`, '99', 3],
    [`dd-205     [000]     13.382211: ${UNMAP}`, '205', 0],
    [`dd-187     [000] d....            4: ${UNMAP}`, '187', 0],
    [`dd-235   [001]    15.956614: (+29)    ${UNMAP}`, '235', 0],
    [`dd-186       1d.s.. 26400us!: ${UNMAP}`, '186', 1],
    [`dd-235     1d....    15.956585: ${UNMAP}`, '235', 0],
    [`dd     186   1 1 00000000 00000002 [007568c1] 26.991ms (+0.003ms): ${UNMAP}`, '186', 0],
    [`perf-exec   241 [001]    19.527096:                       iommu:${UNMAP}`, '241', 0],
    [`perf-exec   241/243   [001]    19.527096:     1   iommu:${UNMAP}`, '243', 0],
    [`dd-235     1-0x1    15.956585: ${UNMAP}`, '235', 0],
    [`dd-235     1-0x11    15.956585: ${UNMAP}`, '235', 1],
    [`dd-235     1-0x9    15.956585: ${UNMAP}`, '235', 2],
    [`dd-235     1-0x41    15.956585: ${UNMAP}`, '235', 3],
    [`   :-1    -1 [001] 19.527096: iommu:${UNMAP}`, '-1', 0],
    [`   :-1    -1/-1 [001] 19.527096: iommu:${UNMAP}`, '-1', 0],
    [`   dd    5/-1 [-01] 19.527096: iommu:${UNMAP}`, '-1', 0],
    [`12345 [001] 19.527096: iommu:${UNMAP}`, '12345', 0],
    [`12345/12346 [001] 19.527096: iommu:${UNMAP}`, '12346', 0],
    [`perf-exec   241 [001] K   19.527096:    iommu:${UNMAP}`, '241', 0],
    [`swapper     0 [001]    19.532903:      iommu:${UNMAP}`, '0@1', 0],
  ])('%s', (text, thread, level) => {
    expect(read(text)).toMatchObject({ thread, level, payload: { kind: 'iommu-unmap', size: 4096 }, unreadable: 0 });
  });

  it.each([
    '',
    'text',
    '# tracer: nop',
    'dd-1 [000]',
    'dd-1 [000] d.... 1.0:',
    '[ 7.2] iommu: map: iova 0x1',
    'dd [000] d.... 1.0: map: x',
    `${' '.repeat(20_000)}dd-186 [000] 1.0: ${UNMAP}`,
  ])('none in %j', (text) => {
    expect(read(text)).toBeNull();
  });

  it('other events carry nothing', () => {
    expect(
      read('dd-1 [000] d.... 1.0: dma_sync_single_for_cpu: 0000:00:05.0 dir=TO_DEVICE dma_addr=1000'),
    ).toMatchObject({
      payload: null,
      unreadable: 0,
    });
    expect(read('dd-1 [000] d.... 1.0: sched_switch: prev_comm=x ==> next_comm=y')).toMatchObject({
      payload: null,
      unreadable: 0,
    });
  });

  it('points at fields in no known form', () => {
    const text = 'dd-1 [000] d.... 1.0: map: IOMMU: iova=0x1000 - 0x2000';
    expect(read(text)).toMatchObject({ payload: null, unreadable: text.indexOf('IOMMU') + 1 });
    const perf = `perf-exec   241 [001]    19.527096:    iommu:map: IOMMU: iova=0x1`;
    expect(read(perf)).toMatchObject({ payload: null, unreadable: perf.indexOf('IOMMU') + 1 });
  });
});
