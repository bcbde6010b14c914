import type { Scenario } from './scenario.ts';

const K4 = 0x1000;
const M2 = 0x200000;
const M32 = 0x2000000;
const G1 = 0x40000000;
/** The hole in a range that is unmapped makes 7.1 warn; the vectors silence it there. */
const NO_WARN_71 = (s: Scenario) => (s.kernel === '7.1' ? (['NO_WARN'] as const) : []);

/** Two kernels, one scenario: part of a block is unmapped. */
function partialUnmap(s: Scenario, label: string, block: number, paddr: number, part: number, size: number): void {
  s.create();
  s.mapPages(block, paddr, block === M2 ? M2 : G1, 1);
  s.unmapPagesSynced(part, size, 1);
  s.counters(label);
}

/** The same, not logged, where cache cleans are counted. */
function partialUnmapCounted(s: Scenario, label: string, block: number, paddr: number, part: number): void {
  s.create({ coherent: false });
  s.mapPages(block, paddr, block === M2 ? M2 : G1, 1);
  s.quietly(() => s.unmapPagesSynced(part, K4, 1));
  s.counters(label);
}

/** E1 to E14: maps, unmaps and failures of one table, each operation read off the log. */
export const ENGINE_SCENARIOS: Readonly<Record<string, (s: Scenario) => void>> = {
  E1(s) {
    s.create();
    s.mapPages(K4, 0x80001000, K4, 3);
    s.unmapPagesSynced(K4, K4, 3);
    s.counters('E1');
    s.dump();
  },
  E1b(s) {
    s.create({ coherent: false });
    s.mapPages(K4, 0x80001000, K4, 3);
    s.dump();
    s.mapPages(0x4000, 0x80004000, K4, 1);
    s.unmapPagesSynced(K4, K4, 4);
    s.counters('E1b');
    s.destroy();
    s.counters('E1b-destroyed');
  },
  E2(s) {
    s.create();
    s.mapPages(M2, 0x80001000, K4, 512);
    s.counters('mapped');
    s.unmap(M2, M2);
    s.counters('E2');
  },
  E2nc(s) {
    s.create({ coherent: false });
    s.quietly(() => s.mapPages(M2, 0x80001000, K4, 512));
    s.counters('mapped');
    s.unmap(M2, M2);
    s.counters('E2nc');
  },
  E3(s) {
    s.create();
    s.mapPages(M2, 0x80001000, K4, 4);
    s.mapPages(M2, 0x90000000, M2, 1);
    s.dump();
    s.counters('E3');
  },
  E3nc(s) {
    s.create({ coherent: false });
    s.mapPages(M2, 0x80001000, K4, 4);
    s.mapPages(M2, 0x90000000, M2, 1);
    s.counters('E3nc');
  },
  E4(s) {
    s.create();
    s.mapPages(M2, 0x80001000, K4, 4);
    s.mapPages(0x400000, 0xa0000000, M2, 1);
    s.mapPages(M2, 0x90000000, M2, 2);
    s.dump();
    s.counters('E4');
  },
  E5(s) {
    partialUnmap(s, 'E5', M2, 0x90000000, 0x201000, K4);
    s.quietly(() => s.unmapPagesSynced(M2, M2, 1));
    s.counters('E5-after full unmap');
  },
  E5nc: (s) => partialUnmapCounted(s, 'E5nc', M2, 0x90000000, 0x201000),
  E6: (s) => partialUnmap(s, 'E6', G1, 0x140000000, 0x40201000, K4),
  E6b: (s) => partialUnmap(s, 'E6b', G1, 0x140000000, 0x40200000, M2),
  E6nc: (s) => partialUnmapCounted(s, 'E6nc', G1, 0x140000000, 0x40201000),
  E7(s) {
    for (let k = 0; k < 3; k++) {
      s.create();
      s.failAlloc(k + 1);
      s.print(`  k=${k} ret=${s.map(K4, 0x80001000, 3 * K4)}`);
      s.dump();
      s.counters('E7');
    }
  },
  E7b(s) {
    s.create();
    s.failAlloc(4);
    s.print(`  ret=${s.map(0x1ff000, 0x80200000, 3 * K4)}`);
    s.dump();
    s.counters('E7b');
  },
  E8(s) {
    s.create({ quirks: NO_WARN_71(s) });
    s.quietly(() => {
      for (const page of [0, 1, 3]) s.mapPages(0x10000 + page * K4, 0x80000000 + page * K4, K4, 1);
    });
    s.print(`  unmapped=${s.unmap(0x10000, 4 * K4).toString(16)}`);
    s.counters('E8');
    s.dump();
  },
  E9(s) {
    s.create();
    s.map(0x1fe000, 0x801fe000, 4 * K4);
    s.counters('E9');
  },
  E10(s) {
    s.create();
    s.quietly(() => s.mapPages(0x3000, 0x80003000, K4, 1));
    s.mapPages(K4, 0x80001000, K4, 4);
    s.dump();
    s.print(` core ret=${s.map(K4, 0x80001000, 4 * K4)}`);
    s.dump();
    s.counters('E10');
  },
  E11(s) {
    s.create({ ias: 39 });
    s.mapPages(K4, 0x80001000, 0x2000, 1);
    s.mapPages(K4, 0x80001000, 0, 1);
    s.mapPages(2 ** 39, 0x80001000, K4, 1);
    s.mapPages(K4, 2 ** 48, K4, 1);
    s.mapPages(K4, K4, K4, 1, 0);
    s.mapPages(K4, K4, K4, 0);
    s.unmapPages(K4, K4, 0);
    s.unmapPages(0x5000, K4, 1);
    s.unmapPages(2 ** 39, K4, 1);
    s.print(`unaligned unmap ${s.unmap(K4 + 1, K4)}`);
    s.print(`unaligned map ${s.map(K4 + 1, K4, K4)}`);
  },
  E12(s) {
    s.create({ ias: 39, quirks: ['TTBR1'] });
    s.mapPages(K4, 0x80001000, K4, 1);
    s.mapPages(0xffffff8000001000n, 0x80001000, K4, 1);
    s.dump();
    s.print(`  i2p ${s.lookup(0xffffff8000001234n)}`);
    s.print(`  i2p alias ${s.lookup(0x1234)}`);
  },
  E13(s) {
    s.create({ pgsizes: 0x40020010000, ias: 52, oas: 52 });
    const { config, geometry } = s.table;
    s.print(`  bitmap=${config.pgsizes.toString(16)} start=${geometry.startLevel} pgdbits=${geometry.pgdBits}`);
    s.mapPages(0x10000, 0xfedcba9870000, 0x10000, 1);
    s.mapPages(0x20000000, 0xfedc0a0000000, 0x20000000, 1);
    s.mapPages(0x80000000000, 0xf0c0000000000, 0x40000000000, 1);
    s.dump();
    s.print(`  i2p ${[0x11234, 0x2abcdef0, 0x80123456789].map((iova) => s.lookup(iova)).join(' ')}`);
  },
  E14(s) {
    s.create({ format: 'ARM_64_LPAE_S2', pgsizes: 0x2004000, ias: 40, oas: 40 });
    s.print(`  start=${s.table.geometry.startLevel} pgdbits=${s.table.geometry.pgdBits}`);
    s.map(0xffc000000, 0, 4 * M32);
    s.mapPages(0xfffe000000, 0, M32, 1);
    s.dump();
    s.print(` unm ${s.unmapPages(0xffc000000, M32, 4).toString(16)}`);
    s.counters('E14');
  },
};
