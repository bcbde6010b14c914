/** Sequences of binds that were run against the kernel's own panthor of 7.1, and what each came to. */
import { describe, expect, it } from 'vitest';
import { type Line, replayEvents } from '../../../replay/run.ts';

const K = 2 ** 10;
const M = 2 ** 20;
const G = 2 ** 30;
const PAGE = 4 * K;

/** `H`: one contiguous segment of huge folios; `S`: isolated 4K pages; `O`: one segment 4K off a 2M border. */
type Backing = 'H' | 'S' | 'O';

interface Step {
  readonly map?: Backing;
  readonly at: number;
  readonly size: number;
  readonly offset?: number;
  /** reserved, used, returned, freed, map calls, unmap calls, locks, tables of levels 1 to 3, blocks, pages, VMAs. */
  readonly row: readonly [number, number, number, number, number, number, number, string, number, number, number];
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function object(id: string, backing: Backing, size: number, base: number): object {
  if (backing === 'H') return { op: 'bo', id, size, segments: [{ paddr: hex(base), size }], folio: 2 * M };
  if (backing === 'O') return { op: 'bo', id, size, segments: [{ paddr: hex(base + PAGE), size }], folio: PAGE };
  const segments = Array.from({ length: size / PAGE }, (_, i) => ({ paddr: hex(base + 2 * i * PAGE), size: PAGE }));
  return { op: 'bo', id, size, segments, folio: PAGE };
}

async function run(steps: readonly Step[], resident: boolean): Promise<readonly Line[]> {
  const events: object[] = [{ op: 'domain', id: 'vm0', driver: 'panthor', resident }];
  let base = 0x2_0000_0000;
  for (const [i, { map, at, size, offset = 0 }] of steps.entries()) {
    if (map === undefined) {
      events.push({ op: 'bind', job: i, mode: 'sync', ops: [{ kind: 'unmap', iova: hex(at), size }] });
      continue;
    }
    events.push(object(`b${i}`, map, size + offset, base));
    base += 2 ** 33;
    events.push({ op: 'bind', job: i, mode: 'sync', ops: [{ kind: 'map', iova: hex(at), size, bo: `b${i}`, offset }] });
  }
  const { lines } = await replayEvents(events);
  return lines.filter(({ op }) => op === 'bind');
}

const BLOCKS: Readonly<Record<string, readonly Step[]>> = {
  A: [
    { map: 'H', at: 0, size: 4 * M, row: [4, 2, 2, 0, 1, 0, 1, '1,1,0', 2, 0, 1] },
    { at: PAGE, size: PAGE, row: [1, 1, 0, 0, 2, 1, 2, '1,1,1', 1, 511, 2] },
    { at: 0, size: PAGE, row: [1, 0, 1, 0, 0, 1, 1, '1,1,1', 1, 510, 1] },
    { at: 8 * K, size: 4 * M - 8 * K, row: [1, 0, 1, 0, 0, 2, 1, '1,1,1', 0, 0, 0] },
    { map: 'H', at: 0, size: 2 * M, row: [3, 0, 3, 1, 1, 0, 1, '1,1,0', 1, 0, 1] },
    { at: 0, size: 2 * M, row: [0, 0, 0, 0, 0, 1, 1, '1,1,0', 0, 0, 0] },
  ],
  B: [
    { map: 'H', at: 0, size: 8 * M, row: [6, 2, 4, 0, 1, 0, 1, '1,1,0', 4, 0, 1] },
    { map: 'S', at: M, size: PAGE, row: [3, 1, 2, 0, 3, 1, 2, '1,1,1', 3, 512, 3] },
    { map: 'S', at: 3 * M, size: 3 * M, row: [4, 2, 2, 0, 769, 1, 1, '1,1,3', 1, 1536, 5] },
    { at: 0, size: 8 * M, row: [0, 0, 0, 1, 0, 7, 1, '1,1,2', 0, 0, 0] },
  ],
  C: [
    { map: 'S', at: 2 * M, size: 4 * M, row: [4, 4, 0, 0, 1024, 0, 1, '1,1,2', 0, 1024, 1] },
    { at: 2 * M + PAGE, size: 8 * K, row: [1, 0, 1, 0, 0, 1, 1, '1,1,2', 0, 1022, 2] },
    { at: 2 * M, size: 4 * M, row: [0, 0, 0, 1, 0, 3, 1, '1,1,1', 0, 0, 0] },
  ],
  F: [
    { map: 'H', at: 0, size: 6 * M, row: [5, 2, 3, 0, 1, 0, 1, '1,1,0', 3, 0, 1] },
    { at: M, size: 4 * M, row: [2, 2, 0, 0, 2, 1, 1, '1,1,2', 0, 512, 2] },
  ],
  G: [
    { map: 'H', at: 64 * K, size: 4 * M, row: [5, 5, 0, 0, 4, 0, 1, '1,1,3', 0, 1024, 1] },
    { at: 2 * M + PAGE, size: PAGE, row: [1, 1, 0, 1, 3, 1, 2, '1,1,3', 0, 1023, 2] },
  ],
  H: [
    { map: 'H', at: G, size: G, row: [514, 2, 512, 0, 1, 0, 1, '1,1,0', 512, 0, 1] },
    { at: G, size: G, row: [0, 0, 0, 0, 0, 1, 1, '1,1,0', 0, 0, 0] },
  ],
  I: [
    { map: 'H', at: 0, size: 4 * M, row: [4, 2, 2, 0, 1, 0, 1, '1,1,0', 2, 0, 1] },
    { map: 'H', at: 4 * M, size: 4 * M, row: [4, 0, 4, 0, 1, 0, 1, '1,1,0', 4, 0, 2] },
    { map: 'S', at: 3 * M, size: 2 * M, row: [4, 2, 2, 0, 514, 2, 1, '1,1,2', 2, 1024, 3] },
  ],
  J: [
    { map: 'O', at: PAGE, size: 64 * M, row: [35, 4, 31, 0, 3, 0, 1, '1,1,2', 31, 512, 1] },
    { at: PAGE, size: 64 * M, row: [2, 0, 2, 0, 0, 3, 1, '1,1,2', 0, 0, 0] },
  ],
  K: [
    { map: 'S', at: 512 * G - PAGE, size: 8 * K, row: [6, 6, 0, 0, 2, 0, 1, '2,2,2', 0, 2, 1] },
    { at: 512 * G - PAGE, size: 8 * K, row: [2, 0, 2, 0, 0, 2, 1, '2,2,2', 0, 0, 0] },
  ],
  L: [
    { map: 'H', at: 0, size: 192 * K, row: [3, 3, 0, 0, 1, 0, 1, '1,1,1', 0, 48, 1] },
    { map: 'H', at: 192 * K, size: 2 * M - 192 * K, offset: 192 * K, row: [3, 0, 3, 0, 1, 0, 1, '1,1,1', 0, 512, 2] },
    { at: 188 * K, size: 8 * K, row: [1, 0, 1, 0, 2, 2, 3, '1,1,1', 0, 510, 2] },
  ],
  M: [
    { map: 'S', at: 0, size: 2 * M, row: [3, 3, 0, 0, 512, 0, 1, '1,1,1', 0, 512, 1] },
    { at: 0, size: M, row: [1, 0, 1, 0, 0, 1, 1, '1,1,1', 0, 256, 1] },
    { at: M, size: M, row: [1, 0, 1, 0, 0, 1, 1, '1,1,1', 0, 0, 0] },
  ],
  'M whole': [
    { map: 'S', at: 0, size: 2 * M, row: [3, 3, 0, 0, 512, 0, 1, '1,1,1', 0, 512, 1] },
    { at: 0, size: 2 * M, row: [0, 0, 0, 1, 0, 1, 1, '1,1,0', 0, 0, 0] },
  ],
};

/** Without a hardware slot. */
const NOT_RESIDENT: readonly Step[] = [
  { map: 'H', at: 0, size: 2 * M, row: [3, 2, 1, 0, 1, 0, 0, '1,1,0', 1, 0, 1] },
  { at: PAGE, size: 2 * M - 8 * K, row: [1, 1, 0, 0, 2, 1, 0, '1,1,1', 0, 2, 2] },
];

function check(lines: readonly Line[], steps: readonly Step[], resident: boolean): void {
  const flushes = resident ? 1 : 0;
  const got = lines.map((line) => [
    ...['reserved', 'used', 'returned', 'tableFrees', 'mapCalls', 'unmapCalls', 'asLocks'].map((key) => line[key]),
    String(line['live']),
    ...['blocks', 'ptes', 'vmas', 'flushWalks', 'cacheFlushes', 'asUnlocks'].map((key) => line[key]),
  ]);
  expect(got).toEqual(steps.map(({ row }) => [...row, row[3], flushes, flushes]));
}

describe('golden sequences of panthor 7.1', () => {
  it.each(Object.keys(BLOCKS))('%s', async (name) => {
    check(await run(BLOCKS[name], true), BLOCKS[name], true);
  });

  it('D: 512 maps of 4K reserve 1,536 pages to use 3', async () => {
    const steps = Array.from({ length: 512 }, (_, i): Step => {
      const used = i === 0 ? 3 : 0;
      return { map: 'S', at: i * PAGE, size: PAGE, row: [3, used, 3 - used, 0, 1, 0, 1, '1,1,1', 0, i + 1, i + 1] };
    });
    check(await run(steps, true), steps, true);
  });

  it('E: an address space without a slot costs no hardware events', async () => {
    check(await run(NOT_RESIDENT, false), NOT_RESIDENT, false);
  });
});

/** range, MAP reserved, used where the backing is contiguous, used where it is scattered, UNMAP reserved, LOCKADDR. */
const WORKED: readonly (readonly [at: number, size: number, number, number | null, number | null, number, string])[] = [
  [0, PAGE, 3, 3, 3, 1, '0xe'],
  [0x5000, PAGE, 3, 3, 3, 1, '0x400e'],
  [0, 2 * M, 3, 2, 3, 0, '0x14'],
  [PAGE, 2 * M, 4, 4, 4, 2, '0x15'],
  [0, 2 * M + PAGE, 4, 3, 4, 1, '0x15'],
  [2 * M - PAGE, 2 * M + PAGE, 4, 3, 4, 1, '0x15'],
  [2 * M - PAGE, 8 * K, 4, 4, 4, 2, '0x15'],
  [0, 64 * M, 34, 2, 34, 0, '0x19'],
  [PAGE, 64 * M, 35, 4, 35, 2, '0x1a'],
  [0x1ff000, 64 * M, 35, 4, 35, 2, '0x1a'],
  [0, G, 514, 2, null, 0, '0x1d'],
  [G + 2 * M, G, 515, 3, null, 0, '0x1f'],
  [PAGE, G, 516, 5, null, 2, '0x1e'],
  [G - PAGE, 8 * K, 5, 5, 5, 2, '0x1e'],
  [512 * G - PAGE, 8 * K, 6, 6, 6, 2, '0x27'],
  [512 * G - 2 * M, 4 * M, 6, 4, 6, 0, '0x27'],
  [512 * G - 512 * M, G, 516, 4, null, 0, '0x27'],
  [0, 4 * G, 2053, 5, null, 0, '0x1f'],
  [512 * G - 8 * G, 16 * G, 8210, 18, null, 0, '0x27'],
];

describe('worked examples of the reservation', () => {
  it.each(WORKED)('%i + %i', async (at, size, reserved, contiguous, scattered, unmapReserved, lockaddr) => {
    for (const used of [contiguous, scattered]) {
      if (used === null) continue;
      // Contiguous also means congruent with the address, so that blocks fit.
      const base = 2 ** 44 + (used === contiguous ? at % (2 * M) : 0);
      const segments =
        used === contiguous
          ? [{ paddr: hex(base), size }]
          : Array.from({ length: size / PAGE }, (_, i) => ({ paddr: hex(base + 2 * i * PAGE), size: PAGE }));
      const { lines } = await replayEvents([
        { op: 'domain', id: 'vm0', driver: 'panthor' },
        { op: 'bo', id: 'b', size, segments },
        { op: 'bind', job: 1, mode: 'sync', ops: [{ kind: 'map', iova: hex(at), size, bo: 'b' }] },
        { op: 'bind', job: 2, mode: 'sync', ops: [{ kind: 'unmap', iova: hex(at), size }] },
      ]);
      const [map, unmap] = lines.filter(({ op }) => op === 'bind');
      expect([map['reserved'], map['used'], map['lockaddr']]).toEqual([reserved, used, [lockaddr]]);
      expect([unmap['reserved'], unmap['lockaddr']]).toEqual([unmapReserved, [lockaddr]]);
    }
  });

  it('a destroyed address space locks all of its 48 bits', async () => {
    const { replayer } = await replayEvents([
      { op: 'domain', id: 'vm0', driver: 'panthor' },
      { op: 'destroy', domain: 'vm0' },
    ]);
    const gpu = replayer.spaces[0].gpu;
    expect(gpu?.lineOfTables()).toContain('"lockaddr":["0x2f"]');
  });
});
