import { describe, expect, it } from 'vitest';
import { TextBytes } from '../../../src/base/text-bytes.ts';
import * as C from '../../../src/lpae/counters.ts';
import type { PgtableConfig } from '../../../src/lpae/format/config.ts';
import type { SharedLinks } from '../../../src/lpae/sharing/shared-links.ts';
import type { SpaceGuard } from '../../../src/lpae/sharing/space-guard.ts';
import { repeatTables } from '../../../src/lpae/sharing/table-counts.ts';
import { EventLog } from '../../../src/replay/results/event-log.ts';
import { configFor, makeDomain, type TestDomain } from '../fixture.ts';
import { linksByForce, mapAt, physical, repeatAt, unmapAt } from './repeat-fixture.ts';

const K = 2 ** 10;
const M = 2 ** 20;
const G = 2 ** 30;
const T = 2 ** 40;
const PA = 0x8000_0000;

const S4K = configFor('7.1');
const S64K = configFor('7.1', { pgsizes: 2 ** 16 + 2 ** 29, cpuPageSize: 65536 });

function sharingOf({ table }: TestDomain): SharedLinks {
  const { sharing } = table;
  if (sharing === null) throw new Error('nothing is shared');
  return sharing;
}

/** Tables of the tree below the start table, each once. */
function tablesOf({ table }: TestDomain): number {
  return table.counters[C.TABLES_LIVE] - 1;
}

interface Row {
  readonly name: string;
  readonly config: PgtableConfig;
  readonly start: number;
  readonly size: number;
  readonly length: number;
  readonly plain: number;
  readonly shared: readonly number[];
}

const row = (
  name: string,
  config: PgtableConfig,
  start: number,
  size: number,
  length: number,
  plain: number,
  shared: readonly number[],
): Row => ({ name, config, start, size, length, plain, shared });

const ROWS: readonly Row[] = [
  row('512G at 0, 4K', S4K, 0, 512 * G, 4 * K, 262_657, [1, 1, 1]),
  row('1G aligned, 4K', S4K, 0, G, 4 * K, 514, [1, 1, 1]),
  row('1G at +4K, 4K', S4K, 4 * K, G, 4 * K, 516, [1, 2, 3]),
  row('64G, 12K', S4K, 0, 64 * G, 12 * K, 32_833, [1, 3, 3]),
  row('64G, 1M', S4K, 0, 64 * G, M, 32_833, [1, 1, 1]),
  row('4T, 64K, granule 64K', S64K, 0, 4 * T, 64 * K, 8_193, [1, 1]),
];

describe('tables of repeat mappings', () => {
  it.each(ROWS)('$name: formulas', ({ config, start, size, length, plain, shared }) => {
    const { table } = makeDomain(config);
    // 64G of 12K are not a whole number of repetitions: the worked row counts tables, not leaves.
    const levels = repeatTables(table, start, start + size, length);
    expect(levels.reduce((sum, level) => sum + level.plain, 0)).toBe(plain);
    expect(levels.map((level) => level.shared)).toEqual(shared);
    expect(levels.every(({ boundary }) => boundary >= 0 && boundary <= 2)).toBe(true);
  });

  it.each(ROWS)('$name: built with sharing', ({ config, start, size, length, shared }) => {
    const made = makeDomain(config);
    const whole = size - (size % length);
    expect(repeatAt(made.domain, 'shared', start, whole, PA, length)).toMatchObject({ ret: 0, mapped: whole });
    const levels = repeatTables(made.table, start, start + whole, length);
    const { tables } = physical(made.table);
    expect(tables.slice(made.table.startLevel + 1)).toEqual(levels.map((level) => level.shared));
    if (whole === size) expect(levels.map((level) => level.shared)).toEqual(shared);
    expect(made.table.counters[C.MAPPED_BYTES]).toBe(whole);
    expect(sharingOf(made).tablesSaved).toBe(levels.reduce((sum, level) => sum + level.plain - level.shared, 0));
  });

  it.each(ROWS.filter(({ plain }) => plain < 1000))(
    '$name: built plainly',
    ({ config, start, size, length, plain }) => {
      const made = makeDomain(config);
      expect(repeatAt(made.domain, 'plain', start, size, PA, length).ret).toBe(0);
      expect(tablesOf(made)).toBe(plain);
      made.table.destroy();
    },
  );

  it('takes min(inside, contents) tables where there are fewer windows than contents', () => {
    const { table } = makeDomain(S4K);
    const [l1, l2, l3] = repeatTables(table, 0, 2 * G, 12 * K);
    expect([l1.shared, l2.shared, l3.shared]).toEqual([1, 2, 3]);
    expect(repeatTables(table, 4 * K, 2 * M, 4 * K).map(({ boundary, shared }) => [boundary, shared])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });
});

describe('512G of one page', () => {
  const shared = (config = S4K, options: Parameters<typeof makeDomain>[1] = {}): TestDomain => {
    const made = makeDomain(config, options);
    repeatAt(made.domain, 'shared', 0, 512 * G, PA, 4 * K);
    return made;
  };
  /** The slots of the tables that translate address 0, from the start table down. */
  const pathAt = ({ table }: TestDomain, offset: number): number[] => {
    const path = [table.root];
    for (let level = 0; level < 3; level++) {
      const index = Math.floor(offset / table.sizes[level]) % table.entriesAt(level);
      path.push(table.memory.kid[path[level] + index]);
    }
    return path;
  };

  it('writes 1,537 entries and three tables, in milliseconds', () => {
    const began = performance.now();
    const made = makeDomain(S4K);
    const { written } = repeatAt(made.domain, 'shared', 0, 512 * G, PA, 4 * K);
    expect(performance.now() - began).toBeLessThan(200);
    expect(written).toBe(512 + 512 + 512 + 1);
    expect(made.table.counters[C.LEAVES_WRITTEN]).toBe(512);
    expect(physical(made.table).live).toBe(1_537);
    expect(tablesOf(made)).toBe(3);
    const [, l1, l2, l3] = pathAt(made, 0);
    const links = sharingOf(made);
    expect([links.of(l1), links.of(l2), links.of(l3)]).toEqual([1, 512, 512]);
  });

  it('cleans the cache once for each table and once for the link', () => {
    const made = shared({ ...S4K, coherent: false });
    expect(made.table.counters[C.PT_SYNCS]).toBe(4);
  });

  it('copies two tables for an unmap of one page', () => {
    const log = new EventLog();
    const made = shared(S4K, { log: log as never });
    const [, l1, l2, l3] = pathAt(made, 0);
    expect(unmapAt(made.domain, 0, 4 * K)).toBe(4 * K);
    const { counters } = made.table;
    expect(tablesOf(made)).toBe(5);
    expect(counters[C.FLUSH_WALKS]).toBe(1);
    expect(counters[C.ADD_PAGES]).toBe(0);
    const pieces: string[] = [];
    const text = new TextBytes((bytes) => void pieces.push(bytes.toString()));
    log.write(text);
    text.drain();
    expect(pieces.join('')).toContain('["FLUSH_WALK","0x0",1073741824,4096]');
    const links = sharingOf(made);
    const [, l1After, l2Copy, l3Copy] = pathAt(made, 0);
    expect(l1After).toBe(l1);
    expect([l2Copy, l3Copy].includes(l2) || [l2Copy, l3Copy].includes(l3)).toBe(false);
    expect([links.of(l1), links.of(l2), links.of(l3)]).toEqual([1, 511, 512 + 511]);
    expect(links.copies).toBe(2);
    expect(counters[C.MAPPED_BYTES]).toBe(512 * G - 4 * K);
    expect(linksByForce(made.table).get(l3)).toBe(1023);
  });

  it('copies a path for each edge of a longer unmap, with one flush of 1G each', () => {
    const made = shared();
    expect(unmapAt(made.domain, 4 * K, 2 * G)).toBe(2 * G);
    const { counters } = made.table;
    // Both edges, and the 1G between them that goes as a whole.
    expect(counters[C.FLUSH_WALKS]).toBe(3);
    expect(sharingOf(made).copies).toBe(4);
    expect(counters[C.MAPPED_BYTES]).toBe(510 * G);
  });

  it('drops 511 whole tables of a 1G without copying them', () => {
    const made = shared();
    expect(unmapAt(made.domain, 4 * K, G - 4 * K)).toBe(G - 4 * K);
    expect(made.table.counters[C.FLUSH_WALKS]).toBe(1);
    const [, , l2] = pathAt(made, 0);
    expect(made.table.memory.liveOf(l2)).toBe(1);
  });

  it.each(['ARM_64_LPAE_S1', 'ARM_MALI_LPAE'] as const)('gives each page back once when all goes: %s', (format) => {
    const made = shared({ ...S4K, format, oas: 40, pgsizes: 2 ** 12 + 2 ** 21 });
    expect(unmapAt(made.domain, 0, 512 * G)).toBe(512 * G);
    // The table that nobody shared stays, as it does in the kernel.
    expect(tablesOf(made)).toBe(1);
    expect(made.table.counters[C.MAPPED_BYTES]).toBe(0);
    expect(made.table.counters[C.FLUSH_WALKS]).toBe(1);
    made.table.destroy();
    expect(made.table.counters[C.TABLES_LIVE]).toBe(0);
  });

  it('gives each page back once when the address space goes', () => {
    const made = shared();
    unmapAt(made.domain, 3 * G + 12 * K, 5 * M);
    made.table.destroy();
    const { counters } = made.table;
    expect(counters[C.TABLES_LIVE]).toBe(0);
    expect(counters[C.TABLE_FREES]).toBe(counters[C.TABLE_ALLOCS]);
    expect(counters[C.MAPPED_BYTES]).toBe(0);
    expect(counters[C.LEAVES_CLEARED]).toBe(counters[C.LEAVES_WRITTEN]);
  });

  it('puts pages by for two paths, and returns a short count without them', () => {
    const reserved = makeDomain(S4K);
    repeatAt(reserved.domain, 'shared', 0, 512 * G, PA, 4 * K, { reserve: true });
    const guard = reserved.table.guard as SpaceGuard;
    expect(guard.spare).toBe(6);
    reserved.table.failAllocIn = 1;
    expect(unmapAt(reserved.domain, 4 * K, 2 * G)).toBe(2 * G);
    expect(guard.spare).toBe(2);
    reserved.table.failAllocIn = 0;
    unmapAt(reserved.domain, 0, 512 * G);

    const bare = makeDomain(S4K);
    repeatAt(bare.domain, 'shared', 0, 512 * G, PA, 4 * K);
    bare.table.failAllocIn = 4;
    // The left edge and the middle have gone when the second page for the right edge cannot be had.
    expect(unmapAt(bare.domain, 4 * K, 2 * G)).toBe(2 * G - 4 * K);
    expect(sharingOf(bare).copiesFailed).toBe(1);
    expect(bare.table.counters[C.MAPPED_BYTES]).toBe(512 * G - 2 * G + 4 * K);
  });

  it('refuses a map over a leaf and replaces shared tables by a block', () => {
    const made = shared();
    expect(mapAt(made.domain, 8 * K, PA, 4 * K)).toBe(-17);
    expect(made.table.counters[C.TABLE_ALLOCS]).toBe(4);
    expect(mapAt(made.domain, 4 * M, PA, 2 * M)).toBe(0);
    expect(sharingOf(made).copies).toBe(1);
    expect(made.table.counters[C.FLUSH_WALKS]).toBe(1);
    expect(made.table.counters[C.MAPPED_BYTES]).toBe(512 * G);
  });
});
