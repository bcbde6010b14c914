import type { Scenario } from './scenario.ts';

const K4 = 0x1000;
const M2 = 0x200000;
const G1 = 0x40000000;
const READ = 1;
const READ_CACHE = 5;

/** Rows of E19: iova, size, physical address. */
const TLBI_ROWS: readonly (readonly [number, number, number])[] = [
  [0x1000, 0x1000, 0x1000],
  [0x1000, 0x3000, 0x1000],
  [0x10000, 0x21000, 0x10000],
  [0x201000, 0x1ff000, 0x1000],
  [0x201000, 0x201000, 0x1000],
  [0x200000, 0x200000, 0x90000000],
  [0x200000, 0x600000, 0x90000000],
  [0x1ff000, 0x402000, 0x1ff000],
  [0x40000000, 0x40000000, 0x140000000],
];

/** E15 to E25: formats, dirty state, teardown, and what the IOMMU core and SMMUv3 make of an unmap. */
export const CORE_SCENARIOS: Readonly<Record<string, (s: Scenario) => void>> = {
  E15(s) {
    s.create({ format: 'ARM_MALI_LPAE', ias: 33, oas: 40 });
    const { geometry, registers, memory, root } = s.table;
    if (registers.kind !== 'mali') throw new Error('Mali has registers of its own');
    const transtab = (memory.addressOf(root) + registers.transtabBits).toString(16);
    const memattr = registers.memattr.slice(2);
    s.print(`  start=${geometry.startLevel} pgdbits=${geometry.pgdBits} transtab=${transtab} memattr=${memattr}`);
    s.mapPages(K4, 0x80001000, K4, 1);
    s.mapPages(M2, 0x80200000, M2, 1, READ_CACHE);
    s.dump();
    s.counters('E15');
    s.destroy();
    s.counters('E15d');
  },
  // The file holds the outcomes only: these are the fewest maps and ranges that give them.
  E16(s) {
    s.create({ quirks: ['HD'] });
    s.quietly(() => {
      s.mapPages(M2, 0x80200000, M2, 1);
      s.mapPages(2 * M2, 0x80400000, K4, 1, READ);
      s.mapPages(2 * M2 + K4, 0x80401000, K4, 1);
    });
    s.print(` r=${s.readDirty(M2, M2 + K4, false)}`);
    s.print(` unaligned start in block r=${s.readDirty(M2 + K4, M2 + K4, false)}`);
    s.print(` hole r=${s.readDirty(3 * M2, K4, false)}`);
    s.print(` clear r=${s.readDirty(M2, M2, true)}`);
    s.print(` again r=${s.readDirty(M2, M2, true)}`);
  },
  E17(s) {
    s.create();
    s.quietly(() => {
      s.mapPages(K4, 0x80001000, K4, 1);
      s.mapPages(M2, 0x80201000, K4, 1);
      s.mapPages(G1, 0x80201000, K4, 1);
    });
    s.dump();
    s.destroy();
    s.counters('E17');
  },
  E18(s) {
    s.create({ ias: 32 });
    s.mapPages(3 * G1, 0, G1, 3);
    s.print(` ${[0, 1, 2, 3, 4, 5, 6, 7].map((index) => `pgd[${index}]=${s.rootEntry(index)}`).join(' ')}`);
  },
  E19(s) {
    for (const ril of [false, true]) {
      s.print(`  ril=${ril ? 1 : 0}`);
      for (const [iova, size, paddr] of TLBI_ROWS) {
        s.create({}, ril);
        s.quietly(() => s.map(iova, paddr, size));
        s.counters('map', `   iova=${iova.toString(16)} size=${size.toString(16)} pa=${paddr.toString(16)} `);
        let unmapped = 0;
        s.quietly(() => {
          unmapped = s.unmap(iova, size);
        });
        s.counters('unmap', `     unm=${unmapped.toString(16)}`);
      }
    }
  },
  E20(s) {
    s.create();
    s.map(0x3fe400000, 0x3fe400000, 0xc2200000);
    s.counters('E20');
    s.unmap(0x3fe400000, 0xc2200000);
    s.counters('E20u');
  },
  E21(s) {
    s.create();
    s.map(0xfef80000, 0x208b95d000, 0x20000);
    s.counters('E21');
  },
  E22(s) {
    s.create({ quirks: ['NS'] });
    s.mapPages(K4, 0x80001000, K4, 1);
    s.dump();
  },
  E23(s) {
    s.create();
    s.quietly(() => s.map(0x1ff000, 0x801ff000, M2 + 2 * K4));
    s.unmap(0x1ff000, M2 + 2 * K4);
    s.counters('E23');
  },
  E24(s) {
    for (const ril of [false, true]) {
      s.create({}, ril);
      s.quietly(() => s.mapPages(G1, 0x80000000, M2, 512));
      s.counters('map');
      if (ril) s.unmap(G1, G1);
      else s.quietly(() => s.unmap(G1, G1));
      s.counters(ril ? 'RIL' : 'noRIL');
    }
  },
  E25(s) {
    for (const ril of [false, true]) {
      s.create({}, ril);
      s.quietly(() => {
        s.map(M2 + K4, K4, 512 * K4);
        s.unmap(M2 + K4, 512 * K4);
      });
      s.counters(ril ? 'RIL' : 'noRIL');
    }
  },
};
