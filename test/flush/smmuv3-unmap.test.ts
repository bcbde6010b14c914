import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/base/vocabulary.ts';
import { mapPages } from '../../src/lpae/map.ts';
import { configFor, halves, makeDomain, type TestDomain } from '../lpae/fixture.ts';
import { CommandRecorder } from './command-recorder.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;
const G1 = 2 ** 30;

/** A model as the columns of the worked table name it. */
interface Column {
  readonly name: string;
  readonly kernel: Kernel;
  readonly ril: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: 'RIL 7.1', kernel: '7.1', ril: true },
  { name: 'RIL 6.12', kernel: '6.12', ril: true },
  { name: 'no RIL 7.1', kernel: '7.1', ril: false },
  { name: 'no RIL 6.12', kernel: '6.12', ril: false },
];

interface Row {
  readonly what: string;
  readonly iova: number;
  readonly paddr: number;
  readonly size: number;
  /** Page size of the raw calls that map the range; left out: as the core chooses. */
  readonly mapAs?: number;
  /** Commands and syncs as `commands/syncs`: with range invalidation, without on 7.1, without on 6.12. */
  readonly want: readonly [string, string, string];
  /** Pieces of the commands with range invalidation, NUM and SCALE as encoded, then the TTL. */
  readonly ranges: readonly (readonly [number, number, number])[];
}

/** The worked table of A.6 (strict, one ASID). */
const ROWS: readonly Row[] = [
  row('1 x 4K', 0x1000, 0x1000, K4, ['1/1', '1/1', '1/1'], [[0, 0, 3]]),
  row('3 x 4K', 0x1000, 0x1000, 3 * K4, ['1/1', '3/1', '3/1'], [[2, 0, 3]]),
  row(
    '33 x 4K',
    0x10000,
    0x10000,
    33 * K4,
    ['2/1', '33/1', '33/1'],
    [
      [0, 0, 3],
      [0, 5, 3],
    ],
  ),
  row(
    '511 x 4K',
    0x201000,
    0x1000,
    511 * K4,
    ['2/1', '511/1', '511/1'],
    [
      [30, 0, 3],
      [14, 5, 3],
    ],
  ),
  row('512 x 4K, not 2M aligned', 0x201000, 0x1000, M2, ['1/1', '1/1', '512/1'], [[0, 9, 3]]),
  row(
    '513 x 4K',
    0x201000,
    0x1000,
    513 * K4,
    ['2/1', '1/1', '513/1'],
    [
      [0, 0, 3],
      [0, 9, 3],
    ],
  ),
  row('one 2M block', M2, 0x90000000, M2, ['1/1', '1/1', '1/1'], [[0, 9, 2]]),
  row('3 x 2M', M2, 0x90000000, 3 * M2, ['1/1', '3/1', '3/1'], [[2, 9, 2]]),
  row('1 x 1G', G1, 0x140000000, G1, ['1/1', '1/1', '1/1'], [[0, 18, 1]]),
  row(
    '4K + 2 x 2M + 4K',
    0x1ff000,
    0x1ff000,
    0x402000,
    ['3/3', '4/3', '4/3'],
    [
      [0, 0, 3],
      [0, 10, 2],
      [0, 0, 3],
    ],
  ),
  {
    ...row(
      'aligned 2M made of 512 x 4K',
      M2,
      0x80001000,
      M2,
      ['2/2', '2/2', '513/2'],
      [
        [0, 9, 0],
        [0, 9, 2],
      ],
    ),
    mapAs: K4,
  },
  {
    ...row(
      '1G made of 512 x 2M',
      G1,
      0x80000000,
      G1,
      ['2/2', '2/2', '262145/2'],
      [
        [0, 18, 0],
        [0, 18, 1],
      ],
    ),
    mapAs: M2,
  },
  row(
    '2M x 14 + 1G x 3 + 2M x 3',
    0x3fe400000,
    0x3fe400000,
    0xc2200000,
    ['3/3', '20/3', '20/3'],
    [
      [6, 10, 2],
      [2, 18, 1],
      [2, 9, 2],
    ],
  ),
];

function row(what: string, iova: number, paddr: number, size: number, want: Row['want'], ranges: Row['ranges']): Row {
  return { what, iova, paddr, size, want, ranges };
}

function mapRow({ table, domain }: TestDomain, { iova, paddr, size, mapAs }: Row): void {
  if (mapAs === undefined) expect(domain.map(...halves(iova), ...halves(paddr), size, 3)).toBe(0);
  else expect(mapPages(table, ...halves(iova), ...halves(paddr), mapAs, size / mapAs, 3)).toBe(0);
}

describe.each(COLUMNS)('SMMUv3 commands of a whole unmap, $name', ({ kernel, ril }) => {
  it.each(ROWS)('$what', (given) => {
    const log = new CommandRecorder();
    const parts = makeDomain(configFor(kernel), { ril, log });
    mapRow(parts, given);
    expect(parts.policy.commands, 'a map invalidates nothing').toBe(0);
    expect(parts.domain.unmap(...halves(given.iova), given.size)).toBe(given.size);

    const { policy } = parts;
    const column = ril ? 0 : kernel === '7.1' ? 1 : 2;
    expect(`${policy.commands}/${policy.commandSyncs}`).toBe(given.want[column]);
    expect(log.commands, 'what is counted is what is issued').toBe(policy.commands);
    expect(log.syncs).toBe(policy.commandSyncs);
    if (ril) expect(log.ranges.map(({ num, scale, ttl }) => [num, scale, ttl])).toEqual(given.ranges);
  });
});
