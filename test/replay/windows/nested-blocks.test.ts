import { describe, expect, it } from 'vitest';
import { iovaToPhys } from '../../../src/lpae/lookup.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { DEFAULT_DMA_OPTIONS } from '../../../src/replay/windows/options.ts';
import { type Replayed, replayEvents } from '../run.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const PA = 0x8000_0000;
const OTHER = 0x9000_0000;
const hex = (value: number): string => `0x${value.toString(16)}`;
const ROOT = { op: 'domain', id: 'root', format: 'ARM_64_LPAE_S2' };
const nest = (id: string, parent: string, fields: object = {}): object => ({ op: 'nest', id, parent, ...fields });
const map = (domain: string, iova: number, paddr: number, size = K4, prot = 'rw'): object => ({
  op: 'map',
  domain,
  iova: hex(iova),
  paddr: hex(paddr),
  size,
  prot,
});
const unmap = (domain: string, iova: number, size = K4): object => ({ op: 'unmap', domain, iova: hex(iova), size });

const REVOKE = { dma: { ...DEFAULT_DMA_OPTIONS, parentUnmap: 'revoke' as const } };
const replay = (events: readonly object[], options: Partial<ReplayOptions> = {}): Promise<Replayed> =>
  replayEvents(events, { dma: DEFAULT_DMA_OPTIONS, ...options });

/** Of maps and unmaps: the errno, else the bytes that an unmap removed. */
const answers = ({ lines }: Replayed): unknown[] =>
  lines
    .filter(({ op }) => op === 'map' || op === 'unmap')
    .map(({ op, ret, unmapped }) => (op === 'unmap' && ret === 0 ? unmapped : ret));

/** Where an IOVA of an address space leads; null: nowhere. */
function at({ replayer }: Replayed, id: string, iova: number): number | null {
  const table = replayer.spaces.find((space) => space.id === id)?.table;
  if (table === null || table === undefined) throw new Error(`no ${id}`);
  return iovaToPhys(table, 0, iova) ? table.foundHi * 2 ** 32 + table.foundLo : null;
}

const references = ({ replayer }: Replayed): number => replayer.nests.tally.references;

describe("a parent's unmap is held against what it really takes away", () => {
  it('the whole block, where it is for a part of one and whole blocks go', async () => {
    const events = [ROOT, map('root', 0, PA, M2), nest('a', 'root'), map('a', 0, 0), unmap('root', 0x1000)];
    const whole = { partialUnmap: 'whole' as const };
    const busy = await replay(events, whole);
    expect(answers(busy)).toEqual([0, 0, -16]);
    expect([at(busy, 'root', 0), at(busy, 'a', 0)]).toEqual([PA, PA]);
    const revoked = await replay(events, { ...whole, ...REVOKE });
    expect(answers(revoked)).toEqual([0, 0, M2]);
    expect([at(revoked, 'root', 0), at(revoked, 'a', 0), references(revoked)]).toEqual([null, null, 0]);
    // A split leaves the page that the child refers to.
    const split = await replay(events, { partialUnmap: 'split' });
    expect(answers(split)).toEqual([0, 0, K4]);
    expect([at(split, 'root', 0), at(split, 'a', 0)]).toEqual([PA, PA]);
  });

  it.each([
    ['a size that is not aligned', [map('root', 0, PA, 2 * K4)], 2 * K4, unmap('root', 0, K4 + 1), 0],
    ['a part of a block that stays', [map('root', 0, PA, M2)], K4, unmap('root', 0, K4), -16],
  ])('nothing: %s', async (_name, maps, size, last, busy) => {
    const events = [ROOT, ...maps, nest('a', 'root'), map('a', 0, 0, size), last];
    for (const options of [{}, REVOKE]) {
      const run = await replay(events, options);
      expect(answers(run)).toEqual([0, 0, options === REVOKE ? 0 : busy]);
      expect([at(run, 'root', 0), at(run, 'a', 0), references(run)]).toEqual([PA, PA, size / K4]);
      expect(run.replayer.nests.tally.revocations).toBe(0);
    }
  });

  it('up to the first hole, though all that it asks for must be free', async () => {
    const far = 2 * K4;
    const events = [ROOT, map('root', 0, PA), map('root', far, PA + far), nest('a', 'root'), map('a', 0, far)];
    for (const options of [{}, REVOKE]) {
      const run = await replay([...events, unmap('root', 0, 3 * K4)], options);
      expect(answers(run)).toEqual([0, 0, 0, options === REVOKE ? K4 : -16]);
      expect([at(run, 'root', far), at(run, 'a', 0)]).toEqual([PA + far, PA + far]);
    }
  });

  it("takes a child's pages in one piece, however many calls the unmap takes", async () => {
    const size = M2 + 3 * K4;
    const parts = [map('root', 0, PA, K4), map('root', K4, OTHER, size - K4), nest('a', 'root')];
    const run = await replay([ROOT, ...parts, map('a', 0, 0, size), unmap('root', 0, size)], REVOKE);
    expect(answers(run)).toEqual([0, 0, 0, size]);
    expect(run.replayer.nests.tally).toMatchObject({ revocations: 1, revokedBytes: size, childMaps: 1, references: 0 });
  });
});

describe('a block that takes the place of a table', () => {
  it('in a parent is refused while a child refers to the pages of the table, or takes them from it', async () => {
    const events = [
      ROOT,
      map('root', 0, PA, 2 * K4),
      nest('a', 'root'),
      map('a', 0x5000, 0),
      map('root', 0, OTHER, M2),
    ];
    const busy = await replay(events);
    expect(answers(busy)).toEqual([0, 0, -16]);
    expect([at(busy, 'root', 0), at(busy, 'a', 0x5000)]).toEqual([PA, PA]);
    const revoked = await replay(events, REVOKE);
    expect(answers(revoked)).toEqual([0, 0, 0]);
    expect([at(revoked, 'root', 0), at(revoked, 'a', 0x5000), references(revoked)]).toEqual([OTHER, null, 0]);
    // One that fails before it comes to the table takes nothing.
    for (const last of [map('root', 0, OTHER, M2 + 1), map('root', 0, OTHER, M2, 'n')]) {
      const failed = await replay([...events.slice(0, -1), last], REVOKE);
      expect(answers(failed)).toEqual([0, 0, -22]);
      expect(at(failed, 'a', 0x5000)).toBe(PA);
    }
  });

  it('in a child ends the references of the pages that the table mapped', async () => {
    const events = [
      ROOT,
      map('root', 0, PA, 2 * M2),
      nest('a', 'root'),
      map('a', 0x1000, 0x1000),
      map('a', 0, M2, M2),
      unmap('root', 0, M2),
      unmap('a', 0, M2),
      unmap('root', M2, M2),
    ];
    for (const nesting of ['software', 'hardware'] as const) {
      const run = await replay(events, { dma: { ...DEFAULT_DMA_OPTIONS, nesting } });
      expect(answers(run)).toEqual([0, 0, 0, M2, M2, M2]);
      expect(references(run)).toBe(0);
    }
  });

  it('in a child ends them although the map fails behind it', async () => {
    const run = await replay([
      ROOT,
      map('root', 0, PA, 4 * M2),
      nest('a', 'root'),
      map('a', 0x1000, 0x1000),
      map('a', M2, 3 * M2, M2),
      map('a', 0, M2, 2 * M2),
      unmap('root', 0, M2),
    ]);
    expect(answers(run)).toEqual([0, 0, 0, -17, M2]);
    expect([at(run, 'a', 0x1000), at(run, 'a', M2)]).toEqual([null, PA + 3 * M2]);
    expect(references(run)).toBe(M2 / K4);
  });
});

describe("a child's unmap", () => {
  it('gives the references of whole blocks back from where they begin', async () => {
    const run = await replay(
      [
        ROOT,
        map('root', 0, PA, M2),
        map('root', M2, OTHER),
        nest('a', 'root'),
        map('a', 0, 0, M2),
        map('a', M2, M2),
        unmap('a', 0x1000),
        unmap('root', M2),
        unmap('root', 0, M2),
      ],
      { partialUnmap: 'whole' },
    );
    expect(answers(run)).toEqual([0, 0, 0, 0, M2, -16, M2]);
    expect([at(run, 'a', 0), at(run, 'a', M2)]).toEqual([null, OTHER]);
    expect(references(run)).toBe(1);
  });
});

describe('the parents of a child', () => {
  it('lead to memory, through those that hardware walks, too', async () => {
    const run = await replay([
      ROOT,
      map('root', 0, PA, M2),
      map('root', M2, OTHER, M2, 'r'),
      nest('h', 'root', { nesting: 'hardware' }),
      map('h', 0x1000_0000, 0, 2 * M2),
      nest('g', 'h', { nesting: 'hardware' }),
      map('g', 0x2000_0000, 0x1000_0000, 2 * M2),
      nest('s', 'g', { nesting: 'software' }),
      map('s', 0x3000_0000, 0x2000_0000, 2 * M2),
      map('s', 0x5000_0000, 0x2000_0000 + M2, M2, 'w'),
    ]);
    // The last is allowed nothing of what it asks for: the memory is read-only two address spaces above.
    expect(answers(run)).toEqual([0, 0, 0, 0, 0, -1]);
    expect([at(run, 'h', 0x1000_0000), at(run, 'g', 0x2000_0000)]).toEqual([0, 0x1000_0000]);
    expect([0, M2 + K4].map((offset) => at(run, 's', 0x3000_0000 + offset))).toEqual([PA, OTHER + K4]);
  });

  it('are those of the engine arm', async () => {
    const engine = { name: 'generic', parameters: {} };
    await expect(replay([ROOT, map('root', 0, PA), nest('a', 'root')], { engine })).rejects.toThrow(
      'nest below domain "root": nested address spaces are replayed with the engine arm only; leave --engine generic out',
    );
  });
});
