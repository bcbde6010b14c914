import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as C from '../../../src/lpae/counters.ts';
import { iovaToPhys } from '../../../src/lpae/lookup.ts';
import { DEFAULT_DMA_OPTIONS, type DmaOptions } from '../../../src/replay/windows/options.ts';
import { nestCounters } from '../../../src/stats/metrics/window-metrics.ts';
import { type Replayed, replayEvents } from '../run.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const hex = (value: number): string => `0x${value.toString(16)}`;
const ROOT = { op: 'domain', id: 'root', ias: 40 };
const nest = (id: string, parent: string, fields: object = {}): object => ({ op: 'nest', id, parent, ...fields });
const map = (domain: string, iova: number, paddr: number, size = K4, fields: object = {}): object => ({
  op: 'map',
  domain,
  iova: hex(iova),
  paddr: hex(paddr),
  size,
  prot: 'rw',
  ...fields,
});
const unmap = (domain: string, iova: number, size = K4): object => ({ op: 'unmap', domain, iova: hex(iova), size });
const PA = 0x8_0000_0000;

async function replay(events: readonly object[], dma: Partial<DmaOptions> = {}): Promise<Replayed> {
  return replayEvents(events, { dma: { ...DEFAULT_DMA_OPTIONS, ...dma } });
}

const rets = ({ lines }: Replayed): unknown[] =>
  lines.filter(({ op }) => op === 'map' || op === 'unmap' || op === 'destroy').map(({ ret }) => ret);

/** Where an IOVA of an address space leads; null: nowhere. */
function at({ replayer }: Replayed, id: string, iova: number): number | null {
  const table = replayer.spaces.find((space) => space.id === id)?.table;
  if (table === null || table === undefined) throw new Error(`no ${id}`);
  return iovaToPhys(table, 0, iova) ? table.foundHi * 2 ** 32 + table.foundLo : null;
}

describe('a child of an address space', () => {
  it('maps what its parent maps, wherever that is, or nothing of it', async () => {
    const run = await replay([
      ROOT,
      map('root', 0, PA, 2 * K4),
      map('root', 2 * K4, PA + 0x7000, K4),
      nest('a', 'root'),
      map('a', 0x10000, K4, 2 * K4),
      map('a', 0x20000, 2 * K4, 2 * K4),
      map('a', 0x10000, 0, K4),
      nest('b', 'a'),
      map('b', 0, 0x11000, K4),
    ]);
    expect(rets(run)).toEqual([0, 0, 0, -14, -17, 0]);
    expect([0x10000, 0x11000, 0x20000].map((iova) => at(run, 'a', iova))).toEqual([PA + K4, PA + 0x7000, null]);
    expect(at(run, 'b', 0)).toBe(PA + 0x7000);
    expect(nestCounters(run.replayer.nests)).toMatchObject({
      'nested.spaces': 3,
      'nested.childMaps': 2,
      'nested.pieces': 3,
      'nested.pinsAvoided': 3,
      'nested.rootPages': 3,
      'nested.references': 3,
    });
    const { tally } = run.replayer.windows.system;
    expect([tally.pins, tally.accountCalls]).toEqual([0, 0]);
  });

  it('may do what both allow', async () => {
    const run = await replay([
      { ...ROOT, format: 'ARM_64_LPAE_S2' },
      map('root', 0, PA, K4, { prot: 'r' }),
      map('root', K4, PA + K4, K4, { prot: 'w' }),
      nest('a', 'root', { format: 'ARM_64_LPAE_S2' }),
      map('a', 0, 0, 2 * K4, { prot: 'rw' }),
      map('a', 0x10000, 0, K4, { prot: 'w' }),
      map('a', 0x20000, 0, 2 * K4, { prot: 'r' }),
    ]);
    // Of the last the second page allows nothing of what is asked for: what was mapped of it goes again.
    expect(rets(run)).toEqual([0, 0, 0, -1, -1]);
    expect([at(run, 'a', 0x10000), at(run, 'a', 0x20000)]).toEqual([null, null]);
    const { lines } = await replay([
      { ...ROOT, format: 'ARM_64_LPAE_S2' },
      map('root', 0, PA, K4, { prot: 'r' }),
      nest('a', 'root', { format: 'ARM_64_LPAE_S2' }),
      map('a', 0, 0, K4, { prot: 'rw' }),
      { op: 'walk', domain: 'a', iova: '0x0' },
    ]);
    const ptes = lines[lines.length - 1]['ptes'] as string[];
    const pte = BigInt(ptes[3]);
    expect((pte >> 6n) & 3n).toBe(1n);
  });

  it('keeps its parent from unmapping what it refers to, until it unmaps it itself', async () => {
    const events = [
      ROOT,
      map('root', 0, PA, M2),
      nest('a', 'root'),
      map('a', 0, K4, 2 * K4),
      unmap('root', 0, M2),
      unmap('a', 0, K4),
      unmap('root', 0, M2),
      { op: 'destroy', domain: 'root' },
      unmap('a', K4, K4),
      unmap('root', 0, M2),
      map('a', 0, 0, K4),
      { op: 'destroy', domain: 'root' },
      map('a', 0, 0, K4),
    ];
    const run = await replay(events);
    expect(rets(run)).toEqual([0, 0, -16, 0, -16, -16, 0, 0, -14, 0, -14]);
    expect(nestCounters(run.replayer.nests)).toMatchObject({ 'nested.parentBusy': 3, 'nested.references': 0 });
  });

  it('loses it under revoke, with an invalidation, whatever block it had mapped it in', async () => {
    const run = await replay(
      [
        ROOT,
        map('root', 0, PA, M2),
        nest('a', 'root'),
        nest('b', 'a'),
        map('a', 0, 0, M2),
        map('b', 0, 0x5000, 2 * K4),
        unmap('root', 0, M2),
      ],
      { parentUnmap: 'revoke' },
    );
    expect(rets(run)).toEqual([0, 0, 0, 0]);
    expect([at(run, 'a', 0), at(run, 'b', 0), at(run, 'b', K4)]).toEqual([null, null, null]);
    expect(run.replayer.spaces.map(({ counters }) => counters[C.IOTLB_SYNCS])).toEqual([1, 1, 1]);
    expect(nestCounters(run.replayer.nests)).toMatchObject({
      'nested.revocations': 1,
      'nested.revokedBytes': M2 + 2 * K4,
      'nested.references': 0,
    });
    const part = await replay(
      [
        ROOT,
        ...[0, 1].map((half) => map('root', half * (M2 / 2), PA + half * (M2 / 2), M2 / 2)),
        nest('a', 'root'),
        map('a', 0, 0, M2),
        unmap('root', 0x7000, K4),
      ],
      { parentUnmap: 'revoke' },
    );
    // The child's block is cut: the page is gone, its neighbours are there.
    expect([0x6000, 0x7000, 0x8000].map((iova) => at(part, 'a', iova))).toEqual([PA + 0x6000, null, PA + 0x8000]);
  });

  it('ends with what it refers to', async () => {
    const run = await replay([
      ROOT,
      map('root', 0, PA),
      nest('a', 'root'),
      map('a', 0, 0),
      { op: 'destroy', domain: 'a' },
      unmap('root', 0),
    ]);
    expect(rets(run)).toEqual([0, 0, 0, 0]);
  });

  it('maps inside of its windows only, once it has some', async () => {
    const run = await replay([
      ROOT,
      map('root', 0, PA, M2),
      nest('a', 'root', { windows: [] }),
      map('a', 0, 0),
      { op: 'window_create', domain: 'a', size: K4, base: '0x100000', pageSize: 65536 },
      map('a', 0x100000, 0),
      map('a', 0x110000, 0),
      { op: 'window_remove', domain: 'a', start: '0x100000' },
      unmap('a', 0x100000),
      { op: 'window_remove', domain: 'a', start: '0x100000' },
      { op: 'attach', domain: 'a', action: 'query' },
      nest('c', 'root', { windows: [{ size: 2 ** 52 }] }),
    ]);
    expect(run.lines.slice(2).map(({ ret }) => ret)).toEqual([0, -34, 0, 0, -34, -16, 0, 0, 0, -28]);
    expect(run.lines[4]).toMatchObject({ start: '0x100000', size: 65536, domain: 'a' });
    expect(run.lines[10]).toMatchObject({ windows: [] });
  });
});

describe('nesting in hardware', () => {
  it('keeps the parent in the leaves, walks both tables and invalidates both', async () => {
    const events = [
      { ...ROOT, format: 'ARM_64_LPAE_S2', ias: 39 },
      map('root', 0, PA, M2),
      map('root', M2, PA + M2, K4),
      nest('a', 'root', { ias: 48 }),
      map('a', 0, 0x3000),
      unmap('root', M2),
    ];
    const run = await replay(events, { nesting: 'hardware' });
    expect(at(run, 'a', 0)).toBe(0x3000);
    expect(nestCounters(run.replayer.nests)).toMatchObject({
      // Four levels over three: (4 + 1) * (3 + 1) - 1.
      'nested.walkSteps': 19,
      'nested.extraCommands': 1,
      'nested.tableBytes.depth0': 3 * K4,
      'nested.tableBytes.depth1': 4 * K4,
    });
    const soft = nestCounters((await replay(events)).replayer.nests);
    expect(soft).toMatchObject({ 'nested.walkSteps': 4, 'nested.extraCommands': 0 });
  });

  it('does not look into the tables of a guest', async () => {
    const run = await replay([
      { ...ROOT, format: 'ARM_64_LPAE_S2' },
      map('root', 0, PA),
      nest('a', 'root', { kind: 'user' }),
      map('a', 0, 0x7000),
      unmap('root', 0),
    ]);
    expect(rets(run)).toEqual([0, 0, 0]);
    expect(run.lines[2]).toMatchObject({ nesting: 'hardware' });
  });
});

describe('registered memory as a root', () => {
  it('is pinned once, however often it is mapped', async () => {
    const run = await replay([
      { op: 'nest', id: 'process', kind: 'passthrough' },
      nest('a', 'process'),
      nest('b', 'process'),
      { op: 'register', vaddr: '0x10000', size: 131072 },
      ...['a', 'b'].map((id) => map(id, 0, 0x10000, 131072)),
      { op: 'unregister', vaddr: '0x10000', size: 131072 },
      unmap('a', 0, 131072),
      { op: 'destroy', domain: 'b' },
      { op: 'unregister', vaddr: '0x10000', size: 131072 },
    ]);
    expect(run.lines.map(({ ret }) => ret)).toEqual([0, 0, 0, 0, 0, 0, -16, 0, 0, 0]);
    expect(run.replayer.windows.system.tally).toMatchObject({ pins: 2, unpins: 2, pinCalls: 1 });
  });
});

const PAGES = 16;

describe('against address spaces that are kept page by page', () => {
  const place = fc.nat(PAGES - 1);
  const step = fc.record({
    op: fc.constantFrom('map' as const, 'unmap' as const),
    depth: fc.nat(2),
    iova: place,
    to: place,
    pages: fc.integer({ min: 1, max: 5 }),
  });

  it.each(['busy', 'revoke'] as const)(
    'comes to the same (%s)',
    async (parentUnmap) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
          const ids = ['root', 'a', 'b'];
          const events = [ROOT, nest('a', 'root'), nest('b', 'a')];
          const naive = ids.map(() => new Map<number, number>());
          const wanted: number[] = [];
          for (const { op, depth, iova, to, pages: asked } of steps) {
            const pages = Math.min(asked, PAGES - iova, PAGES - to);
            const own = naive[depth];
            const id = ids[depth];
            // The root's memory is scattered: page n lies where no neighbour is.
            if (op === 'map') events.push(map(id, iova * K4, depth === 0 ? PA + to * 3 * K4 : to * K4, pages * K4));
            else events.push(unmap(id, iova * K4, pages * K4));
            const range = Array.from({ length: pages }, (_, n) => n);
            if (op === 'map') {
              const targets = range.map((n) => (depth === 0 ? to * 3 + n : to + n));
              const missing = depth > 0 && targets.some((page) => !naive[depth - 1].has(page));
              const taken = range.some((n) => own.has(iova + n));
              wanted.push(missing ? -14 : taken ? -17 : 0);
              if (!missing && !taken) for (const n of range) own.set(iova + n, targets[n]);
              continue;
            }
            // An unmap stops at the first hole: what lies behind it is asked for, but nobody loses it.
            const hole = range.find((n) => !own.has(iova + n)) ?? pages;
            const gone = range.slice(0, hole).map((n) => iova + n);
            const wants = range.map((n) => iova + n);
            const refers = (level: number, pagesGone: readonly number[]): number[] =>
              [...(naive[level + 1] ?? [])].filter(([, page]) => pagesGone.includes(page)).map(([key]) => key);
            if (refers(depth, wants).length > 0 && parentUnmap === 'busy') {
              wanted.push(-16);
              continue;
            }
            wanted.push(0);
            for (let level = depth, lost = gone; level < 2 && lost.length > 0; level++) {
              lost = refers(level, lost);
              for (const page of lost) naive[level + 1].delete(page);
            }
            for (const page of gone) own.delete(page);
          }
          const run = await replay(events, { parentUnmap });
          expect(rets(run)).toEqual(wanted);
          const resolve = (level: number, page: number): number | undefined => {
            const target = naive[level].get(page);
            if (target === undefined || level === 0) return target === undefined ? undefined : PA + target * K4;
            return resolve(level - 1, target);
          };
          for (const [level, id] of ids.entries())
            for (let page = 0; page < PAGES; page++) expect(at(run, id, page * K4)).toBe(resolve(level, page) ?? null);
          const references = naive[1].size + naive[2].size;
          expect(run.replayer.nests.tally.references).toBe(references);
        }),
        { seed: 31, numRuns: 150 },
      );
    },
    60_000,
  );
});
