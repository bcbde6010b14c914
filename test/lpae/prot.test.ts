import { describe, expect, it } from 'vitest';
import { EINVAL, type Format, type Kernel, PROT_ALL, type Quirk } from '../../src/base/vocabulary.ts';
import { walkPageTable } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { configFor, GOLDEN_KERNELS, joined, makeTable, vectorLines } from './fixture.ts';

/** Name of a row -> format and quirks. The oas of Mali is limited to 40. */
const ROWS: Readonly<Record<string, readonly [Format, readonly Quirk[]]>> = {
  S1: ['ARM_64_LPAE_S1', []],
  'S1+NS': ['ARM_64_LPAE_S1', ['NS']],
  'S1+HD': ['ARM_64_LPAE_S1', ['HD']],
  S2: ['ARM_64_LPAE_S2', []],
  'S2+FWB': ['ARM_64_LPAE_S2', ['S2FWB']],
  MALI: ['ARM_MALI_LPAE', []],
};
const ROWS_OF: Readonly<Record<Kernel, readonly string[]>> = {
  '7.1': Object.keys(ROWS),
  '6.12': Object.keys(ROWS).filter((name) => name !== 'S2+FWB'),
};
const PAGE = 0x1000;
const BLOCK = 0x200000;
const READ_OR_WRITE = 3;

/** The descriptor that mapping one leaf of `size` at address 0 leaves, or the errno. */
function mapOne(kernel: Kernel, name: string, size: number, prot: number): bigint | number {
  const [format, quirks] = ROWS[name];
  const table = makeTable(configFor(kernel, { format, quirks, ias: 40, oas: 40 }));
  const ret = mapPages(table, 0, 0, 0, 0, size, 1, prot);
  const walk = walkPageTable(table, 0, 0);
  const entry = walk.entries[walk.last];
  const pte = joined(table.memory.hi[entry], table.memory.lo[entry]);
  table.destroy();
  return ret === 0 ? pte : ret;
}

describe.each(GOLDEN_KERNELS)('attribute bits of a leaf, %s', (kernel, suffix) => {
  const rows = vectorLines(`prot_${suffix}.txt`);

  it('has a row for every format and quirk that the kernel knows', () => {
    expect(rows.map((row) => row.split(':')[0])).toEqual(ROWS_OF[kernel]);
  });

  it.each(ROWS_OF[kernel])('%s, pages and blocks, all 48 protections', (name) => {
    const want = rows.find((row) => row.startsWith(`${name}:`));
    // Mali's leaves are of type 1 on every level.
    const pageType = name === 'MALI' ? 1n : 3n;
    for (const [size, type] of [
      [PAGE, pageType],
      [BLOCK, 1n],
    ] as const) {
      const cells: string[] = [];
      for (let prot = 0; prot <= PROT_ALL; prot++) {
        const pte = mapOne(kernel, name, size, prot);
        if ((prot & READ_OR_WRITE) === 0) {
          expect(pte, `${name}: prot ${prot} can neither read nor write`).toBe(-EINVAL);
          continue;
        }
        expect(BigInt(pte) & 3n, `${name}: type bits for prot ${prot}`).toBe(type);
        cells.push(`${prot.toString(16).padStart(2, '0')}=${(BigInt(pte) & ~3n).toString(16)}`);
      }
      expect(`${name}: ${cells.join(' ')}`, `prot_${suffix}.txt, ${name}, leaves of ${size} bytes`).toBe(want);
    }
  });
});
