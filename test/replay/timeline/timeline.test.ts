/** A timeline says what the counters say: its sums are theirs, its peaks are theirs, bucket by bucket. */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../../src/allocator/registry.ts';
import { chooseModel, type ModelChoice } from '../../../src/base/model.ts';
import { GPU_DRIVERS } from '../../../src/base/vocabulary.ts';
import { FLUSH_POLICIES } from '../../../src/flush/registry.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { MOST_BUCKETS } from '../../../src/replay/timeline/buckets.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import type { Timeline } from '../../../src/stats/timeline.ts';
import { generate } from '../../../src/workload/generate.ts';
import { WORKLOADS } from '../../../src/workload/registry.ts';
import { domain, K4, M2, map, unmap } from '../../cli/events.ts';
import { randomTraces } from '../random-trace.ts';
import { COUNT_KEYS, naively, type Rows, replayed, type Source } from './recorded.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;
const names = readdirSync(TRACES).filter((name) => name.endsWith('.ndjson'));
const recordings = readdirSync(TRACES).filter((name) => name.endsWith('.txt.gz'));

function model(text: string, kinds: Parameters<typeof chooseModel>[1]): ModelChoice {
  const choice = chooseModel(text, kinds);
  if (typeof choice === 'string') throw new Error(choice);
  return choice;
}

const RESERVE = model('reserve', ALLOCATORS);
const QUEUE = { depth: null, exec: { value: 3, unit: 'ops' }, cleanup: { value: 2, unit: 'ops' } } as const;
const WAYS: readonly (readonly [string, Partial<ReplayOptions>])[] = [
  ['as they are', {}],
  ['queued, with reservations', { allocator: RESERVE, queue: QUEUE, flush: model('smmuv3', FLUSH_POLICIES) }],
  ['one pool for all', { allocator: model('shared-pool', ALLOCATORS), queue: QUEUE }],
  ['one gather for neighbouring unmaps', { gather: 'task', flush: model('smmuv3', FLUSH_POLICIES) }],
  ['reserved around areas', { reserveAround: 'areas', allocator: RESERVE }],
];

/** Gauges and the counters that are their peaks. */
const PEAKS = [
  ['tables.live', 'tables.peak'],
  ...[0, 1, 2, 3].map((level) => [`tables.live.l${level}`, `tables.peak.l${level}`] as const),
  ['memory.occupied', 'memory.occupiedPeak'],
  ['op.unused', 'op.unusedPeak'],
  ['alloc.held', 'alloc.heldPeak'],
  ['reservations.pinned', 'reservations.pinnedPeak'],
] as const;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);

function timelineOf({ timeline }: StatsDocument): Timeline {
  if (timeline === undefined) throw new Error('the document has no timeline');
  return timeline;
}

/** The sums and peaks of a timeline are the counters of its document. */
function agrees(document: StatsDocument): void {
  const { counters } = document;
  const { counts, gauges, stride, events } = timelineOf(document);
  expect(events).toBe(document.trace.events);
  const findings = Object.keys({ ...counters, ...counts }).filter((key) => key.startsWith('findings.'));
  for (const key of [...COUNT_KEYS, ...findings])
    expect([key, sum(counts[key] ?? [])]).toEqual([key, counters[key] ?? 0]);
  for (const [gauge, peak] of PEAKS)
    expect([gauge, most(gauges[gauge]?.max ?? [])]).toEqual([gauge, counters[peak] ?? 0]);
  // Of several address spaces only their own peaks of it are told.
  if (document.domains.length === 1)
    expect(most(gauges['mapped.live']?.max ?? [])).toBe(document.domains[0].counters['mapped.peak']);
  for (const column of [...Object.values(counts), ...Object.values(gauges).flatMap(({ min, max }) => [min, max])]) {
    expect(column).toHaveLength(Math.ceil(events / stride));
  }
}

/** Each bucket holds what looking at every address space after every event gives. */
function isNaive(document: StatsDocument, rows: Rows): void {
  const { counts, gauges, stride, events } = timelineOf(document);
  const buckets = Math.ceil(events / stride);
  const end = (bucket: number): Record<string, number> =>
    bucket < 0 ? {} : bucket === buckets - 1 ? rows[rows.length - 1] : rows[(bucket + 1) * stride - 1];
  for (const key of COUNT_KEYS) {
    const wanted = Array.from({ length: buckets }, (_, at) => (end(at)[key] ?? 0) - (end(at - 1)[key] ?? 0));
    expect([key, counts[key] ?? wanted.map(() => 0)]).toEqual([key, wanted]);
  }
  for (const key of ['tables.live', 'memory.occupied', 'mapped.live']) {
    for (let at = 0; at < buckets; at++) {
      const seen = rows.slice(at * stride, (at + 1) * stride).map((row) => row[key] ?? 0);
      if (at === buckets - 1) seen.push(end(at)[key] ?? 0);
      const { min, max } = gauges[key] ?? { min: seen.map(() => 0), max: seen.map(() => 0) };
      if (gauges[key] === undefined) expect([key, most(seen)]).toEqual([key, 0]);
      else expect([key, at, min[at]]).toEqual([key, at, Math.min(...seen)]);
      expect(max[at] ?? 0).toBeGreaterThanOrEqual(most(seen));
    }
  }
}

/** What a replay that is not recorded says, and nothing else. */
async function changesNothing(document: StatsDocument, source: Source, options: Partial<ReplayOptions>): Promise<void> {
  const { timeline: _timeline, offenders: _offenders, ...rest } = document;
  expect(rest).toEqual((await replayed(source, options)).document);
}

describe.each(WAYS.map(([way, options], at) => [way, options, at] as const))(
  'timelines of replays %s',
  (_, options, at) => {
    // Recordings are long: each goes every other way.
    it.each([...names, ...recordings.filter((_name, nth) => (nth + at) % 2 === 0)])(
      'agree with the counters of %s',
      async (name) => {
        const { document } = await replayed(TRACES + name, { ...options, timeline: true });
        agrees(document);
        await changesNothing(document, TRACES + name, options);
      },
    );

    it('are those of a naive record, for random traces of several address spaces', async () => {
      const jobs = ['none', 'waiting', 'overtaking'] as const;
      for (const [seed, kind] of jobs.entries()) {
        const traces = randomTraces({ jobs: kind, ranges: true, destroys: true, empty: true, maxLength: 60 });
        await fc.assert(
          fc.asyncProperty(traces, async (trace) => {
            // Of two tasks, so that unmaps may share a gather, which ends when another comes.
            const events = trace.events.map((event, at) => ({ ...event, thread: at % 4 === 0 ? 'a' : 'b' }));
            const { document, rows } = await naively(events, options);
            agrees(document);
            isNaive(document, rows);
            await changesNothing(document, events, options);
          }),
          { seed: 20 + seed, numRuns: 4, endOnFailure: true },
        );
      }
    });
  },
);

describe('timelines of binds', () => {
  const choice = model('bind-storm,jobs=4,ops=8,windows=1', WORKLOADS);

  it.each(GPU_DRIVERS)('agree with the counters of %s', async (driver) => {
    for (const explicit of [false, true]) {
      const one = [
        ...generate({
          choice: model('game,textures=40,meshes=20,frames=3,mode=async', WORKLOADS),
          seed: 7,
          driver,
          explicit,
        }),
      ];
      const other = [...generate({ choice, seed: 8, driver, explicit: false })].filter(({ op }) => op !== 'trace');
      // Two address spaces side by side.
      const events = [...one.map((event) => within(event, 'a')), ...other.map((event) => within(event, 'b'))];
      for (const source of [one, events]) {
        for (const queue of [null, QUEUE]) {
          const { document, rows } = await naively(source, { queue });
          expect(document.counters['bind.jobs']).toBeGreaterThan(10);
          agrees(document);
          isNaive(document, rows);
          await changesNothing(document, source, { queue });
        }
      }
    }
  });
});

/** The event as one of an address space and of objects and jobs of that name. */
function within(event: object, name: string): object {
  const { op, id, ops, job } = event as { op: string; id?: string; ops?: { bo?: string }[]; job?: unknown };
  if (op === 'trace') return event;
  return {
    ...event,
    ...(op === 'domain' ? { id: name } : op === 'bo' ? { id: `${name}${id}` } : { domain: name }),
    ...(job === undefined ? {} : { job: `${name}${String(job)}` }),
    ...(ops === undefined ? {} : { ops: ops.map((o) => (o.bo === undefined ? o : { ...o, bo: `${name}${o.bo}` })) }),
  };
}

describe('a timeline', () => {
  it('is bounded, and its buckets are those of a naive record', async () => {
    const events: object[] = [domain()];
    for (let i = 0; events.length < 3 * MOST_BUCKETS; i++) {
      const iova = (i % 7) * 2 ** 21 + (i % 5) * K4;
      events.push(i % 3 === 0 ? unmap(iova, K4, { ts: 1000 * i }) : map(iova, K4, { ts: 1000 * i }));
    }
    const { document, rows } = await naively(events, { flush: model('smmuv3', FLUSH_POLICIES) });
    const { stride, ts } = timelineOf(document);
    expect(stride).toBe(4);
    // The domain has no time: the first bucket has that of its second event.
    expect(ts?.slice(0, 3)).toEqual([0, 3000, 7000]);
    agrees(document);
    isNaive(document, rows);
  });

  it('has a bucket for each event until it is full', async () => {
    const events = [domain(), ...Array.from({ length: MOST_BUCKETS - 1 }, (_, i) => map(i * K4, K4))];
    const full = timelineOf((await replayed(events, { timeline: true })).document);
    expect([full.stride, full.counts['tables.allocated'].length, full.ts]).toEqual([1, MOST_BUCKETS, null]);
    const { document } = await replayed([...events, unmap(0, K4)], { timeline: true });
    expect([timelineOf(document).stride, timelineOf(document).counts['tables.allocated'].length]).toEqual([2, 1025]);
    agrees(document);
  });

  it('keeps a peak that lies within one event', async () => {
    // Reserved for the worst case, used in part, and returned before the next event.
    const events = [domain(), map(0, K4), map(K4, K4), map(2 * K4, K4)];
    const { document } = await replayed(events, { allocator: RESERVE, timeline: true });
    expect(timelineOf(document).gauges['op.unused']).toEqual({ min: [0, 0, 0, 0], max: [0, 3, 3, 3] });
  });

  it('keeps what a request that fails had mapped before it was taken back', async () => {
    const { document } = await replayed(`${TRACES}already-mapped.ndjson`, { timeline: true });
    const { min, max } = timelineOf(document).gauges['mapped.live'];
    expect(min.slice(0, 5)).toEqual([0, 0, K4, K4, K4]);
    expect(max.slice(0, 5)).toEqual([0, 0, K4, 3 * K4, K4]);
    expect(document.counters['mapped.peak']).toBe(3 * K4);
  });

  it('keeps the peak of what all address spaces map together', async () => {
    const of = (id: string): object => ({ domain: id });
    const events = [
      domain({ id: 'a' }),
      domain({ id: 'b' }),
      map(0, M2, of('a')),
      map(0, K4, of('b')),
      map(M2 + K4, K4, of('a')),
      // Two pages of it come before the one that is there.
      map(M2 - K4, 3 * K4, of('a')),
      map(M2 - K4, 3 * K4, of('b')),
      unmap(0, M2, of('a')),
      map(0, 4 * K4, of('b')),
    ];
    const { document } = await replayed(events, { timeline: true });
    const { min, max } = timelineOf(document).gauges['mapped.live'];
    const after = [0, 0, M2, M2 + K4, M2 + 2 * K4, M2 + 2 * K4, M2 + 5 * K4, 5 * K4, 5 * K4];
    expect(min).toEqual(after);
    expect(max).toEqual(after);
  });

  it('leaves out what was 0 all along, and is empty without events', async () => {
    const { document } = await replayed([domain(), map(0, K4)], { timeline: true });
    const { gauges, counts } = timelineOf(document);
    expect(Object.keys(gauges)).not.toContain('op.unused');
    expect(Object.keys(counts)).toEqual(['tables.allocated', 'alloc.calls']);
    const none = await replayed([], { timeline: true });
    expect(none.document.timeline).toEqual({ stride: 1, events: 0, ts: null, gauges: {}, counts: {} });
    expect((await replayed([domain()], {})).document).not.toHaveProperty('timeline');
  });
});
