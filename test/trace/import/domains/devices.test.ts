import { describe, expect, it } from 'vitest';
import { importText } from '../read.ts';

const A = '0000:00:01.0';
const B = '0000:00:02.0';
const line = (text: string, pid = 7, flags = '.....'): string => `  task-${pid}  [000] ${flags}  1.000000: ${text}\n`;
const hex = (value: number): string => `0x${value.toString(16).padStart(16, '0')}`;
const map = (iova: number, size = 4096): string =>
  `map: IOMMU: iova=${hex(iova)} - ${hex(iova + size)} paddr=${hex(0x80000000 + iova)} size=${size}`;
const unmap = (iova: number, size = 4096): string =>
  `unmap: IOMMU: iova=${hex(iova)} - ${hex(iova + size)} size=${size} unmapped_size=${size}`;
const dma = (event: string, device: string, iova: number, size = 16, dir = 'TO_DEVICE'): string =>
  `${event}: ${device} dir=${dir} dma_addr=${iova.toString(16)} size=${size} phys_addr=1000 attrs=`;

async function domains(text: string, options = {}): Promise<(string | undefined)[]> {
  const { events } = await importText(text, options);
  return events.flatMap(({ event }) => (event.op === 'map' || event.op === 'unmap' ? [event.domain] : []));
}

describe('the device that a dma event names', () => {
  it('is that of the map before it and of the unmap before or after it', async () => {
    const text =
      line(map(0x1000)) +
      line(dma('dma_map_page', A, 0x1010)) +
      line(map(0x1000), 8) +
      line(dma('dma_map_phys', B, 0x1234), 8) +
      line(unmap(0x1000), 0, '..s..') +
      line(dma('dma_unmap_phys', B, 0x1234), 0, '..s..') +
      line(`dma_free: ${A} dma_addr=1000 size=4096 virt_addr=0 attrs=`) +
      line(unmap(0x1000));
    expect(await domains(text)).toEqual([A, B, B, A]);
  });

  it('of a scatter list is that of all its pieces, and comes before the unmap', async () => {
    const list = (event: string, rest: string): string => `${event}: ${B} dir=FROM_DEVICE ${rest} attrs=`;
    const text =
      line(map(0x1000), 9) +
      line(map(0x8000, 8192)) +
      line(map(0xa000)) +
      line(list('dma_map_sg', 'nents=2/2 ents=1/1 dma_addrs={0x8000} sizes={0x3000} phys_addrs={0x1,0x2}')) +
      line(dma('dma_map_page', A, 0x1010), 9) +
      line(list('dma_unmap_sg', 'phys_addrs={0x1,0x2}')) +
      line(unmap(0x8000, 0x3000));
    expect(await domains(text)).toEqual([A, B, B, B]);
  });

  it('that is told with an address counts more than one told without', async () => {
    const text =
      line(map(0x1000)) +
      line(dma('dma_map_page', B, 0x1000)) +
      line(`dma_unmap_sg: ${A} dir=TO_DEVICE phys_addrs={0x1} attrs=`) +
      line(unmap(0x1000)) +
      line(dma('dma_unmap_page', B, 0x1000));
    expect(await domains(text)).toEqual([B, B]);
  });

  it('is of its own thread and interrupt level only', async () => {
    const text =
      line(map(0x1000)) +
      line(map(0x1000), 7, '..h..') +
      line(dma('dma_map_page', B, 0x1010), 7, '..h..') +
      line(dma('dma_map_page', A, 0x1010));
    expect(await domains(text)).toEqual([A, B]);
  });

  it('tells the protection: by the direction of the transfer, cacheable', async () => {
    const text = ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL']
      .map((dir, i) => line(map(0x1000 * (i + 1))) + line(dma('dma_map_page', A, 0x1000 * (i + 1), 16, dir)))
      .join('');
    const { events, outcome } = await importText(text);
    expect(events.flatMap(({ event }) => (event.op === 'map' ? [event.prot] : []))).toEqual([5, 6, 7]);
    expect(outcome.notes).toMatchObject({ protFromDirection: 3, protAssumed: 0, placement: { by: 'dev', named: 3 } });
  });

  it('is waited for in order: nothing overtakes', async () => {
    const text = line(map(0x1000), 1) + line(map(0x2000), 2) + line(dma('dma_map_page', B, 0x2000), 2);
    const { events } = await importText(text);
    const maps = events.flatMap(({ event }) => (event.op === 'map' ? [event.iova] : []));
    expect(maps).toEqual(['0x1000', '0x2000']);
  });
});

describe('requests without a device', () => {
  const text =
    line(map(0x1000)) + line(dma('dma_map_page', A, 0x1000)) + line(map(0x1000), 8) + line(unmap(0x1000), 0, '..s..');

  it('are told apart by whoever mapped, or not at all, where that is asked for', async () => {
    expect(await domains(text, { singleDomain: true })).toEqual(['all', 'all', 'all']);
    expect(await domains(text, { domainBy: 'dev' })).toEqual([A, 'unnamed', 'unnamed']);
    expect(await domains(text, { domainBy: 'pid' })).toEqual(['7', '8', '8']);
    expect(await domains(text.replaceAll('task-8', 'other-8'), { domainBy: 'comm' })).toEqual([
      'task',
      'other',
      'task',
    ]);
  });

  it('are told in the notes', async () => {
    const notes = async (options: object) => (await importText(text, options)).outcome.notes?.placement;
    expect(await notes({ singleDomain: true })).toMatchObject({ by: 'single', requests: 3, named: 1 });
    expect(await notes({ domainBy: 'pid' })).toMatchObject({ by: 'pid', requests: 3 });
    expect(await notes({})).toMatchObject({ by: 'inference', requests: 3, named: 1 });
  });
});
