/** Maps of address spaces: expanded, they are what every page translates to; bounded, they hide nothing silently. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as C from '../../src/lpae/counters.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import type { Replayer } from '../../src/replay/replayer.ts';
import { censusOf } from '../../src/stats/census.ts';
import { fairShares } from '../../src/stats/maps/fair-share.ts';
import { type MapLimits, mapsOf } from '../../src/stats/maps/maps-of.ts';
import type { LeafRun, LevelTotals, SpaceMap } from '../../src/stats/space-map.ts';
import { domain, G1, K4, M2, map, ndjson, reserve } from '../cli/events.ts';
import { runCli } from '../cli/fake-io.ts';
import { randomTraces } from '../replay/random-trace.ts';
import { replayEvents } from '../replay/run.ts';
import { expectSame } from '../same.ts';

const ALL: MapLimits = { runs: Infinity, tables: Infinity, reserved: Infinity };

async function mapped(events: readonly object[], limits: MapLimits = ALL): Promise<readonly SpaceMap[]> {
  const { replayer } = await replayEvents(events);
  return mapsOf(replayer, replayer.seq - 1, limits);
}

/** Every leaf of a run by its first IOVA: level and address. */
function leavesOf({ leaves }: SpaceMap): Map<bigint, string> {
  const result = new Map<bigint, string>();
  for (const run of leaves) {
    const size = BigInt(run.size) / BigInt(run.count);
    for (let i = 0n; i < run.count; i++) {
      result.set(BigInt(run.iova) + i * size, `${run.level} ${BigInt(run.paddr ?? 0) + i * size} ${run.attrs}`);
    }
  }
  return result;
}

function translates(table: PageTable, iova: bigint): bigint {
  expectSame(iovaToPhys(table, Number(iova >> 32n), Number(iova & 0xffffffffn)), true);
  return (BigInt(table.foundHi) << 32n) | BigInt(table.foundLo);
}

function tablesOf(replayer: Replayer): PageTable[] {
  return replayer.spaces.flatMap(({ table, destroyed }) => (table === null || destroyed ? [] : [table]));
}

const bytes = (runs: readonly LeafRun[]): number => runs.reduce((sum, run) => sum + run.size - (run.unmapped ?? 0), 0);
const leafCount = (runs: readonly LeafRun[]): number => runs.reduce((sum, { count }) => sum + count, 0);

/** What a map that leaves nothing out shows of each level. */
function totals({ tables: all, leaves }: SpaceMap): LevelTotals[] {
  return [0, 1, 2, 3].flatMap((level) => {
    const tables = all.filter((table) => table.level === level);
    const runs = leaves.filter((run) => run.level === level);
    if (tables.length + runs.length === 0) return [];
    return {
      level,
      tables: tables.length,
      leaves: leafCount(runs),
      mapped: bytes(runs),
      live: tables.reduce((sum, { live }) => sum + live, 0),
      pinned: tables.filter(({ pinned }) => pinned).length,
      parked: tables.filter(({ parked }) => parked).length,
      empty: tables.filter(({ empty }) => empty).length,
    };
  });
}

/** Pages with holes: the k-th hole has so many pages. */
function holes(sizes: readonly number[]): object[] {
  let at = 0;
  return sizes.map((size) => {
    at += (1 + size) * K4;
    return map(at, K4);
  });
}

describe('maps of random traces', () => {
  const traces = randomTraces({ jobs: 'none', ranges: true, maxLength: 80 });

  it('expand to what walking every page gives', async () => {
    await fc.assert(
      fc.asyncProperty(traces, async ({ events }) => {
        const { replayer } = await replayEvents(events);
        const maps = mapsOf(replayer, 7, ALL);
        const tables = tablesOf(replayer);
        expect(maps).toHaveLength(tables.length);
        for (const [at, table] of tables.entries()) {
          const leaves = leavesOf(maps[at]);
          for (const [iova, text] of leaves) {
            const [level, paddr] = text.split(' ');
            // Not its very last byte: of 2^64 - 1 the kernel's answer is undefined.
            const last = BigInt(table.sizes[Number(level)]) - 8n;
            expectSame(translates(table, iova), BigInt(paddr));
            expectSame(translates(table, iova + last), BigInt(paddr) + last);
          }
          // As many leaves as there are: these are all.
          const levels = [...leaves.values()].map((text) => Number(text[0]));
          expect([0, 1, 2, 3].map((level) => levels.filter((one) => one === level).length)).toEqual(
            censusOf(table).leaves,
          );
          expect(bytes(maps[at].leaves)).toBe(table.counters[C.MAPPED_BYTES]);
          expect([maps[at].leavesLeftOut, maps[at].tablesLeftOut, maps[at].seq]).toEqual([0, 0, 7]);
        }
      }),
      { seed: 41, numRuns: 30, endOnFailure: true },
    );
  });

  it('have the tables of the census, and the attributes of `dump`', async () => {
    await fc.assert(
      fc.asyncProperty(traces, async ({ events }) => {
        const { replayer } = await replayEvents(events);
        const maps = mapsOf(replayer, 0, ALL);
        const dump = await runCli(['dump', '-', '--view', 'ranges', '--merge', 'none'], { stdin: ndjson(events) });
        for (const [at, table] of tablesOf(replayer).entries()) {
          const { tables, leaves } = maps[at];
          const linked = tables.filter(({ parked }) => !parked);
          const census = censusOf(table);
          for (const [level, count] of census.tables.entries()) {
            expect(linked.filter((one) => one.level === level)).toHaveLength(count);
          }
          const root = tables[0];
          expect(root).toMatchObject({ level: table.startLevel, entries: table.pgdEntries, parked: false });
          expect(root.empty).toBe(leaves.length === 0);
          expect(linked.filter(({ empty }) => empty && linked.length > 0).length - (root.empty ? 1 : 0)).toBe(
            census.emptyTables,
          );
          // Every table in use is here once, those that are set aside as well.
          expect(new Set(tables.map(({ paddr }) => paddr)).size).toBe(tables.length);
          for (const attrs of new Set(leaves.map((leaf) => leaf.attrs))) expect(dump.stdout).toContain(attrs);
        }
        const known = replayer.spaces.reduce(
          (sum, { destroyed, counters }) => sum + (destroyed ? 0 : counters[C.TABLES_LIVE]),
          0,
        );
        expect(maps.reduce((sum, { tables }) => sum + tables.length, 0)).toBe(known);
      }),
      { seed: 42, numRuns: 20, endOnFailure: true },
    );
  });

  it('keep to their limits, and account for every leaf and table', async () => {
    await fc.assert(
      fc.asyncProperty(traces, fc.nat(12), fc.nat(12), async ({ events }, runs, tables) => {
        const { replayer } = await replayEvents(events);
        const all = mapsOf(replayer, 0, ALL);
        const some = mapsOf(replayer, 0, { runs, tables, reserved: 1 });
        expect(some.reduce((sum, { leaves }) => sum + leaves.length, 0)).toBeLessThanOrEqual(runs);
        expect(some.reduce((sum, one) => sum + one.tables.length, 0)).toBeLessThanOrEqual(tables);
        for (const [
          at,
          { leaves, leavesLeftOut, tablesLeftOut, tables: kept, reserved, reservedLeftOut },
        ] of some.entries()) {
          expect(kept.length + tablesLeftOut).toBe(all[at].tables.length);
          expect(leavesLeftOut === 0 || leaves.length < 3).toBe(true);
          // What all come to is told whatever is left out.
          expect(all[at].mapped).toBe(bytes(all[at].leaves));
          expect([some[at].mapped, some[at].levels]).toEqual([all[at].mapped, totals(all[at])]);
          expect(reserved.length + (reservedLeftOut ?? 0)).toBe(all[at].reserved.length);
          if (leavesLeftOut === 0) {
            expect([bytes(leaves), leafCount(leaves)]).toEqual([bytes(all[at].leaves), leafCount(all[at].leaves)]);
          }
          // Whatever has an address was not merged; whatever lies in it is there.
          for (const run of leaves.filter(({ paddr }) => paddr !== null)) expect(all[at].leaves).toContainEqual(run);
          expect(kept.every((one) => all[at].tables.some(({ paddr }) => paddr === one.paddr))).toBe(true);
        }
        expect(mapsOf(replayer, 0, { runs, tables, reserved: 1 })).toEqual(some);
      }),
      { seed: 43, numRuns: 40, endOnFailure: true },
    );
  });
});

describe('a map with too many runs', () => {
  it('closes the smallest gaps first, marks them, and no more than needed', async () => {
    const events = [domain(), ...holes([0, 100, 1, 8, 1, 3])];
    const [whole] = await mapped(events);
    // Pages whose addresses rise with the IOVA: a hole ends a run, nothing else does.
    expect(whole.leaves.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1]);
    const [four] = await mapped(events, { ...ALL, runs: 4 });
    expect(four.leaves.map(({ count, unmapped, paddr }) => [count, unmapped, paddr === null])).toEqual([
      [1, undefined, false],
      [2, K4, true],
      [2, K4, true],
      [1, undefined, false],
    ]);
    const [two] = await mapped(events, { ...ALL, runs: 2 });
    expect(two.leaves.map(({ count, unmapped }) => [count, unmapped])).toEqual([
      [1, undefined],
      [5, 13 * K4],
    ]);
    expect([four.leavesLeftOut, two.leavesLeftOut]).toEqual([0, 0]);
  });

  const prots = ['r', 'rw', 'r', 'rw'];

  it('merges what differs in attributes at last, and says so', async () => {
    // The first two pages of one mapping, a hole, and pages side by side whose attributes alternate.
    const events = [domain(), map(0, K4), map(8 * K4, K4), ...prots.map((prot, i) => map(M2 + i * K4, K4, { prot }))];
    const [five] = await mapped(events, { ...ALL, runs: 5 });
    const whole = await mapped(events);
    expect(five.leaves.map(({ count, attrs }) => [count, attrs])).toEqual([
      [2, whole[0].leaves[0].attrs],
      ...[2, 3, 4, 5].map((at) => [1, whole[0].leaves[at].attrs]),
    ]);
    const [three] = await mapped(events, { ...ALL, runs: 3 });
    expect(three.leaves.map(({ count, attrs, unmapped, paddr }) => [count, attrs, unmapped, paddr])).toEqual([
      [2, whole[0].leaves[0].attrs, 7 * K4, null],
      [2, 'mixed', undefined, null],
      [2, 'mixed', undefined, null],
    ]);
    expect([five.leavesLeftOut, three.leavesLeftOut]).toEqual([0, 0]);
  });

  it('closes gaps of 1 GiB last, even between equal attributes', async () => {
    const events = [domain(), ...[0, G1].flatMap((at) => prots.map((prot, i) => map(at + i * K4, K4, { prot })))];
    const [{ leaves }] = await mapped(events, { ...ALL, runs: 2 });
    expect(leaves.map(({ iova, count, attrs }) => [Number(iova), count, attrs])).toEqual([
      [0, 4, 'mixed'],
      [G1, 4, 'mixed'],
    ]);
  });

  it('merges within levels, and leaves out the level that maps the least where there is no place for it', async () => {
    const events = [domain(), map(0, K4), map(M2, M2), map(2 * M2, K4), map(3 * M2, M2, { prot: 'r' })];
    const [two] = await mapped(events, { ...ALL, runs: 2 });
    expect(two.leaves.map(({ level, count, unmapped, attrs }) => [level, count, unmapped, attrs === 'mixed'])).toEqual([
      [3, 2, 2 * M2 - K4, false],
      [2, 2, M2, true],
    ]);
    expect(two.leavesLeftOut).toBe(0);
    const [one] = await mapped(events, { ...ALL, runs: 1 });
    expect(one.leaves).toEqual([two.leaves[1]]);
    expect([one.leavesLeftOut, one.mapped]).toEqual([1, 2 * M2 + 2 * K4]);
  });

  it('shows all of a crowded address space, evenly, and tells what there is', async () => {
    const pages = 12_000;
    const events = [
      domain(),
      ...Array.from({ length: pages }, (_, i) => map(2 * i * K4, K4, { prot: prots[i % prots.length] })),
    ];
    const limits = { runs: 400, tables: 10, reserved: 1 };
    const [{ leaves, leavesLeftOut, mapped: bytesMapped, levels, tables, tablesLeftOut }] = await mapped(
      events,
      limits,
    );
    expect([leaves.length, leavesLeftOut, leafCount(leaves)]).toEqual([400, 0, pages]);
    expect(bytes(leaves)).toBe(pages * K4);
    expect(bytesMapped).toBe(pages * K4);
    expect(new Set(leaves.map(({ count }) => count))).toEqual(new Set([30]));
    // Between neighbours there is the hole that is there, and no more.
    const ends = leaves.map(({ iova, size }) => Number(iova) + size);
    expect(leaves.slice(1).map(({ iova }, at) => Number(iova) - ends[at])).toEqual(new Array(399).fill(K4));
    expect(tables.length + tablesLeftOut).toBe(50);
    expect(levels?.map((one) => [one.level, one.tables, one.live, one.leaves, one.mapped])).toEqual([
      [0, 1, 1, 0, 0],
      [1, 1, 1, 0, 0],
      [2, 1, 47, 0, 0],
      [3, 47, pages, pages, pages * K4],
    ]);
  });
});

describe('tables of a map', () => {
  it('say what is pinned, parked and empty', async () => {
    const events = [domain(), reserve('a', 0, M2), map(0, M2, { paddr: '0x40000000' }), map(2 * M2, K4)];
    const [{ tables, reserved }] = await mapped(events);
    expect(reserved).toEqual([{ id: 'a', iova: '0x0', size: M2 }]);
    expect(tables.map(({ level, pinned, parked, empty, live }) => [level, pinned, parked, empty, live])).toEqual([
      [0, false, false, false, 1],
      [1, true, false, false, 1],
      [2, true, false, false, 2],
      [3, true, true, true, 0],
      [3, false, false, false, 1],
    ]);
    expect(tables[4]).toMatchObject({ iova: '0x400000', size: M2, entries: 512 });
  });

  it('are the upper levels first, then some of all the address space', async () => {
    const events = [domain(), ...Array.from({ length: 16 }, (_, i) => map(i * M2, K4))];
    const [{ tables, tablesLeftOut }] = await mapped(events, { ...ALL, tables: 7 });
    expect(tables.map(({ level, iova }) => [level, iova])).toEqual([
      [0, '0x0'],
      [1, '0x0'],
      [2, '0x0'],
      [3, '0x600000'],
      [3, '0xe00000'],
      [3, '0x1600000'],
      [3, '0x1e00000'],
    ]);
    expect(tablesLeftOut).toBe(12);
  });
});

describe('address spaces of maps', () => {
  it('share the limits fairly', () => {
    expect(fairShares([10, 1, 10], 11)).toEqual([5, 1, 5]);
    expect(fairShares([10, 1, 10], 12)).toEqual([6, 1, 5]);
    expect(fairShares([3, 3, 3], 2)).toEqual([1, 1, 0]);
    expect(fairShares([2, 3], 100)).toEqual([2, 3]);
    expect(fairShares([], 5)).toEqual([]);
  });

  it('are those that stand: not refused, not destroyed; of own formats only sums are told', async () => {
    const events = [
      { op: 'domain', id: 'gone' },
      { op: 'domain', id: 'never', quirks: ['NOPE'] },
      { op: 'domain', id: 'own', driver: 'xe' },
      { op: 'bo', id: 'b', size: M2, segments: [{ paddr: '0x80000000', size: M2 }] },
      { op: 'bind', domain: 'own', job: 1, mode: 'sync', ops: [{ kind: 'map', iova: '0x0', size: K4, bo: 'b' }] },
      { op: 'destroy', domain: 'gone' },
    ];
    const maps = await mapped(events);
    expect(maps.map((one) => one.domain)).toEqual(['own']);
    expect(maps[0]).toMatchObject({ leaves: [], tables: [], reserved: [], leavesLeftOut: 1, granule: K4 });
    expect(maps[0].tablesLeftOut).toBeGreaterThan(2);
    expect(maps[0].mapped).toBe(K4);
    expect(maps[0].levels?.at(-1)).toEqual({ level: 3, tables: 1, leaves: 1 });
  });
});
