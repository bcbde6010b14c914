import { describe, expect, it } from 'vitest';
import type { Format } from '../../src/base/vocabulary.ts';
import { DEFAULT_CONFIG, restrictConfig } from '../../src/lpae/format/config.ts';
import type { DescriptorContext } from '../../src/lpae/format/decode-descriptor.ts';
import { type DescriptorField, explainDescriptor } from '../../src/lpae/format/explain-descriptor.ts';
import { geometryOf } from '../../src/lpae/format/geometry.ts';
import { registersOf } from '../../src/lpae/format/registers.ts';

const SIZES: Readonly<Record<string, number>> = {
  '4K': 0x40201000,
  '16K': 2 ** 14 + 2 ** 25,
  '64K': 2 ** 16 + 2 ** 29 + 2 ** 42,
};

function contextOf(granule: string, format: Format = 'ARM_64_LPAE_S1'): DescriptorContext {
  const cpuPageSize = { '4K': 2 ** 12, '16K': 2 ** 14, '64K': 2 ** 16 }[granule] ?? 0;
  const config = restrictConfig({ ...DEFAULT_CONFIG, format, pgsizes: SIZES[granule], cpuPageSize, ias: 40, oas: 40 });
  return { config, granule64K: cpuPageSize === 2 ** 16, registers: registersOf(config, geometryOf(config)) };
}

/** The field of the address of an entry of type 1 (block) or 3 (table, page). */
function field(context: DescriptorContext, level: number, hi: number, lo: number): DescriptorField | undefined {
  return explainDescriptor(context, level, hi, lo).find(({ name }) => name === 'output' || name === 'next table');
}

describe('the address field of an entry', () => {
  it.each([
    ['4K', 1, 30],
    ['4K', 2, 21],
    ['16K', 2, 25],
    ['64K', 1, 42],
    ['64K', 2, 29],
  ])('of a block of granule %s, level %d begins at bit %d', (granule, level, first) => {
    expect(field(contextOf(granule), level, 0, 0x701)).toMatchObject({
      name: 'output',
      bits: `47:${first}`,
      value: '0x0',
    });
  });

  it.each([
    ['4K', 12],
    ['16K', 14],
    // It holds bits 51:48 in 15:12.
    ['64K', 12],
  ])('of pages and tables of granule %s begins at bit %d', (granule, first) => {
    const context = contextOf(granule);
    expect(field(context, 3, 0, 0x80000703)).toMatchObject({ name: 'output', bits: `47:${first}` });
    expect(field(context, 2, 0, 0x80000003)).toMatchObject({ name: 'next table', bits: `47:${first}` });
  });

  it('is that of the level for Mali, too, and no bit of it is left over', () => {
    const fields = explainDescriptor(contextOf('4K', 'ARM_MALI_LPAE'), 2, 0x12, 0x40200241);
    expect(fields.find(({ name }) => name === 'output')).toMatchObject({
      bits: '47:21',
      value: '0x1240200000',
      text: 'physical address',
    });
    expect(fields.map(({ name }) => name)).not.toContain('?');
  });

  it('tells of an address that the block is not aligned to', () => {
    expect(field(contextOf('4K'), 2, 0, 0x40201701)).toMatchObject({
      bits: '47:21',
      value: '0x40201000',
      text: 'physical address; not aligned: its bits below 21 should be 0',
    });
  });
});
