import { describe, expect, it } from 'vitest';
import type { Demand } from '../../src/allocator/demand.ts';
import type { PgtableConfig } from '../../src/lpae/format/config.ts';
import { configFor } from '../lpae/fixture.ts';
import { G1, G64, G512, K4, K64, M2, map, needed, sum, T1, unmap } from './fixture.ts';

const M = 2 ** 20;
const K16 = 2 ** 14;
const CONFIG = configFor('7.1');

describe('the worst case of a map (D.2)', () => {
  const k39 = configFor('7.1', { ias: 39 });
  const k32 = configFor('7.1', { ias: 32 });
  const at16 = (ias: number): PgtableConfig => configFor('7.1', { pgsizes: 2 ** 14 + 2 ** 25, cpuPageSize: K16, ias });
  const at64 = (ias: number): PgtableConfig => configFor('7.1', { pgsizes: K64 + 2 ** 29, cpuPageSize: K64, ias });
  it.each<[string, PgtableConfig, number, number, number[]]>([
    ['1 page', CONFIG, 0, K4, [1, 1, 1]],
    ['2 pages across 2M', CONFIG, M2 - K4, 2 * K4, [1, 1, 2]],
    ['2M aligned', CONFIG, 0, M2, [1, 1, 1]],
    ['2M at +4K', CONFIG, K4, M2, [1, 1, 2]],
    ['1G aligned', CONFIG, 0, G1, [1, 1, 512]],
    ['1G at +4K', CONFIG, K4, G1, [1, 2, 513]],
    ['64G', CONFIG, 0, G64, [1, 64, 32768]],
    ['512G', CONFIG, 0, G512, [1, 512, 262144]],
    ['everything', CONFIG, 0, 2 ** 48, [512, 262144, 134217728]],
    ['1G of 39 bits', k39, 0, G1, [0, 1, 512]],
    ['all of 32 bits', k32, 0, 2 ** 32, [0, 4, 2048]],
    ['16K: 1G', at16(48), 0, G1, [1, 1, 32]],
    ['16K: 1G at +16K', at16(48), K16, G1, [1, 1, 33]],
    ['16K: 64G', at16(48), 0, G64, [1, 1, 2048]],
    ['16K, 36 bits: 1G', at16(36), 0, G1, [0, 0, 32]],
    ['64K: 1G', at64(48), 0, G1, [0, 1, 2]],
    ['64K: 1G at +64K', at64(48), K64, G1, [0, 1, 3]],
    ['64K: 64G', at64(48), 0, G64, [0, 1, 128]],
    ['64K: 1T', at64(48), 0, T1, [0, 1, 2048]],
    ['64K, 42 bits: 1G', at64(42), 0, G1, [0, 0, 2]],
  ])('%s', (_name, config, iova, size, want) => {
    expect(needed('tree-empty', config, map(iova, size))).toEqual([0, ...want]);
  });

  it('is the same at the top of the upper half of the address space', () => {
    const upper = configFor('7.1', { quirks: ['TTBR1'] });
    expect(needed('tree-empty', upper, map(0xffff_ffff_ffff_f000n, K4))).toEqual([0, 1, 1, 1]);
    expect(needed('tree-empty', upper, map(0xffff_0000_0000_0000n, 2 ** 48))).toEqual([0, 512, 262144, 134217728]);
    expect(needed('panthor', upper, map(0xffff_ffff_ffff_f000n, K4))).toEqual([0, 1, 1, 1]);
    expect(needed('msm', upper, map(0xffff_ffff_ffff_f000n, K4))).toEqual([0, 1, 1, 1]);
  });

  it('needs nothing for nothing, except in a raw call, which makes the tables on its way', () => {
    expect(needed('tree-empty', CONFIG, map(K4, 0))).toEqual([0, 0, 0, 0]);
    const raw = map(K4, 0);
    raw.pgsize = K4;
    expect(needed('tree-empty', CONFIG, raw)).toEqual([0, 1, 1, 1]);
  });
});

describe("panthor's formulas", () => {
  it.each<[string, number, number, number, number]>([
    ['4K @ 0', 0, K4, 3, 1],
    ['4K @ 0x5000', 0x5000, K4, 3, 1],
    ['2M @ 0', 0, M2, 3, 0],
    ['2M @ 4K', K4, M2, 4, 2],
    ['2M+4K @ 0', 0, M2 + K4, 4, 1],
    ['2M+4K @ 2M-4K', M2 - K4, M2 + K4, 4, 1],
    ['8K @ 2M-4K', M2 - K4, 2 * K4, 4, 2],
    ['64M @ 0', 0, 64 * M, 34, 0],
    ['64M @ 4K', K4, 64 * M, 35, 2],
    ['64M @ 0x1ff000', 0x1ff000, 64 * M, 35, 2],
    ['1G @ 0', 0, G1, 514, 0],
    ['1G @ 1G+2M', G1 + M2, G1, 515, 0],
    ['1G @ 4K', K4, G1, 516, 2],
    ['8K @ 1G-4K', G1 - K4, 2 * K4, 5, 2],
    ['8K @ 512G-4K', G512 - K4, 2 * K4, 6, 2],
    ['4M @ 512G-2M', G512 - M2, 2 * M2, 6, 0],
    ['1G @ 512G-512M', G512 - 512 * M, G1, 516, 0],
    ['4G @ 0', 0, 4 * G1, 2053, 0],
    ['16G @ 512G-8G', G512 - 8 * G1, 16 * G1, 8210, 0],
    ['nothing @ 4K', K4, 0, 3, 1],
  ])('%s', (_name, iova, size, maps, unmaps) => {
    expect(sum(needed('panthor', CONFIG, map(iova, size)))).toBe(maps);
    expect(sum(needed('panthor', CONFIG, unmap(iova, size)))).toBe(unmaps);
    expect(needed('tree-empty', CONFIG, unmap(iova, size))).toEqual(needed('panthor', CONFIG, unmap(iova, size)));
  });

  it('buy a table of level 1 even where the start table is that', () => {
    expect(needed('panthor', configFor('7.1', { ias: 39 }), map(0, K4))).toEqual([0, 1, 1, 1]);
  });
});

describe('unmaps that split blocks', () => {
  const split = configFor('6.12');
  it.each<[string, number, number, number[]]>([
    ['one page of a block of 1G', K4, K4, [0, 1, 1]],
    ['two ends in different blocks', G1 - K4, 2 * K4, [0, 2, 2]],
    ['a block of 2M out of one of 1G', M2, M2, [0, 1, 0]],
    ['a whole block', G1, G1, [0, 0, 0]],
  ])('%s', (_name, iova, size, want) => {
    expect(needed('tree-empty', split, unmap(iova, size))).toEqual([0, ...want]);
  });

  it('go through levels without blocks of their own window by window', () => {
    const sparse = configFor('6.12', { pgsizes: K4 + G1 });
    expect(needed('tree-empty', sparse, unmap(M2, 3 * M2))).toEqual([0, 0, 1, 3]);
    expect(needed('tree-empty', sparse, unmap(G1 - M2, 2 * M2))).toEqual([0, 0, 2, 2]);
  });

  it('split a block that a raw call could have removed whole', () => {
    const raw = unmap(0, M2);
    raw.pgsize = K4;
    raw.pgcount = 512;
    expect(needed('tree-empty', split, raw)).toEqual([0, 0, 1, 1]);
  });
});

describe("msm's jobs", () => {
  const G4 = 4 * G1;
  const pages = (count: number, at: (i: number) => number, size = K4): Demand[] =>
    Array.from({ length: count }, (_, i) => map(at(i), size));
  it.each<[string, Demand[], number]>([
    ['4K @ 4G', [map(G4, K4)], 3],
    ['2M @ 4G', [map(G4, M2)], 3],
    ['2M @ 4G+4K', [map(G4 + K4, M2)], 4],
    ['2M+4K @ 4G', [map(G4, M2 + K4)], 4],
    ['64M @ 4G+4K', [map(G4 + K4, 64 * M)], 35],
    ['1G @ 4G', [map(G4, G1)], 514],
    ['8K @ 512G-4K', [map(G512 - K4, 2 * K4)], 6],
    ['512 pages up in one slot', pages(512, (i) => G4 + i * K4), 3],
    ['1024 pages up', pages(1024, (i) => G4 + i * K4), 4],
    ['512 pages down in one slot', pages(512, (i) => G4 + (511 - i) * K4), 6],
    ['512 pages in two slots by turns', pages(512, (i) => G4 + (i % 2) * M2 + (i >> 1) * K4), 1536],
    ['32 pieces of 64K, 2M apart', pages(32, (i) => G4 + i * M2, K64), 96],
    ['an unmap between two maps', [map(G4, K4), unmap(K4, K4), map(G4 + K4, K4)], 3],
    ['unmaps', [unmap(K4, K4), unmap(G4, G1)], 0],
    ['nothing', [], 0],
  ])('%s', (_name, job, want) => {
    expect(sum(needed('msm', CONFIG, ...job))).toBe(want);
  });
});
