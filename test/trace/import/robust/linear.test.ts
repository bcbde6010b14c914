import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTrace, type ReadOptions } from '../../../../src/trace/open.ts';
import {
  FORMS,
  type FormName,
  longPerfData,
  longTraceDat,
  type Request,
  recordedRequests,
  textOf,
} from '../../../bench/import-load.ts';
import { sample } from '../trace-dat/collect.ts';
import { busySince } from './survive.ts';

const RECORDING = new URL('../../../golden/recordings/smmuv3-kprobe-6.1-strict-4k.txt.gz', import.meta.url).pathname;
/** Twice the input may take so many times as long; machines that do other things are not exact. */
const MOST = 3;
/** Below this it surely is twice as long and no more. */
const CLEAR = 2.2;
const ROUNDS = 8;
const LINES = 10_000;
const CHUNK = 1 << 16;

let requests: Request[];
beforeAll(async () => {
  requests = await recordedRequests(RECORDING);
});

/** Milliseconds of the processor that reading takes. */
async function busy(data: Buffer, options: Partial<ReadOptions>): Promise<number> {
  const pieces = Array.from({ length: Math.ceil(data.length / CHUNK) }, (_, i) =>
    data.subarray(i * CHUNK, (i + 1) * CHUNK),
  );
  const start = process.cpuUsage();
  const reader = await openTrace('-', Readable.from(pieces), { lenient: true, layer: null, ...options });
  const outcome = await reader.read(() => true);
  expect(outcome.error).toBeNull();
  return busySince(start);
}

/** How many times as long twice the input takes: the best of some rounds. */
async function growth(
  make: (size: number) => Buffer,
  size: number,
  options: Partial<ReadOptions> = {},
): Promise<number> {
  const [small, large] = [make(size), make(2 * size)];
  let [once, twice] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS && (round < 2 || twice > CLEAR * once); round++) {
    // The large one comes first: it warms up for the small one, which must not seem slower than it is.
    twice = Math.min(twice, await busy(large, options));
    once = Math.min(once, await busy(small, options));
  }
  return twice / once;
}

function text(name: FormName): (lines: number) => Buffer {
  // A request is a line or more.
  return (lines) => Buffer.from([...textOf(name, requests.slice(0, lines), lines)].join(''));
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const line = (i: number, event: string, pid = 100): string =>
  `   task-${pid}  [000] d....  ${Math.floor(i / 1e6)}.${String(i % 1e6).padStart(6, '0')}: ${event}\n`;
const map = (page: number): string =>
  `map: IOMMU: iova=${hex(page * 4096)} - ${hex((page + 1) * 4096)} paddr=0x8000000 size=4096`;
const unmap = (page: number): string =>
  `unmap: IOMMU: iova=${hex(page * 4096)} - ${hex((page + 1) * 4096)} size=4096 unmapped_size=4096`;

function lines(each: (i: number) => string): (count: number) => Buffer {
  return (count) => Buffer.from(Array.from({ length: count }, (_, i) => each(i)).join(''));
}

describe('twice the input takes twice the time', () => {
  it.each(Object.keys(FORMS) as FormName[])('%s', async (name) => {
    expect(await growth(text(name), LINES, { singleDomain: true })).toBeLessThan(MOST);
  });

  it.each([{}, { domainBy: 'pid' }, { domainBy: 'comm' }, { domainBy: 'dev' }, { unwrap: true }] as const)(
    'address spaces found with %j',
    async (options) => {
      expect(await growth(text('with dma events'), LINES, options)).toBeLessThan(MOST);
    },
  );

  it('address spaces inferred', async () => {
    expect(await growth(text('ftrace'), LINES / 2)).toBeLessThan(MOST);
  });

  it('trace.dat', async () => {
    const recorded = sample('version-6.dat.gz');
    expect(
      await growth((turns) => Buffer.concat([...longTraceDat(recorded, turns)]), 60, { singleDomain: true }),
    ).toBeLessThan(MOST);
  });

  it('perf.data', async () => {
    const recorded = readFileSync(join(import.meta.dirname, '../perf-data/samples/strict-6.1.perf.data'));
    expect(
      await growth((turns) => Buffer.concat([...longPerfData(recorded, turns)]), 200, { singleDomain: true }),
    ).toBeLessThan(MOST);
  });
});

/** What there may be much of. */
interface Much {
  readonly what: string;
  readonly each: (i: number) => string;
  readonly options?: Partial<ReadOptions>;
}

const call = (key: number): string =>
  `map: (arm_lpae_map_pages+0x0/0x170) ttbr=${hex(key * 4096)} iova=0x1000 paddr=0x2000 pgsize=0x1000 pgcount=1 prot=0x7`;
const alloc = (ias: number): string =>
  `alloc_s1: (arm_64_lpae_alloc_pgtable_s1+0x0/0x24c) quirks=0x0 pgsize_bitmap=0x62215000 ias=${ias} oas=44 coherent_walk=1`;
const free = (key: number): string => `free: (arm_lpae_free_pgtable+0x0/0x40) ttbr=${hex(key * 4096)}`;
const dma = (device: string, iova: number): string =>
  `dma_map_page: ${device} dir=TO_DEVICE dma_addr=${hex(iova)} size=16 attrs=`;

const MUCH: readonly Much[] = [
  { what: 'threads', each: (i) => line(i, i % 2 === 0 ? map(i) : unmap(i - 1), i >> 1) },
  {
    what: 'processes whose memory others unmap',
    each: (i) => line(i, i % 2 === 0 ? map(i) : unmap(i - 1), i % 2 === 0 ? i : 7),
    options: { domainBy: 'pid' },
  },
  {
    what: 'processes',
    each: (i) => line(i, i % 2 === 0 ? map(i) : unmap(i - 1), i >> 1),
    options: { domainBy: 'pid' },
  },
  { what: 'live mappings', each: (i) => line(i, map(i)) },
  { what: 'live mappings, the last gone first', each: (i) => line(i, i % 8 < 5 ? map(i) : unmap(i - 2 * (i % 8) + 9)) },
  { what: 'page tables', each: (i) => line(i, call(i)) },
  { what: 'page tables that come and go', each: (i) => line(i, [alloc(48), call(i), free(i - 1)][i % 3], i) },
  { what: 'configurations', each: (i) => line(i, i % 2 === 0 ? alloc(32 + (i % 13)) : call(i)) },
  { what: 'dma events about nothing', each: (i) => line(i, i % 9 === 0 ? map(i) : dma('dev', i * 65536)) },
  { what: 'devices', each: (i) => line(i, i % 2 === 0 ? map(i) : dma(`dev${i % 300}`, (i - 1) * 4096)) },
  {
    what: 'lines about nothing',
    each: (i) => (i === 0 ? line(0, map(0)) : `line ${i} is about nothing: a=1 b-2 [3]\n`),
  },
  { what: 'lines that are damaged', each: (i) => line(i, map(i).slice(0, 40)) },
];

describe('twice as much takes twice the time', () => {
  it.each(MUCH)('$what', async ({ each, options = {} }) => {
    expect(await growth(lines(each), LINES, options)).toBeLessThan(MOST);
  });
});

const LEADS = [
  ...[
    '',
    '> ',
    '[   12.345678] ',
    'dd-1 ',
    'dd-1 [000] ',
    'dd 1 [000] 1.0: iommu:',
    'iova=0x1 size=',
    'map: IOMMU: iova=',
  ],
  ...[
    'map: ',
    'map: (',
    'map: (a <- ',
    'map: IOMMU:',
    'alloc: (a+0x1/0x2) quirks=',
    'dma_map_sg: d ',
    'io_page_fault: ',
  ].map((event) => `   task-1  [000] d....  1.0: ${event}`),
];
const MORSELS = [
  ...[
    ' ',
    '\t',
    '\r',
    '1 ',
    '-1 ',
    '-1',
    '1',
    'f',
    'a',
    '.',
    ',',
    '-1 [0] ',
    '-1 (1 ',
    '-1 1d.... ',
    '(<-',
    'a)',
    'x=',
    '"',
    '> ',
  ],
  ...[
    ' a 1 [0] 1.0: ',
    ' 1 1 1 00000000 ',
    'IOMMU:a ',
    ' dma_addrs={',
    ' iova=0x1',
    ' 0x1 - 0x2',
    '[LOST ',
    'x:',
    ': ',
    '\u2028',
  ],
];

describe('the longest lines that are looked at take no time to speak of', () => {
  const LONGEST = 16_384;
  it.each(MORSELS)('of %j', async (morsel) => {
    const text = LEADS.flatMap((lead) =>
      ['', 'x', ' paddr=0x1'].map((end) => {
        const times = Math.floor((LONGEST - lead.length - end.length) / Buffer.byteLength(morsel));
        return `${lead}${morsel.repeat(times)}${end}\n`;
      }),
    );
    for (const unwrap of [false, true]) {
      // A line that is tried in 16,384 * 16,384 ways takes a second by itself.
      expect(await busy(Buffer.from(line(0, map(1)) + text.join('')), { unwrap })).toBeLessThan(1500);
    }
  });
});
