/** Maps that ask for more than a protection: attributes, and runs of leaves with the contiguous hint. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MapArguments, packArguments, SHARE_NAMES, unpackArguments } from '../../src/base/extended-prot.ts';
import { TextBytes } from '../../src/base/text-bytes.ts';
import type { Format, Kernel, PartialUnmap } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { readDirty, setDirty } from '../../src/lpae/dirty.ts';
import { runEntries } from '../../src/lpae/extended/extended-contig.ts';
import { decodeDescriptor } from '../../src/lpae/format/decode-descriptor.ts';
import { CONTIG_HI, unpackHi, unpackLo } from '../../src/lpae/format/descriptor.ts';
import { explainDescriptor } from '../../src/lpae/format/explain-descriptor.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { EventLog } from '../../src/replay/results/event-log.ts';
import { configFor, joined, makeDomain, type TestDomain } from './fixture.ts';
import { mapAt, unmapAt } from './sharing/repeat-fixture.ts';

const RW = 3;
const CONTIG = packArguments({ contig: true });
const K = 2 ** 10;
const M = 2 ** 20;
const G = 2 ** 30;

interface Leaf {
  readonly level: number;
  readonly iova: number;
  readonly pa: number;
  readonly pte: bigint;
  readonly hinted: boolean;
}

function leavesOf(table: PageTable): Leaf[] {
  const leaves: Leaf[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    const pa = Number(joined(unpackHi(pteHi, pteLo, table.granule64K), unpackLo(pteLo, table.granule64K)));
    const pte = joined(pteHi & ~CONTIG_HI, pteLo);
    const iova = Number(joined(iovaHi, iovaLo));
    if (kid === 0) leaves.push({ level, iova, pa, pte, hinted: (pteHi & CONTIG_HI) !== 0 });
    return true;
  });
  return leaves;
}

/** Runs of a granule and level in bytes, as the architecture has them. */
const RUN_BYTES: Readonly<Record<number, readonly [number, number]>> = {
  [4 * K]: [64 * K, 32 * M],
  [16 * K]: [2 * M, G],
  [64 * K]: [2 * M, 16 * G],
};

/** Every leaf with the hint belongs to an aligned run that is mapped whole, physically contiguous, of equal attributes. */
function expectRuns(table: PageTable): void {
  const list = leavesOf(table);
  const leaves = new Map(list.map((leaf) => [leaf.iova, leaf]));
  const checked = new Set<number>();
  const attributes = (pte: bigint): bigint => pte & ~0x0000_ffff_ffff_f000n;
  for (const leaf of list) {
    if (!leaf.hinted) continue;
    const bytes = RUN_BYTES[table.granule][3 - leaf.level];
    const start = leaf.iova - (leaf.iova % bytes);
    if (checked.has(start)) continue;
    checked.add(start);
    const base = leaf.pa - (leaf.iova - start);
    const size = table.sizes[leaf.level];
    let sound = base % bytes === 0;
    for (let at = start; at < start + bytes; at += size) {
      const other = leaves.get(at);
      sound &&= other?.hinted === true && other.level === leaf.level && other.pa === base + at - start;
      sound &&= attributes(other?.pte ?? 0n) === attributes(leaf.pte);
    }
    expect(sound, `run at ${start.toString(16)}`).toBe(true);
  }
}

const GRANULES = [
  { granule: 4 * K, pgsizes: 2 ** 12 + 2 ** 21 + 2 ** 30, runs: [16, 16], blocks: 2 * M },
  { granule: 16 * K, pgsizes: 2 ** 14 + 2 ** 25, runs: [128, 32], blocks: 32 * M },
  { granule: 64 * K, pgsizes: 2 ** 16 + 2 ** 29, runs: [32, 32], blocks: 512 * M },
] as const;

function domainOf(
  { granule, pgsizes }: (typeof GRANULES)[number],
  kernel: Kernel = '7.1',
  partialUnmap: PartialUnmap = 'refuse',
): TestDomain {
  return makeDomain(configFor(kernel, { pgsizes, cpuPageSize: granule, quirks: ['HD'], partialUnmap }));
}

describe('arguments of maps', () => {
  it('come back from a packed protection', () => {
    const given = fc.record(
      {
        sh: fc.constantFrom(...SHARE_NAMES),
        attrIndex: fc.nat({ max: 15 }),
        contig: fc.constant(true),
        sw: fc.integer({ min: 1, max: 7 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, fc.nat({ max: 63 }), (args, prot) => {
        const packed = prot | packArguments(args as MapArguments);
        expect(packed & 63).toBe(prot);
        expect(unpackArguments(packed)).toEqual(args);
      }),
      { seed: 7 },
    );
  });

  it('are written where the format has the field', () => {
    const write = (format: Format, args: MapArguments, prot = RW): Leaf | number => {
      const { domain, table } = makeDomain(configFor('7.1', { format, ias: 40, oas: 40 }));
      const ret = mapAt(domain, 0, 0x8000_0000, 4096, prot | packArguments(args));
      return ret === 0 ? leavesOf(table)[0] : ret;
    };
    const bits = (value: Leaf | number): bigint => (typeof value === 'number' ? -1n : value.pte - 0x8000_0000n);
    // Outer shareable, attribute 0, read and write; then one field each.
    expect(bits(write('ARM_64_LPAE_S1', {}))).toBe(0xe43n);
    expect(bits(write('ARM_64_LPAE_S1', { sh: 'none' }))).toBe(0xc43n);
    expect(bits(write('ARM_64_LPAE_S1', { sh: 'inner' }))).toBe(0xf43n);
    expect(bits(write('ARM_64_LPAE_S1', { attrIndex: 7 }))).toBe(0xe5fn);
    expect(bits(write('ARM_64_LPAE_S1', { sw: 5 }))).toBe((5n << 56n) | 0xe43n);
    expect(bits(write('ARM_64_LPAE_S2', { attrIndex: 15 }))).toBe(0x6ffn);
    expect(bits(write('ARM_64_LPAE_S2', { sh: 'inner' }))).toBe(0x7d7n);
    expect(bits(write('ARM_32_LPAE_S2', { attrIndex: 0 }))).toBe(0x6c3n);
    expect(bits(write('ARM_MALI_LPAE', { sh: 'inner', attrIndex: 4 }))).toBe(0x3d1n);
    expect(write('ARM_64_LPAE_S1', { attrIndex: 8 })).toBe(-22);
    expect(write('ARM_MALI_LPAE', { attrIndex: 8 })).toBe(-22);
    expect(write('ARM_MALI_LPAE', { contig: true })).toBe(-22);
    expect(write('ARM_MALI_LPAE', { sw: 1 })).toBe(-22);
    expect(write('ARM_64_LPAE_S1', { sh: 'inner' }, 4)).toBe(-22);
  });

  it('leave every plain protection as it was', () => {
    const plain = makeDomain(configFor('7.1'));
    const { table, domain } = makeDomain(configFor('7.1'));
    for (let i = 0; i < 40; i++) mapAt(domain, 4096 * (64 + i), 0, 4096, RW | packArguments({ sh: 'none', sw: i % 8 }));
    expect(table.attributes.slice(0, 128)).toEqual(plain.table.attributes);
    // Eight kinds were asked for, one of them without software bits.
    expect(table.attributes.length).toBe(2 * (64 + 8));
  });

  it('are decoded and named', () => {
    const { domain, table } = makeDomain(configFor('7.1'));
    mapAt(domain, 0, 0x1_0000, 64 * K, RW | packArguments({ sh: 'inner', attrIndex: 3, contig: true, sw: 2 }));
    visitEntries(table, ({ level, kid, pteHi, pteLo }) => {
      if (kid !== 0) return true;
      const { share, attrIndex, flags } = decodeDescriptor(table, level, pteHi, pteLo);
      expect({ share, attrIndex, flags }).toEqual({
        share: 'inner',
        attrIndex: 3,
        flags: ['oddmem', 'contig', 'sw57'],
      });
      const fields = explainDescriptor(table, level, pteHi, pteLo);
      expect(fields.find(({ name }) => name === 'Contiguous')).toMatchObject({ bits: '52', value: 1 });
      expect(fields.find(({ name }) => name === 'software')).toMatchObject({ bits: '58:56', value: 2 });
      expect(fields.some(({ name }) => name === '?')).toBe(false);
      return false;
    });
  });
});

describe.each(GRANULES)('runs of a $granule granule', (kind) => {
  const { granule, runs, blocks } = kind;

  it('have as many leaves as the architecture says', () => {
    const { table } = domainOf(kind);
    expect([runEntries(table, 3), runEntries(table, 2), runEntries(table, 1)]).toEqual([...runs, 0]);
    expect([runs[0] * granule, runs[1] * blocks]).toEqual([...RUN_BYTES[granule]]);
  });

  it.each([
    ['pages', granule, runs[0]],
    ['blocks', blocks, runs[1]],
  ])('of %s get the hint where they are aligned and whole', (_name, size, count) => {
    const made = domainOf(kind);
    const run = size * count;
    expect(mapAt(made.domain, run - size, 2 * run - size, 2 * run + 2 * size, RW | CONTIG)).toBe(0);
    const hinted = leavesOf(made.table).filter((leaf) => leaf.hinted);
    expect(hinted.map(({ iova }) => iova)).toEqual(Array.from({ length: 2 * count }, (_, i) => run + i * size));
    expect(made.table.counters[C.CONTIG_RUNS]).toBe(2);
    expectRuns(made.table);
    // Not aligned where it lies.
    const askew = domainOf(kind);
    mapAt(askew.domain, run, run + size, 2 * run, RW | CONTIG);
    expect(leavesOf(askew.table).some((leaf) => leaf.hinted)).toBe(false);
  });

  it('lose the hint by break-before-make when a part of them goes', () => {
    const log = new EventLog();
    const { domain, table } = makeDomain(configFor('7.1', { pgsizes: kind.pgsizes, cpuPageSize: granule }), {
      log: log as never,
    });
    const run = granule * runs[0];
    mapAt(domain, run, run, 3 * run, RW | CONTIG);
    expect(unmapAt(domain, 2 * run - granule, run + 2 * granule)).toBe(run + 2 * granule);
    const pieces: string[] = [];
    const text = new TextBytes((bytes) => void pieces.push(bytes.toString()));
    log.write(text);
    text.drain();
    const flushes = [...pieces.join('').matchAll(/\["FLUSH_WALK","(0x[0-9a-f]+)",(\d+),/g)].map((match) => [
      Number(match[1]),
      Number(match[2]),
    ]);
    // The two runs that are cut, not the one that goes whole, and both before any leaf is gathered.
    expect(flushes).toEqual([
      [run, run],
      [3 * run, run],
    ]);
    expect(pieces.join('').indexOf('ADD_PAGE')).toBeGreaterThan(pieces.join('').lastIndexOf('FLUSH_WALK'));
    expect(table.counters[C.CONTIG_BROKEN]).toBe(2);
    expect(leavesOf(table).some((leaf) => leaf.hinted)).toBe(false);
    expect(leavesOf(table).length).toBe(2 * (runs[0] - 1));
  });

  it('keep the hint when an unmap ends at a hole before them, or is refused', () => {
    const { domain, table } = domainOf(kind);
    const run = granule * runs[0];
    mapAt(domain, run, run, 2 * run, RW | CONTIG);
    unmapAt(domain, run, run);
    mapAt(domain, run - 2 * granule, 0, granule);
    // The run behind the hole is not reached.
    expect(unmapAt(domain, run - 2 * granule, run + 3 * granule)).toBe(granule);
    expect(table.counters[C.CONTIG_BROKEN]).toBe(0);
    mapAt(domain, blocks * runs[1], blocks * runs[1], blocks * runs[1], RW | CONTIG);
    expect(unmapAt(domain, blocks * runs[1], granule)).toBe(0);
    expect(table.counters[C.CONTIG_BROKEN]).toBe(0);
    expectRuns(table);
  });

  const change = fc.record({
    kind: fc.constantFrom('map', 'map', 'unmap', 'unmap', 'dirty', 'clean'),
    level: fc.nat({ max: 1 }),
    run: fc.nat({ max: 2 }),
    off: fc.integer({ min: -2, max: 2 }),
    runs: fc.nat({ max: 2 }),
    more: fc.integer({ min: 0, max: 3 }),
    askew: fc.constantFrom(0, 0, 0, 1),
    prot: fc.constantFrom(RW, RW, 1),
  });

  it.each([
    ['7.1', 'refuse'],
    ['6.12', 'split'],
    ['7.1', 'whole'],
  ] as const)('are sound at any time, and change nothing else: %s %s', (kernel, partial) => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 14 }), (list) => {
        const hinted = domainOf(kind, kernel, partial);
        const plain = domainOf(kind, kernel, partial);
        for (const { kind: what, level, run, off, runs: many, more, askew, prot } of list) {
          const size = level === 0 ? granule : blocks;
          const bytes = size * runs[level];
          const at = (level === 0 ? 0 : 4 * blocks * runs[1]) + bytes + run * bytes + off * size;
          const length = many * bytes + Math.max(more, many === 0 ? 1 : 0) * size;
          if (what === 'map') {
            const ret = mapAt(hinted.domain, at, 64 * bytes + at + askew * size, length, prot | CONTIG);
            expect(ret).toBe(mapAt(plain.domain, at, 64 * bytes + at + askew * size, length, prot));
          } else if (what === 'unmap') {
            // Of blocks a page alone, too.
            const part = level === 1 && many === 0 ? granule : length;
            expect(unmapAt(hinted.domain, at, part)).toBe(unmapAt(plain.domain, at, part));
          } else if (what === 'dirty') {
            const changed = setDirty(hinted.table, Math.floor(at / 2 ** 32), at % 2 ** 32);
            expect(setDirty(plain.table, Math.floor(at / 2 ** 32), at % 2 ** 32) || changed).toBe(changed);
          } else {
            const seen: number[] = [];
            readDirty(hinted.table, Math.floor(at / 2 ** 32), at % 2 ** 32, length, true, (hi, lo) =>
              seen.push(hi * 2 ** 32 + lo),
            );
            // Hardware that writes through a run makes all of it dirty: nothing that is dirty is missed.
            readDirty(plain.table, Math.floor(at / 2 ** 32), at % 2 ** 32, length, true, (hi, lo) =>
              expect(seen).toContain(hi * 2 ** 32 + lo),
            );
          }
          expectRuns(hinted.table);
        }
        const meaning = ({ table }: TestDomain): unknown[] =>
          leavesOf(table).map(({ level, iova, pa }) => [level, iova, pa]);
        expect(meaning(hinted)).toEqual(meaning(plain));
        expect(hinted.table.counters[C.MAPPED_BYTES]).toBe(plain.table.counters[C.MAPPED_BYTES]);
      }),
      { seed: 52, numRuns: granule === 64 * K ? 40 : 60 },
    );
  });
});
