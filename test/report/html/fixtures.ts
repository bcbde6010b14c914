import { hexNumber } from '../../../src/base/u64.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import type { LeafRun, SpaceMap, TableAt } from '../../../src/stats/space-map.ts';
import type { Offender, Timeline } from '../../../src/stats/timeline.ts';
import { runCli } from '../../cli/fake-io.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;

/** What a replay of a shipped trace comes to, as it prints it. */
export async function replayed(trace: string, ...options: string[]): Promise<StatsDocument> {
  const { stdout, stderr } = await runCli(['replay', `${TRACES}${trace}`, '--json', ...options]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as StatsDocument;
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A timeline that wanders as real ones do; the last bucket is not full. */
export function wandering(buckets: number, stride: number, seed = 1, timed = true): Timeline {
  const next = noise(seed);
  const gauge = (most: number, unit = 1): { min: number[]; max: number[] } => {
    const min: number[] = [];
    const max: number[] = [];
    let at = 0;
    for (let i = 0; i < buckets; i++) {
      at = Math.min(Math.max(at + Math.round((next() - 0.48) * most * 0.06), 0), most);
      min.push(at * unit);
      max.push((at + Math.floor(next() * most * 0.04)) * unit);
    }
    return { min, max };
  };
  const counts = (most: number): number[] =>
    Array.from({ length: buckets }, () => (next() < 0.3 ? 0 : Math.floor(next() * most)));
  let time = 1_234_000_000_000;
  return {
    stride,
    events: buckets * stride - (stride > 1 ? 1 : 0),
    ts: timed ? Array.from({ length: buckets }, () => (time += Math.floor(next() * 2_000_000))) : null,
    gauges: {
      'tables.live.l0': { min: new Array(buckets).fill(1), max: new Array(buckets).fill(1) },
      'tables.live.l1': gauge(4),
      'tables.live.l2': gauge(20),
      'tables.live.l3': gauge(300),
      'memory.occupied': gauge(320, 4096),
      'op.unused': gauge(60),
      'reservations.pinned': { min: new Array(buckets).fill(0), max: new Array(buckets).fill(0) },
      'alloc.held': gauge(400, 4096),
      'mapped.live': gauge(5000, 65536),
    },
    counts: {
      'tables.allocated': counts(9),
      'tables.freed': counts(9),
      'tlb.flushWalks': counts(5),
      'tlb.iotlbSyncs': counts(12),
      'tlb.addPages': counts(900),
      'tlb.flushAlls': new Array(buckets).fill(0),
      'tlb.commands': counts(40),
    },
  };
}

/** Where the 512 pages of `handMade` begin, and what they lead to. */
export const RUN = { iova: 0x4020_0000, paddr: 0x8_8000_0000 };

const PAGE = 4096;
const BLOCK = 512 * PAGE;
const GIGA = 512 * BLOCK;
const table = (level: number, iova: number, paddr: number, live: number, extra: Partial<TableAt> = {}): TableAt => ({
  level,
  iova: hexNumber(iova),
  size: PAGE * 512 ** (4 - level),
  paddr: hexNumber(paddr),
  live,
  entries: 512,
  pinned: false,
  parked: false,
  empty: false,
  ...extra,
});
const leaves = (level: number, iova: number, count: number, paddr: number | null, attrs: string): LeafRun => ({
  iova: hexNumber(iova),
  size: count * PAGE * 512 ** (3 - level),
  count,
  level,
  paddr: paddr === null ? null : hexNumber(paddr),
  attrs,
});

/** A map with everything on it: pages, blocks, a merged run, empty, pinned and parked tables, a reservation, far gaps. */
export function handMade(domain = 'gpu0'): SpaceMap {
  const far = 0x7f_0000_0000;
  const merged: LeafRun = { ...leaves(3, 0x4060_0000, 300, null, 'rw-c'), size: BLOCK, unmapped: BLOCK - 300 * PAGE };
  return {
    domain,
    seq: 4095,
    ias: 48,
    granule: PAGE,
    startLevel: 0,
    leaves: [
      leaves(2, 0x4000_0000, 1, 0x9_0000_0000, 'rwxc'),
      leaves(3, RUN.iova, 512, RUN.paddr, 'rw-c'),
      leaves(3, 0x4040_0000, 12, 0x1_0000, 'r--c'),
      leaves(3, 0x4041_0000, 3, 0x7_0000, 'rw--'),
      merged,
      leaves(2, far, 40, 0xa_0000_0000, 'rwxc'),
      leaves(1, 0xff_c000_0000, 1, 0x10_0000_0000, 'rwxc'),
    ],
    tables: [
      table(0, 0, 0x1000, 1),
      table(1, 0, 0x2000, 3),
      table(2, GIGA, 0x3000, 4),
      table(2, far, 0x4000, 41),
      table(3, RUN.iova, 0x5000, 512),
      table(3, 0x4040_0000, 0x6000, 15, { pinned: true }),
      table(3, 0x4060_0000, 0x7000, 300),
      table(3, 0x4000_0000, 0x8000, 0, { parked: true, pinned: true, empty: true }),
      table(3, far + 60 * BLOCK, 0x9000, 0, { empty: true }),
    ],
    reserved: [{ id: 'heap', iova: '0x40000000', size: 4 * BLOCK }],
    leavesLeftOut: 0,
    tablesLeftOut: 2,
  };
}

/** Events that cost the most of something, over a timeline of so many events. */
export function costly(events: number): Offender[] {
  return ['tables.allocated', 'tlb.flushWalks', 'op.returned'].flatMap((metric, kind) =>
    [0, 1, 2].map((nth) => {
      const seq = Math.floor((events * (1 + kind * 3 + nth)) / 10);
      return {
        metric,
        value: 90 - 20 * nth - kind,
        seq,
        line: seq + 2,
        domain: 'gpu0',
        op: 'map',
        iova: '0x40200000',
        size: BLOCK,
      };
    }),
  );
}

/** A document with all sections. */
export async function complete(): Promise<StatsDocument> {
  const document = await replayed('over-reservation.ndjson', '--allocator', 'shared-pool');
  const timeline = wandering(512, 8);
  return {
    ...document,
    timeline,
    offenders: costly(timeline.events),
    maps: [handMade(), handMade('a second domain')],
    findings: [
      {
        kind: 'steal',
        seq: 1000,
        line: 1002,
        domain: 'gpu0',
        range: { iova: '0x40200000', size: BLOCK },
        message: 'a page reserved for event 990 was taken',
      },
    ],
    counters: { ...document.counters, 'findings.steal': 1 },
  };
}

/** A map of 4,000 runs as a busy GPU has them, far apart. */
export function crowded(runs: number, seed = 7): SpaceMap {
  const next = noise(seed);
  let iova = 0x1_0000_0000;
  const list: LeafRun[] = [];
  const tables = new Map<number, TableAt>();
  for (let nth = 0; nth < runs; nth++) {
    iova += PAGE * (1 + Math.floor(next() * 64)) + (nth % 500 === 499 ? 1000 * GIGA : 0);
    const count = 1 + Math.floor(next() * 40);
    list.push(leaves(3, iova, count, PAGE * Math.floor(next() * 2 ** 30), next() < 0.5 ? 'rw-c' : 'r--c'));
    for (let at = iova; at < iova + count * PAGE; at += PAGE) {
      const start = Math.floor(at / BLOCK) * BLOCK;
      const live = (tables.get(start)?.live ?? 0) + 1;
      tables.set(start, table(3, start, 0x100_0000 + tables.size * PAGE, live));
    }
    iova += count * PAGE;
  }
  return {
    ...handMade('busy'),
    leaves: list,
    tables: [table(0, 0, 0x1000, 1), ...tables.values()],
    reserved: [],
    tablesLeftOut: 0,
  };
}
