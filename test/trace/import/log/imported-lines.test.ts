import { describe, expect, it } from 'vitest';
import type { Event } from '../../../../src/trace/events.ts';
import { importText } from '../read.ts';

async function events(text: string, options: Parameters<typeof importText>[1] = {}): Promise<Event[]> {
  const { outcome, events: read } = await importText(text, options);
  expect(outcome.error).toBeNull();
  return read.map(({ event }) => event);
}

describe('probes on iommu_map and iommu_unmap', () => {
  const line = (event: string, args: string): string => `  dd-186  [000] d....  1.000000: ${event}: ${args}\n`;
  const MAP = line('imap', '(iommu_map+0x0/0x20) domain=0xff01 iova=0x1000 paddr=0x80000000 size=0x1000 prot=0x7');

  it('are requests of the domain that they name', async () => {
    const read = await events(
      MAP +
        line('imap_ret', '(vfio_iommu_map+0x50/0x90 <- iommu_map) ret=0') +
        line('iunmap', '(iommu_unmap+0x0/0x40) domain=0xff01 iova=0x1000 size=0x1000') +
        line('iunmap_ret', '(vfio_unmap+0x50/0x90 <- iommu_unmap) ret=0x1000'),
    );
    expect(read.filter(({ op }) => op !== 'trace')).toMatchObject([
      { op: 'domain', id: '0xff01' },
      { op: 'map', domain: '0xff01', iova: '0x1000', paddr: '0x80000000', size: 4096, prot: 7 },
      { op: 'unmap', domain: '0xff01', iova: '0x1000', size: 4096 },
    ]);
  });

  it('their returns belong to no call', async () => {
    const { outcome } = await importText(MAP + line('imap_ret', '(vfio+0x50/0x90 <- iommu_map) ret=0'));
    expect(outcome.notes).toMatchObject({ orphanReturns: 0, ignoredEvents: 1 });
  });
});

describe('what readers tell', () => {
  it('events that bpftrace lost', async () => {
    const { outcome } = await importText('map pid=7 iova=0x1000 paddr=0x2000 size=4096\nLost 500 events\n');
    expect(outcome.notes?.losses.marks).toBe(500);
    expect(outcome.notes?.unknownLines).toBe(0);
  });

  it('the name of the command', async () => {
    const text =
      '0.088 dd/252 iommu:map(iova: 4096, paddr: 0x481f5000, size: 4096)\n0.099 cp/253 iommu:map(iova: 4096, paddr: 0x481f6000, size: 4096)\n';
    const read = await events(text, { domainBy: 'comm' });
    expect(read.flatMap((event) => (event.op === 'map' ? [event.domain] : []))).toEqual(['dd', 'cp']);
  });

  it('times of day', async () => {
    const unmap = 'host kernel: iommu: unmap this: iova 0x1000 size 0x1000\n';
    const read = await events(`2025-11-20T21:49:01.113585+01:00 ${unmap}2025-11-20T21:49:02.000001+01:00 ${unmap}`);
    expect(read.flatMap((event) => (event.op === 'unmap' ? [event.ts] : []))).toEqual([113585000, 1000001000]);
  });

  it('the end of a domain of the virtio IOMMU', async () => {
    const map = 'virtio_iommu_map domain=1 virt_start=0xc1000 virt_end=0xdffff phys_start=0x80001000 flags=3\n';
    const read = await events(`${map}virtio_iommu_put_domain Free domain=1\n${map}`);
    expect(read.map(({ op }) => op)).toEqual(['trace', 'domain', 'map', 'destroy', 'domain', 'map']);
  });
});
