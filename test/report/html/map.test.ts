import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Facts, hitAt } from '../../../src/report/html/client/map/describe.ts';
import { Layout } from '../../../src/report/html/client/map/layout.ts';
import { type Item, Space } from '../../../src/report/html/client/map/space.ts';
import { Page } from '../../../src/report/html/client/page.ts';
import { packPage } from '../../../src/report/html/pack.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import type { SpaceMap } from '../../../src/stats/space-map.ts';
import { crowded, handMade, RUN } from './fixtures.ts';

const SEED = 20260802;
const PAGE = 4096;

/** The map as the script of the page reads it. */
function spaceOf(map: SpaceMap): Space {
  const document = { maps: [map], config: { allocator: 'kernel' } } as unknown as StatsDocument;
  const page = new Page(JSON.stringify(packPage([document])));
  return new Space(page.data.documents[0].maps[0], page);
}

function factsAt(space: Space, label: string, iova: number): Record<string, string> {
  const lane = space.lanes.find((one) => one.label === label);
  if (lane === undefined) throw new Error(`no row ${label}`);
  return asObject(hitAt(space, new Layout(space.items), lane, { iova }).facts);
}

const asObject = (facts: Facts): Record<string, string> => Object.fromEntries(facts);

describe('the address-space map', () => {
  const space = spaceOf(handMade());

  it('has a row for each level that has tables or leaves', () => {
    expect(space.lanes.map(({ label }) => label)).toEqual([
      'reserved',
      'L0 tables',
      'L1 tables',
      'L1 blocks',
      'L2 tables',
      'L2 blocks',
      'L3 tables',
      'L3 pages',
    ]);
  });

  it('tells the very entry of every page of a run', () => {
    for (let nth = 0; nth < 512; nth++) {
      const iova = RUN.iova + nth * PAGE;
      const facts = factsAt(space, 'L3 pages', iova + (nth % 7) * 512);
      expect(facts['page']).toBe(`0x${iova.toString(16)} to 0x${(iova + PAGE - 1).toString(16)} (4K)`);
      expect(facts['paddr']).toBe(`0x${(RUN.paddr + nth * PAGE).toString(16)}`);
      expect(facts['entry']).toBe(`L3, index ${nth}`);
    }
  });

  it('counts the index in the table of the entry, also where a run goes through several tables', () => {
    const map = handMade();
    const [, run] = map.leaves;
    const long = { ...run, size: 2 * run.size, count: 2 * run.count };
    const second = { ...map.tables[4], iova: '0x40400000', paddr: '0xf000' };
    const through = spaceOf({ ...map, leaves: [long], tables: [map.tables[4], second] });
    expect(factsAt(through, 'L3 pages', 0x4040_3000)).toMatchObject({
      entry: 'L3, index 3',
      table: '0xf000, 512 of 512 live',
      paddr: `0x${(RUN.paddr + 515 * PAGE).toString(16)}`,
    });
  });

  it('tells the state of tables and where they hang', () => {
    expect(factsAt(space, 'L3 tables', 0x4000_1000)).toMatchObject({ state: 'empty, pinned, parked below a block' });
    expect(factsAt(space, 'L2 tables', 0x4020_0000)).toMatchObject({
      'L2 table': '0x3000',
      translates: '0x40000000 to 0x7fffffff (1G)',
      in: 'L1 table 0x2000, index 1',
    });
    expect(factsAt(space, 'L3 pages', 0x4080_0000)).toMatchObject({ 'nothing here at': '0x40800000' });
    expect(factsAt(space, 'reserved', 0x4000_0000)).toMatchObject({ reservation: 'heap' });
  });

  it('is exact at the upper end of 64 bits', () => {
    const base = handMade();
    const top = spaceOf({
      ...base,
      leaves: [{ ...base.leaves[1], iova: '0xffffffffffe00000', paddr: '0xfffffffe00000' }],
      tables: [{ ...base.tables[4], iova: '0xffffffffffe00000' }],
      reserved: [],
    });
    expect(factsAt(top, 'L3 pages', 2 ** 64 - PAGE)).toMatchObject({
      page: '0xfffffffffffff000 to 0xffffffffffffffff (4K)',
      paddr: '0xffffffffff000',
      entry: 'L3, index 511',
    });
  });
});

describe('the layout of a map', () => {
  const inside = (layout: Layout): void => {
    layout.segments.forEach(({ start, end, left, right }, at) => {
      expect(right).toBeGreaterThan(left);
      expect(end).toBeGreaterThan(start);
      if (at > 0) expect(left).toBeGreaterThan(layout.segments[at - 1].right);
    });
    expect(layout.segments.at(-1)?.right).toBeCloseTo(1, 9);
    expect(layout.segments[0].left).toBe(0);
  };

  it('folds far gaps and keeps near ones', () => {
    const layout = new Layout(spaceOf(handMade()).items);
    expect(layout.segments.map(({ start }) => start)).toEqual([
      0x4000_0000, 0x7f_0000_0000, 0x7f_0780_0000, 0xff_c000_0000,
    ]);
    inside(layout);
  });

  it('leads from every address that is shown to its place and back', () => {
    const arbitrary = fc.array(fc.tuple(fc.nat(2 ** 36 - 1), fc.integer({ min: 1, max: 1024 })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(arbitrary, fc.nat(), (ranges, pick) => {
        const items: Item[] = ranges.map(([page, pages]) => ({
          kind: 'reserved',
          iova: page * PAGE,
          size: pages * PAGE,
          id: 'r',
        }));
        const layout = new Layout(items);
        inside(layout);
        const { iova, size } = items[pick % items.length];
        const address = iova + Math.floor(size / PAGE / 2) * PAGE;
        const found = layout.at(layout.x(address) + (layout.scaleAt(address) * PAGE) / 2);
        expect(found).toHaveProperty('iova');
        const page = 'iova' in found ? Math.floor(found.iova / PAGE) * PAGE : -1;
        expect(page).toBe(address);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('gives every one of 4,000 runs a place', () => {
    const space = spaceOf(crowded(4000));
    const layout = new Layout(space.items);
    inside(layout);
    expect(layout.segments.length).toBeGreaterThan(5);
    const pages = space.lanes.find(({ label }) => label === 'L3 pages')?.items ?? [];
    expect(pages).toHaveLength(4000);
    for (const run of pages) expect(layout.x(run.iova + run.size)).toBeGreaterThan(layout.x(run.iova));
  });

  it('shows the lowest tables of a tree in which nothing is mapped', () => {
    const map = handMade();
    const [root, upper, middle] = map.tables.map((table) => ({ ...table, empty: true }));
    const lowest = map.tables[8];
    const tables = [root, { ...upper, live: 1 }, { ...middle, iova: '0x7f00000000', live: 1 }, lowest];
    const { segments } = new Layout(spaceOf({ ...map, leaves: [], reserved: [], tables }).items);
    expect(segments).toEqual([{ start: 0x7f_0780_0000, end: 0x7f_07a0_0000, left: 0, right: 1 }]);
    // Without it the table above points to nothing.
    const above = spaceOf({ ...map, leaves: [], reserved: [], tables: [root, upper, { ...middle, live: 0 }] });
    expect(new Layout(above.items).segments).toEqual([{ start: 2 ** 30, end: 2 ** 31, left: 0, right: 1 }]);
  });

  it('is there for an address space with nothing in it', () => {
    const map = handMade();
    const space = spaceOf({ ...map, leaves: [], reserved: [], tables: [map.tables[0]] });
    expect(new Layout(space.items).segments).toEqual([{ start: 0, end: 2 ** 48, left: 0, right: 1 }]);
    expect(new Layout([]).segments).toHaveLength(1);
  });
});
