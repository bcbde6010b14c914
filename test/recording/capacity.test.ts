import { describe, expect, it } from 'vitest';
import { capacityOf } from '../../src/recording/capacity.ts';
import { probeBytes, ringBytes } from '../../src/recording/probe.ts';
import { recipeOf } from './recipes.ts';

/**
 * End of the last field in the format files of Linux 6.1 for the probes of its recordings; unmap has 8 bytes more here,
 * the gather.
 */
const FORMAT_BYTES: Readonly<Record<string, number>> = {
  map: 60,
  map_ret: 28,
  unmap: 48 + 8,
  unmap_ret: 32,
  alloc_s1: 41,
  free: 24,
};

describe('the arithmetic of the ring buffer', () => {
  it('knows what each probe takes', () => {
    const { probes } = recipeOf('smmu', '6.1');
    for (const [name, bytes] of Object.entries(FORMAT_BYTES)) {
      const probe = probes.find((candidate) => candidate.name === name);
      expect(probe && probeBytes(probe), name).toBe(ringBytes(bytes));
    }
    expect([24, 28, 32, 41, 60].map(ringBytes)).toEqual([28, 32, 36, 48, 64]);
  });

  it('counts requests with their events', () => {
    const plain = capacityOf(recipeOf('panthor', '7.1'));
    expect(plain).toEqual({ mapBytes: 96, unmapBytes: 96, eventBytes: [], requests: Math.floor((6144 * 4080) / 96) });
    const requests = capacityOf(recipeOf('iommufd', '7.1'));
    expect(requests.eventBytes).toEqual([{ group: 'iommu', bytes: 36 }]);
    expect(requests.requests).toBe(Math.floor((6144 * 4080) / (96 + 36)));
    const devices = capacityOf(recipeOf('smmu', '7.1'));
    expect(devices.eventBytes.map(({ group }) => group)).toEqual(['iommu', 'dma']);
    expect(devices.requests).toBeLessThan(requests.requests);
  });

  it('grows with the buffer', () => {
    const of = (bytes: number): number => capacityOf(recipeOf('panthor', '7.1', bytes)).requests;
    expect(of(64 * 1024)).toBe(Math.floor((16 * 4080) / 96));
    expect(of(48 * 2 ** 20)).toBe(2 * of(24 * 2 ** 20));
  });
});
