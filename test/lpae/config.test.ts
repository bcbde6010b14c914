import { describe, expect, it } from 'vitest';
import type { Format, Kernel } from '../../src/base/vocabulary.ts';
import { ConfigRefused } from '../../src/lpae/format/config.ts';
import { configFor, GOLDEN_KERNELS, makeTable, vectorLines } from './fixture.ts';

const BITMAPS: Readonly<Record<string, number>> = {
  '4K': 0x40201000,
  '16K': 0x2004000,
  '64K': 0x40020010000,
};
const FORMATS: readonly (readonly [string, Format])[] = [
  ['64S1', 'ARM_64_LPAE_S1'],
  ['64S2', 'ARM_64_LPAE_S2'],
  ['32S1', 'ARM_32_LPAE_S1'],
  ['32S2', 'ARM_32_LPAE_S2'],
  ['MALI', 'ARM_MALI_LPAE'],
];

/** One format's cell as the file prints it. */
function cell(kernel: Kernel, format: Format, pgsizes: number, ias: number, oas: number): string {
  try {
    const table = makeTable(configFor(kernel, { format, pgsizes, ias, oas }));
    const { geometry, registers, config } = table;
    table.destroy();
    const clip = config.ias < ias || config.oas < oas ? '*clip' : '';
    const text = `L${geometry.startLevel}/${geometry.pgdBits}b/${geometry.pgdSize}B${clip}`;
    if (format !== 'ARM_64_LPAE_S2' || registers.kind !== 'stage2') return text;
    const { sl, tsz, tg, ps } = registers.vtcr;
    return `${text}(sl=${sl} tsz=${tsz} tg=${tg} ps=${ps})`;
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error;
    return error.warns > 0 ? 'NULL(WARN)' : 'NULL';
  }
}

describe.each(GOLDEN_KERNELS)('geometry as the kernel chooses it, %s', (kernel, suffix) => {
  const rows = vectorLines(`config_${suffix}.txt`);

  it('has 49 combinations of ias and oas for each granule', () => {
    for (const granule of Object.keys(BITMAPS)) {
      expect(rows.filter((row) => row.startsWith(`G=${granule} `)).length, granule).toBe(49);
    }
    expect(rows.length).toBe(147);
  });

  it.each(Object.keys(BITMAPS))('granule %s, every row and format', (granule) => {
    for (const row of rows) {
      const match = /^G=(\w+) ias=(\d+) oas=(\d+): /.exec(row);
      if (match === null) throw new Error(`row not understood: ${row}`);
      if (match[1] !== granule) continue;
      const ias = Number(match[2]);
      const oas = Number(match[3]);
      const cells = FORMATS.map(([name, format]) => `${name}=${cell(kernel, format, BITMAPS[granule], ias, oas)}`);
      expect(match[0] + cells.join(' '), `config_${suffix}.txt, ${match[0].slice(0, -2)}`).toBe(row);
    }
  });
});
