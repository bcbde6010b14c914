/** Blocks over pinned tables, unmaps that meet them, and tables that come back. */
import { describe, expect, it } from 'vitest';
import { EADDRINUSE, EBUSY, EEXIST, ENOMEM } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { G, M, type Options, PAGE, Space, type SpaceOptions } from './fixture.ts';

const K4_1G = 2 ** 12 + 2 ** 30;
const WATCHED = [
  'allocs',
  'frees',
  'syncs',
  'walks',
  'pages',
  'parked',
  'parks',
  'unparks',
  'splits',
  'kept',
  'leaves',
] as const;
type Watched = Record<(typeof WATCHED)[number], number>;

function figures(space: Space): Watched {
  const { parked, parks, unparks, splits, keptUnmaps } = space.reservations.counters();
  return {
    allocs: space.count(C.TABLE_ALLOCS),
    frees: space.count(C.TABLE_FREES),
    syncs: space.count(C.PT_SYNCS),
    walks: space.count(C.FLUSH_WALKS),
    pages: space.count(C.ADD_PAGES),
    leaves: space.count(C.LEAVES_WRITTEN) - space.count(C.LEAVES_CLEARED),
    parked,
    parks,
    unparks,
    splits,
    kept: keptUnmaps,
  };
}

/** What an operation changed, zeros left out. */
function change(space: Space, operation: () => void): Partial<Watched> {
  const before = figures(space);
  operation();
  const after = figures(space);
  return Object.fromEntries(
    WATCHED.map((key) => [key, after[key] - before[key]]).filter(([, value]) => value !== 0),
  ) as Partial<Watched>;
}

/** A reservation of [1G, 1G + 4M). */
function reserved(options: Options = {}, more: SpaceOptions = {}): Space {
  const space = new Space({ ...more, config: { coherent: false, ...more.config }, options });
  space.reserve('a', G, 4 * M);
  return space;
}

describe.each(['7.1', '6.12'] as const)('on %s', (kernel) => {
  const config = { kernel };

  it('parks an empty table: one walk flush, two cache cleans, nothing allocated or freed', () => {
    const space = reserved({}, { config });
    expect(change(space, () => expect(space.map(G, 0, 2 * M)).toBe(0))).toEqual({
      syncs: 2,
      walks: 1,
      parks: 1,
      parked: 1,
      leaves: 1,
    });
    expect(change(space, () => expect(space.unmap(G, 2 * M)).toBe(2 * M))).toEqual({ syncs: 1, pages: 1, leaves: -1 });
    // The table comes back with one write for the next small map.
    expect(change(space, () => expect(space.map(G, 0, PAGE)).toBe(0))).toEqual({
      syncs: 2,
      unparks: 1,
      parked: -1,
      leaves: 1,
    });
    space.destroy();
  });

  it('puts a block over a table that is set aside already', () => {
    const space = reserved({}, { config });
    space.map(G, 0, 2 * M);
    space.unmap(G, 2 * M);
    expect(change(space, () => space.map(G, 0, 2 * M))).toEqual({ syncs: 1, leaves: 1 });
    expect(space.reservations.counters().parked).toBe(1);
    space.destroy();
  });

  it('relinks with the unmap of the block when told to', () => {
    const space = reserved({ unpark: 'eager' }, { config });
    space.map(G, 0, 2 * M);
    expect(change(space, () => space.unmap(G, 2 * M))).toEqual({
      syncs: 2,
      pages: 1,
      unparks: 1,
      parked: -1,
      leaves: -1,
    });
    expect(change(space, () => space.map(G, 0, PAGE))).toEqual({ syncs: 1, leaves: 1 });
    space.destroy();
  });

  it('drops leaves below a parked table, or refuses', () => {
    const space = reserved({}, { config });
    space.map(G + PAGE, 0, PAGE);
    expect(change(space, () => expect(space.map(G, 8 * M, 2 * M)).toBe(0))).toEqual({
      syncs: 3,
      walks: 1,
      parks: 1,
      parked: 1,
    });
    expect(space.count(C.MAPPED_BYTES)).toBe(2 * M);
    expect(space.physical(G + PAGE)).toBe(8 * M + PAGE);
    space.unmap(G, 2 * M);
    expect(space.physical(G + PAGE)).toBe(null);
    space.destroy();
    const strict = reserved({ overTable: 'refuse' }, { config });
    strict.map(G + PAGE, 0, PAGE);
    expect(change(strict, () => expect(strict.map(G, 8 * M, 2 * M)).toBe(-EADDRINUSE))).toEqual({});
    expect(strict.reservations.counters().refusals).toBe(1);
    expect(strict.physical(G + PAGE)).toBe(0);
    strict.destroy();
  });

  it('writes smaller leaves instead: 512 descriptors, no walk flush', () => {
    const space = reserved({ blockPolicy: 'split' }, { config });
    expect(change(space, () => expect(space.map(G, 8 * M, 4 * M)).toBe(0))).toEqual({
      syncs: 2,
      splits: 2,
      leaves: 1024,
    });
    expect(space.count(C.MAPPED_BYTES)).toBe(4 * M);
    expect(space.physical(G + 4 * M - 1)).toBe(12 * M - 1);
    expect(space.unmap(G, 4 * M)).toBe(4 * M);
    space.destroy();
  });

  it('flushes leaves that smaller ones replace', () => {
    const space = reserved({ blockPolicy: 'split' }, { config });
    space.map(G, 0, PAGE);
    expect(change(space, () => space.map(G, 8 * M, 2 * M))).toEqual({ syncs: 2, walks: 1, splits: 1, leaves: 511 });
    space.destroy();
  });

  it('refuses blocks', () => {
    const space = reserved({ blockPolicy: 'refuse' }, { config });
    expect(change(space, () => expect(space.map(G, 0, 2 * M)).toBe(-EBUSY))).toEqual({});
    expect(space.map(G + 4 * M, 0, 2 * M)).toBe(0);
    expect(space.map(G, 0, PAGE)).toBe(0);
    space.destroy();
  });

  it('clears what is mapped below a pinned table and keeps the tables', () => {
    const space = reserved({}, { config });
    for (let i = 0; i < 1024; i += 3) space.map(G + i * PAGE, 0, PAGE);
    expect(change(space, () => expect(space.unmap(G, 4 * M)).toBe(4 * M))).toEqual({
      syncs: 2,
      pages: 1024,
      kept: 2,
      leaves: -342,
    });
    expect(space.count(C.MAPPED_BYTES)).toBe(0);
    // With no leaf below them the tables are a hole.
    expect(change(space, () => expect(space.unmap(G, 4 * M)).toBe(0))).toEqual({});
    space.map(G + 2 * M, 0, PAGE);
    expect(space.unmap(G, 4 * M)).toBe(0);
    expect(space.unmap(G + 2 * M, 2 * M)).toBe(2 * M);
    space.destroy();
  });
});

describe('a run of blocks', () => {
  it('over a pinned table, an ordinary one and nothing', () => {
    for (const blockPolicy of ['park', 'split'] as const) {
      const space = new Space({ config: { coherent: false }, options: { blockPolicy } });
      space.reserve('a', G, 2 * M);
      space.map(G + 2 * M, 0, PAGE);
      const made = change(space, () => expect(space.map(G, 8 * M, 6 * M)).toBe(0));
      if (blockPolicy === 'park') {
        expect(made).toEqual({ syncs: 4, walks: 2, frees: 1, parks: 1, parked: 1, leaves: 2 });
      } else expect(made).toEqual({ syncs: 4, walks: 1, frees: 1, splits: 1, leaves: 513 });
      for (const at of [0, 2 * M, 6 * M - 1]) expect(space.physical(G + at)).toBe(8 * M + at);
      expect(space.count(C.MAPPED_BYTES)).toBe(6 * M);
      expect(space.unmap(G, 6 * M)).toBe(6 * M);
      expect(space.count(C.MAPPED_BYTES)).toBe(0);
      space.destroy();
    }
  });

  it('stops at a leaf; what came before it has gone', () => {
    const space = reserved();
    space.map(G, 0, PAGE);
    space.map(G + 4 * M, 0, 2 * M);
    expect(space.map(G, 0, 6 * M)).toBe(-EEXIST);
    expect(space.physical(G)).toBe(null);
    expect(space.physical(G + 4 * M)).toBe(0);
    expect(space.map(G, 0, PAGE)).toBe(0);
    expect(space.reservations.counters()).toMatchObject({ parks: 2, unparks: 1, parked: 1 });
    space.destroy();
  });

  it('goes down further where the page sizes have a gap', () => {
    const space = new Space({
      config: { pgsizes: K4_1G, coherent: false },
      options: { blockPolicy: 'split' },
    });
    space.reserve('a', G, G, 2);
    const allocs = space.count(C.TABLE_ALLOCS);
    expect(space.map(G, 4 * G, G)).toBe(0);
    expect(space.count(C.TABLE_ALLOCS) - allocs).toBe(512);
    expect(space.count(C.LEAVES_WRITTEN)).toBe(512 * 512);
    expect(space.physical(2 * G - 1)).toBe(5 * G - 1);
    space.destroy();
    // Without memory for one of them nothing of that block stays.
    const poor = new Space({ config: { pgsizes: K4_1G }, options: { blockPolicy: 'split' } });
    poor.reserve('a', G, G, 2);
    poor.table.failAllocIn = 100;
    expect(mapPages(poor.table, 0, G, 0, 0, G, 2, 3)).toBe(-ENOMEM);
    expect(poor.table.mapped).toBe(0);
    expect(poor.count(C.MAPPED_BYTES)).toBe(0);
    expect(poor.count(C.LEAVES_WRITTEN)).toBe(poor.count(C.LEAVES_CLEARED));
    poor.destroy();
  });

  it('of 1 GiB parks the tables below as one, and splits into 2 MiB where tables are missing', () => {
    const space = new Space();
    space.reserve('a', G, 4 * M);
    expect(space.map(G, 0, G)).toBe(0);
    expect(space.reservations.counters()).toMatchObject({ parked: 1, pinned: 4 });
    expect(space.unmap(G, G)).toBe(G);
    expect(change(space, () => space.map(G + 2 * M, 0, PAGE))).toEqual({ unparks: 1, parked: -1, leaves: 1 });
    space.destroy();
    const split = new Space({ options: { blockPolicy: 'split' } });
    split.reserve('a', G, 4 * M);
    expect(change(split, () => split.map(G, 4 * G, G))).toEqual({ splits: 1, leaves: 510 + 1024 });
    expect(split.physical(2 * G - 1)).toBe(5 * G - 1);
    expect(split.unmap(G, G)).toBe(G);
    expect(split.count(C.MAPPED_BYTES)).toBe(0);
    split.destroy();
  });

  it('finds tables to go around where a block kept them aside', () => {
    for (const blockPolicy of ['split', 'refuse'] as const) {
      const space = new Space({ options: { blockPolicy } });
      space.map(G, 0, 2 * M);
      space.reserve('a', G, 4 * M);
      space.unmap(G, 2 * M);
      expect(space.map(G, 0, 2 * M)).toBe(blockPolicy === 'split' ? 0 : -EBUSY);
      expect(space.reservations.counters().parked).toBe(blockPolicy === 'split' ? 0 : 1);
      space.destroy();
    }
  });
});

describe('a split of a block, 6.12', () => {
  it('uses the table that was set aside', () => {
    const space = new Space({ config: { kernel: '6.12', coherent: false } });
    space.reserve('a', G, G);
    space.map(G, 4 * G, G);
    const allocs = space.count(C.TABLE_ALLOCS);
    expect(space.unmap(G + 3 * PAGE, PAGE)).toBe(PAGE);
    expect(space.count(C.TABLE_ALLOCS)).toBe(allocs);
    // The level 3 tables now wait below the 2 MiB blocks, but for the one that was split as well.
    expect(space.reservations.counters()).toMatchObject({ parked: 511, unparks: 2 });
    expect(space.physical(G + 4 * PAGE)).toBe(4 * G + 4 * PAGE);
    expect(space.physical(G + 3 * PAGE)).toBe(null);
    expect(space.physical(2 * G - 1)).toBe(5 * G - 1);
    expect(space.count(C.MAPPED_BYTES)).toBe(G - PAGE);
    expect(space.reservations.release('a', null)).toMatchObject({ ret: 0, unmapped: G - PAGE });
    expect(space.tree()).toEqual([]);
    space.destroy();
  });

  it('keeps tables below the part that is unmapped', () => {
    const space = new Space({ config: { kernel: '6.12' } });
    space.reserve('a', G, G);
    space.map(G, 4 * G, G);
    expect(space.unmap(G + 2 * M, 4 * M)).toBe(4 * M);
    expect(space.reservations.counters().parked).toBe(510);
    expect(space.count(C.MAPPED_BYTES)).toBe(G - 4 * M);
    expect(space.map(G + 2 * M, 0, PAGE)).toBe(0);
    expect(space.reservations.unreserve('a', null)).toMatchObject({ ret: 0, freed: 511 });
    space.destroy();
  });
});

describe('an unmap', () => {
  it.each([
    ['7.1', true, 1, 1],
    ['7.1', false, 1, 1],
    ['6.12', true, 1, 1],
    ['6.12', false, 512, 1],
  ] as const)(
    'of 512 pages in a pinned table, %s, range invalidation %s: %i commands',
    (kernel, ril, commands, syncs) => {
      const space = new Space({ config: { kernel }, ril });
      space.reserve('a', G, 2 * M);
      for (let i = 0; i < 512; i++) space.map(G + i * PAGE, 0, PAGE);
      const before = [space.policy.commands, space.policy.commandSyncs];
      expect(space.unmap(G, 2 * M)).toBe(2 * M);
      expect([space.policy.commands - before[0], space.policy.commandSyncs - before[1]]).toEqual([commands, syncs]);
      space.destroy();
    },
  );

  it('tells of mixed entries in ascending order, each in its own page size', () => {
    const space = new Space();
    const calls: string[] = [];
    const original = space.domain.tlb.addPages.bind(space.domain.tlb);
    space.domain.tlb.addPages = (gather, hi, lo, size, count) => {
      calls.push(`${(lo - G) / M}M ${size / PAGE} x ${count}`);
      original(gather, hi, lo, size, count);
    };
    space.reserve('a', G + 4 * M, 4 * M);
    space.map(G, 0, 2 * M);
    for (const at of [2, 4, 6, 8]) space.map(G + at * M, 0, PAGE);
    space.map(G + 10 * M, 0, 2 * M);
    const walks = space.count(C.FLUSH_WALKS);
    expect(space.unmap(G, 12 * M)).toBe(12 * M);
    expect(calls).toEqual(['0M 512 x 2', '4M 1 x 1024', '8M 512 x 2']);
    expect(space.count(C.FLUSH_WALKS) - walks).toBe(2);
    expect(space.count(C.MAPPED_BYTES)).toBe(0);
    space.destroy();
  });

  it('gathers nothing without a gather or in a queued one', () => {
    const space = reserved();
    space.map(G, 0, PAGE);
    expect(unmapPages(space.table, 0, G, 2 * M, 1, null)).toBe(2 * M);
    space.map(G, 0, PAGE);
    expect(space.domain.unmapQueued(0, G, 2 * M)).toBe(2 * M);
    expect(space.count(C.ADD_PAGES)).toBe(0);
    space.destroy();
  });

  it('keeps every table when told to, pinned or not', () => {
    const space = new Space({ options: { freeEmpty: 'never' } });
    space.map(0, 0, PAGE);
    expect(space.unmap(0, 2 * M)).toBe(2 * M);
    expect(space.count(C.TABLE_FREES)).toBe(0);
    expect(space.count(C.FLUSH_WALKS)).toBe(0);
    expect(space.unmap(0, 2 * M)).toBe(0);
    space.destroy();
  });

  it('frees any empty table at once when told to', () => {
    const space = new Space({ options: { freeEmpty: 'eager', boundary: 'refcount' } });
    space.reserve('a', G, 2 * M);
    space.map(0, 0, PAGE);
    space.map(G, 0, PAGE);
    space.unmap(0, PAGE);
    expect([...space.tables().keys()]).toEqual(['1@0', '2@262144', '3@262144']);
    space.unmap(G, PAGE);
    expect(space.reservations.counters().emptiedFreed).toBe(2);
    space.destroy();
    // Without larger page sizes the kernel frees no table at all.
    const covered = new Space({ config: { pgsizes: PAGE }, options: { freeEmpty: 'eager' } });
    covered.map(0, 0, 4 * M);
    expect(covered.unmap(M, 3 * M)).toBe(3 * M);
    expect(covered.unmap(0, M)).toBe(M);
    // Nobody had the whole span of the first table locked, nor that of those above.
    expect([...covered.tables().keys()]).toEqual(['1@0', '2@0', '3@0']);
    expect(covered.reservations.counters().emptiedFreed).toBe(1);
    covered.destroy();
  });
});

it('counts as parked what a block took the place of, and apart from it what a split sets aside', () => {
  const space = reserved({}, { config: { kernel: '6.12', partialUnmap: 'split' } });
  expect(space.map(G, 0, G)).toBe(0);
  expect(space.reservations.counters()).toMatchObject({ parks: 1, setAside: 0, parked: 1 });
  space.grace.readerBegin('late', null);
  expect(space.unmap(G + 8 * M, 2 * M)).toBe(2 * M);
  expect(space.reservations.counters()).toMatchObject({ parks: 1, setAside: 2, parked: 2, unparks: 1 });
  space.destroy();
});

it('remembers of tables that a split sets aside since when nobody came to them', () => {
  const space = reserved({ rcu: 'none' }, { config: { kernel: '6.12', partialUnmap: 'split' } });
  expect(space.map(G, 0, G)).toBe(0);
  space.grace.readerBegin('late', null);
  expect(space.unmap(G + 8 * M, 2 * M)).toBe(2 * M);
  // Two tables of the last level below blocks.
  expect(space.reservations.unreserve('a', null)).toEqual({ ret: 0, freed: 2 });
  expect(space.grace.violations).toEqual([]);
  space.destroy();
});
