/** What a page-table format promises to algorithms that know nothing of its bits, for every configuration that there is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitmapSizes } from '../../src/base/sizes.ts';
import { FORMATS } from '../../src/base/vocabulary.ts';
import { ConfigRefused } from '../../src/lpae/format/config.ts';
import { unpackHi, unpackLo } from '../../src/lpae/format/descriptor.ts';
import { LAST_LEVEL, LEVELS } from '../../src/lpae/format/geometry.ts';
import { iovaToPhys, walkPageTable } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { NO_LEVEL } from '../../src/lpae/table/table-shape.ts';
import { configFor, halves, joined, makeTable } from './fixture.ts';

const GRANULES: readonly [string, number][] = [
  ['4K', 2 ** 12 + 2 ** 21 + 2 ** 30],
  ['16K', 2 ** 14 + 2 ** 25],
  ['64K', 2 ** 16 + 2 ** 29],
];

/** Every configuration of a granule that the engine takes. */
function tables(pgsizes: number): PageTable[] {
  const made: PageTable[] = [];
  for (const format of FORMATS) {
    for (const ias of [30, 32, 36, 39, 40, 42, 44, 48]) {
      try {
        made.push(makeTable(configFor('7.1', { format, pgsizes, ias, oas: Math.max(ias, 40) })));
      } catch (error) {
        if (!(error instanceof ConfigRefused)) throw error;
      }
    }
  }
  return made;
}

describe.each(GRANULES)('formats of a %s granule', (_name, pgsizes) => {
  const all = tables(pgsizes);

  it('are several', () => {
    expect(all.length).toBeGreaterThan(8);
  });

  it('index an address by the bits of each level', () => {
    for (const table of all) {
      const { ias } = table.config;
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** BigInt(ias) - 1n }), (iova) => {
          for (let level = table.startLevel; level <= LAST_LEVEL; level++) {
            const index = (iova / BigInt(table.sizes[level])) % BigInt(table.entriesAt(level));
            expect(table.indexAt(level, ...halves(iova))).toBe(Number(index));
          }
        }),
        { numRuns: 20, seed: 5 },
      );
    }
  });

  it('hold the whole address space in their start table, and no more', () => {
    for (const table of all) {
      const { ias } = table.config;
      // Mali always walks four levels: below 512G its start table is a single entry.
      const span = table.isMali ? Math.max(2 ** ias, 2 ** 39) : 2 ** ias;
      expect(table.entriesAt(table.startLevel) * table.sizes[table.startLevel]).toBe(span);
      const last = halves(2n ** BigInt(ias) - 1n);
      expect(table.iovaInRange(...last)).toBe(true);
      if (ias < 64) expect(table.iovaInRange(...halves(2n ** BigInt(ias)))).toBe(false);
      for (let level = table.startLevel; level <= LAST_LEVEL; level++) {
        const spans = table.entriesAt(level) * table.sizes[level];
        expect(table.indexAt(level, ...last)).toBe(Math.ceil(Math.min(spans, 2 ** ias) / table.sizes[level]) - 1);
      }
    }
  });

  it('have entries of one size on each level, of which the page sizes are some', () => {
    const sizes = bitmapSizes(pgsizes);
    for (const table of all) {
      for (let level = LAST_LEVEL; level > table.startLevel; level--) {
        expect(table.sizes[level - 1]).toBe(table.sizes[level] * table.tableEntries);
      }
      expect(table.sizes[LAST_LEVEL]).toBe(sizes[0]);
      for (const size of sizes) {
        const level = table.levelOf(size);
        expect(level === NO_LEVEL ? size > table.sizes[table.startLevel] : table.sizes[level] === size).toBe(true);
      }
      expect(table.levelOf(sizes[0] / 2)).toBe(NO_LEVEL);
    }
  });

  it('give back the output address of an entry of every size, and the bytes within', () => {
    let leaves = 0;
    for (const table of all) {
      for (const size of bitmapSizes(table.config.pgsizes)) {
        const level = table.levelOf(size);
        if (level >= LEVELS) continue;
        fc.assert(
          fc.property(fc.nat({ max: 2 ** table.config.oas / size - 1 }), fc.nat({ max: size - 1 }), (page, inside) => {
            const iova = size * (leaves++ % 7);
            const paddr = page * size;
            if (table.root === 0 || iova + size > 2 ** table.config.ias) return;
            const fresh = makeTable(table.config);
            expect(mapPages(fresh, ...halves(iova), ...halves(paddr), size, 1, 3)).toBe(0);
            const walk = walkPageTable(fresh, ...halves(iova));
            expect([walk.leaf, walk.last]).toEqual([true, level]);
            const entry = walk.entries[level];
            const [hi, lo] = [fresh.memory.hi[entry], fresh.memory.lo[entry]];
            expect(joined(unpackHi(hi, lo, fresh.granule64K), unpackLo(lo, fresh.granule64K))).toBe(BigInt(paddr));
            expect(iovaToPhys(fresh, ...halves(iova + inside))).toBe(true);
            expect(joined(fresh.foundHi, fresh.foundLo)).toBe(BigInt(paddr + inside));
            // The way there: each table entry holds the address of the table below it.
            for (let above = fresh.startLevel; above < level; above++) {
              const link = walk.entries[above];
              const below = fresh.memory.addressOf(walk.tables[above + 1]);
              const at = [fresh.memory.hi[link], fresh.memory.lo[link]] as const;
              expect(joined(unpackHi(...at, fresh.granule64K), unpackLo(at[1], fresh.granule64K))).toBe(BigInt(below));
            }
            fresh.destroy();
          }),
          { numRuns: 4, seed: 9 },
        );
      }
    }
    expect(leaves).toBeGreaterThan(50);
  });
});
