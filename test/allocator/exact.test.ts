import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEMAND_MAP, type Demand } from '../../src/allocator/demand.ts';
import { MissingTables } from '../../src/allocator/need/missing.ts';
import { Need } from '../../src/allocator/need/need.ts';
import { bitmapSizes } from '../../src/base/sizes.ts';
import { type PartialUnmap, PROT_DEFAULT } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { ConfigRefused, type PgtableConfig } from '../../src/lpae/format/config.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { Pinning } from '../../src/lpae/pinning/pinning.ts';
import { unitOf } from '../../src/lpae/table/memory.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { configFor, joined } from '../lpae/fixture.ts';
import { configs } from '../lpae/random-ops.ts';
import { G1, K4, M2, map, needed, Space, sum, unmap } from './fixture.ts';

/** The most pages of a request that no block fits into: a few last-level tables of 4K pages. */
const SCATTERED_PAGES = 1500;

/** An operation in terms of any geometry, as words: where, on which page size, how many, mapping or not, raw or not. */
interface Step {
  readonly unmaps: boolean;
  readonly raw: boolean;
  readonly place: number;
  readonly pages: number;
  readonly size: number;
  readonly count: number;
  readonly shift: number;
}

const steps = fc.array(
  fc.record({
    unmaps: fc.boolean(),
    raw: fc.boolean(),
    place: fc.nat(5),
    pages: fc.nat(3),
    size: fc.nat(3),
    count: fc.integer({ min: 0, max: 5 }),
    shift: fc.nat(2),
  }),
  { maxLength: 30 },
);

/** The step for one space: landmarks are its first window, borders of blocks, and its very end. */
function demandOf(step: Step, space: Space): Demand {
  const { table } = space;
  const sizes = bitmapSizes(table.config.pgsizes);
  const granule = BigInt(table.granule);
  const pgsize = step.raw && step.size === 3 ? sizes[0] + (sizes[1] ?? 0) : sizes[step.size % sizes.length];
  const last = 1n << BigInt(table.config.ias);
  const upper = joined(table.iovaWantHi, table.iovaWantLo);
  const border = BigInt(sizes[step.place % sizes.length]);
  const at = [0n, border, 2n * border, last - granule, last - border, 3n * border][step.place];
  const iova = upper | ((at + BigInt(step.pages) * granule) % last);
  const paddr = (step.shift === 0 ? at : BigInt(step.shift - 1) * granule) % (1n << BigInt(table.config.oas));
  // What cannot go in blocks stays small enough to walk over.
  const inBlocks = (iova | paddr) % BigInt(pgsize) === 0n;
  const most = step.raw || inBlocks ? Number.POSITIVE_INFINITY : SCATTERED_PAGES * table.granule;
  const size = Math.min(pgsize * step.count, most) + (step.shift === 2 && !step.raw ? table.granule : 0);
  const demand = step.unmaps ? unmap(iova, size) : map(iova, size);
  demand.paddrHi = Number(paddr >> 32n);
  demand.paddrLo = Number(paddr & 0xffffffffn);
  if (step.raw) {
    demand.pgsize = pgsize;
    demand.pgcount = step.count;
  }
  return demand;
}

function carryOut(space: Space, demand: Demand): void {
  const { table } = space;
  const { iovaHi, iovaLo, paddrHi, paddrLo, pgsize, pgcount } = demand;
  if (pgsize === 0) space.carryOut(demand);
  else if (demand.kind !== DEMAND_MAP) unmapPages(table, iovaHi, iovaLo, pgsize, pgcount, null);
  else mapPages(table, iovaHi, iovaLo, paddrHi, paddrLo, pgsize, pgcount, PROT_DEFAULT);
}

function levelAllocs(space: Space): number[] {
  return [0, 1, 2, 3].map((level) => space.table.counters[C.LEVEL_ALLOCS + level]);
}

function spaceFor(name: string, config: PgtableConfig): Space | null {
  try {
    return new Space(name, config);
  } catch (error) {
    if (error instanceof ConfigRefused) return null;
    throw error;
  }
}

/** Configurations, some of them without the middle one of three block sizes. */
function sparseConfigs(partial: readonly PartialUnmap[]): fc.Arbitrary<PgtableConfig> {
  return fc
    .tuple(configs(partial), fc.boolean())
    .map(([config, sparse]) => (sparse && config.pgsizes === K4 + M2 + G1 ? { ...config, pgsizes: K4 + G1 } : config));
}

const RUNS = { seed: 20240701, numRuns: 300 };

describe('the dry run', () => {
  it('counts exactly the tables that the operation then makes, level by level', () => {
    let found = 0;
    fc.assert(
      fc.property(sparseConfigs(['refuse', 'split', 'whole']), steps, (config, list) => {
        const space = spaceFor('kernel', config);
        if (space === null) return;
        const missing = new MissingTables(space.table);
        for (const step of list) {
          const demand = demandOf(step, space);
          const need = new Need();
          missing.add(demand, need);
          const before = levelAllocs(space);
          carryOut(space, demand);
          const made = levelAllocs(space).map((count, level) => count - before[level]);
          expect([...need.byLevel]).toEqual(made);
          if (step.unmaps) found += need.pages;
        }
        space.destroy();
      }),
      RUNS,
    );
    // Splits were among it.
    expect(found).toBeGreaterThan(0);
  });

  it.each(['bulk-exact', 'reserve,formula=exact', 'reserve-counted,formula=exact'])(
    'leaves %s without waste and without need',
    (name) => {
      fc.assert(
        fc.property(sparseConfigs(['refuse', 'split']), steps, (config, list) => {
          const space = spaceFor(name, config);
          if (space === null) return;
          const { allocator, stats } = space;
          for (const step of list) {
            const demand = demandOf(step, space);
            const ticket = space.submit(demand);
            expect(allocator.begin(ticket)).toBe(true);
            carryOut(space, demand);
            allocator.end(ticket);
            allocator.cleanup(ticket);
          }
          expect([stats.returned, stats.failedInRun, allocator.violations]).toEqual([0, 0, []]);
          expect(stats.used).toBe(stats.reserved);
          space.destroy();
          expect(stats.heldBytes).toBe(0);
        }),
        { seed: 20240702, numRuns: 150 },
      );
    },
  );
});

describe('the dry run of an unmap', () => {
  it('ends at a hole, as the unmap does, and splits nothing behind it', () => {
    const space = new Space('kernel', configFor('6.12'));
    space.carryOut(map(0, K4, 0));
    space.carryOut(map(2 * M2, M2, 2 * M2));
    const count = (demand: Demand): number => {
      const need = new Need();
      new MissingTables(space.table).add(demand, need);
      return need.pages;
    };
    expect(count(unmap(0, 2 * M2 + K4))).toBe(0);
    expect(count(unmap(2 * M2, K4))).toBe(1);
    expect(count(unmap(2 * M2 + K4, M2 - K4))).toBe(1);
    expect(count(unmap(2 * M2, M2))).toBe(0);
  });
});

describe('the dry run among pinned tables', () => {
  it('needs no table where one has been set aside', () => {
    const space = new Space('bulk-exact');
    const { table } = space;
    table.pinning = new Pinning('park', 'drop', 'lazy', false);
    space.now(map(0, K4, 0));
    visitEntries(table, ({ kid }) => {
      if (kid !== 0) table.memory.pins[unitOf(kid)] = 1;
      return true;
    });
    expect(space.now(map(0, M2, 0))).toBe(0);
    expect(table.pinning.parkedNow).toBe(1);
    space.now(unmap(0, M2));
    expect(space.now(map(0, K4, 0))).toBe(0);
    expect([space.stats.reserved, space.stats.returned, table.pinning.parkedNow]).toEqual([3, 0, 0]);
  });
});

describe('the worst case', () => {
  it('is never exceeded', () => {
    fc.assert(
      fc.property(sparseConfigs(['refuse', 'split', 'whole']), steps, (config, list) => {
        const space = spaceFor('kernel', config);
        if (space === null) return;
        for (const step of list) {
          const demand = demandOf(step, space);
          const worst = needed('tree-empty', config, demand);
          const before = levelAllocs(space);
          carryOut(space, demand);
          const made = levelAllocs(space).map((count, level) => count - before[level]);
          for (let level = 1; level < 4; level++) expect(made[level]).toBeLessThanOrEqual(worst[level]);
        }
        space.destroy();
      }),
      RUNS,
    );
  });

  it('is what mapping page by page into an empty tree takes', () => {
    fc.assert(
      fc.property(
        configs(['refuse']),
        fc.nat(5),
        fc.integer({ min: -3, max: 3 }),
        fc.integer({ min: 1, max: 40 }),
        (config, landmark, offset, count) => {
          const space = spaceFor('kernel', config);
          if (space === null) return;
          const { table } = space;
          const last = 1n << BigInt(table.config.ias);
          const granule = BigInt(table.granule);
          const borders = [0n, last / 2n, ...[...table.sizes].map((size) => BigInt(size))];
          const start = (((borders[landmark] + BigInt(offset) * granule) % last) + last) % last;
          const pages = Number(BigInt(count) * granule > last - start ? (last - start) / granule : BigInt(count));
          const iova = joined(table.iovaWantHi, table.iovaWantLo) | start;
          const before = levelAllocs(space);
          for (let i = 0n; i < BigInt(pages); i++) space.carryOut(map(iova + i * granule, table.granule, 0));
          const made = levelAllocs(space).map((total, level) => total - before[level]);
          expect(needed('tree-empty', config, map(iova, pages * table.granule))).toEqual(made);
          space.destroy();
        },
      ),
      { seed: 20240703, numRuns: 400 },
    );
  });

  it('equals the dry run on an empty tree when pages are scattered', () => {
    const space = new Space('kernel');
    const missing = new MissingTables(space.table);
    const need = new Need();
    missing.add(map(K4, 2 ** 30, 3 * K4), need);
    expect(need.pages).toBe(516);
    expect(sum(needed('tree-empty', space.table.config, map(K4, 2 ** 30)))).toBe(516);
  });
});
