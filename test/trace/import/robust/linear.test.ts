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
const ROUNDS = 6;
const LINES = 20_000;
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
  await busy(large, options);
  let [once, twice] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS && (round < 2 || twice > CLEAR * once); round++) {
    once = Math.min(once, await busy(small, options));
    twice = Math.min(twice, await busy(large, options));
  }
  return twice / once;
}

function text(name: FormName): (lines: number) => Buffer {
  return (lines) => Buffer.from([...textOf(name, requests, lines)].join(''));
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
    expect(await growth(text('ftrace'), LINES)).toBeLessThan(MOST);
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

describe('twice as much of what is rare takes twice the time', () => {
  const call = (key: number): string =>
    `map: (arm_lpae_map_pages+0x0/0x170) ttbr=${hex(key * 4096)} iova=0x1000 paddr=0x2000 pgsize=0x1000 pgcount=1 prot=0x7`;
  const alloc = (ias: number): string =>
    `alloc_s1: (arm_64_lpae_alloc_pgtable_s1+0x0/0x24c) quirks=0x0 pgsize_bitmap=0x62215000 ias=${ias} oas=44 coherent_walk=1`;
  const free = (key: number): string => `free: (arm_lpae_free_pgtable+0x0/0x40) ttbr=${hex(key * 4096)}`;

  it.each([
    ['threads', (i: number) => line(i, i % 2 === 0 ? map(i) : unmap(i - 1), i >> 1), {}],
    [
      'processes whose memory others unmap',
      (i: number) => line(i, i % 2 === 0 ? map(i) : unmap(i - 1), i % 2 === 0 ? i : 7),
      { domainBy: 'pid' },
    ],
    ['live mappings', (i: number) => line(i, map(i)), {}],
    [
      'live mappings, last come first gone',
      (i: number) => line(i, i % 8 < 5 ? map(i) : unmap(i - 2 * (i % 8) + 9)),
      {},
    ],
    ['page tables', (i: number) => line(i, call(i)), {}],
    ['page tables that come and go', (i: number) => line(i, [alloc(48), call(i), free(i - 1)][i % 3], i), {}],
    ['configurations', (i: number) => line(i, i % 2 === 0 ? alloc(32 + (i % 13)) : call(i)), {}],
    [
      'dma events about nothing',
      (i: number) =>
        line(i, i % 9 === 0 ? map(i) : `dma_map_page: dev dir=TO_DEVICE dma_addr=${hex(i * 65536)} size=16 attrs=`),
      {},
    ],
    [
      'devices',
      (i: number) =>
        line(
          i,
          i % 2 === 0 ? map(i) : `dma_map_page: dev${i} dir=TO_DEVICE dma_addr=${hex((i - 1) * 4096)} size=16 attrs=`,
        ),
      {},
    ],
    [
      'lines about nothing',
      (i: number) =>
        `this line ${i} is not about anything: a=1 b-2 [3]\n`.repeat(i === 1 ? 2 : 1) +
        (i === 0 ? line(0, map(0)) : ''),
      {},
    ],
    ['lines that are damaged', (i: number) => line(i, map(i).slice(0, 40)), {}],
  ] as const)('%s', async (_, each, options) => {
    expect(await growth(lines(each), LINES, options)).toBeLessThan(MOST);
  });

  it.each([
    ' ',
    '1 ',
    '-1 ',
    '-1 [0] ',
    '-1 1d.... ',
    '(<-',
    'a)',
    'x=',
    '"',
    ' a 1 [0] 1.0: ',
    'IOMMU:a ',
    ' dma_addrs={',
  ])('long lines of %j', async (morsel) => {
    const long = (length: number): Buffer =>
      Buffer.from(
        line(0, map(1)) +
          [
            '',
            '   task-1  [000] d....  1.0: map: ',
            '   task-1  [000] d....  1.0: map: (',
            'map: IOMMU: iova=',
            'iova=0x1 size=',
          ]
            .map((lead) => `${lead}${morsel.repeat(length / morsel.length)}x\n`)
            .join('')
            .repeat(4),
      );
    // No longer ones are looked at.
    expect(await growth(long, 8000)).toBeLessThan(MOST);
    expect(await busy(long(16_000), {})).toBeLessThan(1000);
  });
});
