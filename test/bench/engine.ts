/** ns per call of the seven engine workloads, pgtrace beside the naive engine. */
import { type Bench, median } from './report.ts';
import { NaiveSubject, PgtraceSubject } from './subjects.ts';
import { PAGES, RUNS, randomMix, randomPages, type Subject } from './workloads.ts';

const MIX_CALLS = 65536;
const LOOKUPS = 65536;

/** What each workload is, and the least ratio to the naive engine. */
const WORKLOADS = [
  { key: 'a', what: 'map 4K', bar: 10 },
  { key: 'a2', what: 'unmap 4K', bar: 13 },
  { key: 'b', what: 'map 512 x 4K, new tables', bar: 2.8 },
  { key: 'b2', what: 'unmap 512 x 4K', bar: 5 },
  { key: 'b3', what: 'map 512 x 4K, tables exist', bar: 3.4 },
  { key: 'c', what: 'random map, unmap, look-up', bar: 10 },
  { key: 'd', what: 'iova_to_phys', bar: 18 },
] as const;
type Key = (typeof WORKLOADS)[number]['key'];
type Times = Record<Key, number[]>;

const mix = randomMix(MIX_CALLS, 1);
const pages = randomPages(LOOKUPS, 2);

export function benchEngine(bench: Bench): void {
  const subjects: Subject[] = [new PgtraceSubject(), new NaiveSubject()];
  const times = new Map<Subject, Times>(
    subjects.map((subject) => [subject, { a: [], a2: [], b: [], b2: [], b3: [], c: [], d: [] }]),
  );
  const rounds = bench.quick ? 7 : 25;
  // The rounds of both engines alternate, so that a slow second of the machine hits both. The first ones warm up.
  for (let round = -3; round < rounds; round++) {
    for (const subject of subjects) {
      const sample = oneRound(subject);
      if (round < 0) continue;
      for (const { key } of WORKLOADS) times.get(subject)?.[key].push(sample[key]);
    }
  }
  const [ours, naive] = subjects.map((subject) => times.get(subject) as Times);
  bench.title('engine: ns per call (64-bit stage 1, 4K granule, ias 48, coherent)');
  bench.table(
    ['', 'workload', 'pgtrace', 'naive', 'ratio'],
    WORKLOADS.map(({ key, what, bar }) => {
      const ratio = median(naive[key]) / median(ours[key]);
      bench.bar(`${key}, ${what}: times as fast as the naive engine`, ratio, bar);
      return [key, what, median(ours[key]).toFixed(1), median(naive[key]).toFixed(1), `${ratio.toFixed(1)}x`];
    }),
  );
}

function oneRound(subject: Subject): Record<Key, number> {
  subject.renew();
  globalThis.gc?.();
  const b = nsPerCall(RUNS, () => subject.mapRuns());
  const b2 = nsPerCall(RUNS, () => subject.unmapRuns());
  const b3 = nsPerCall(RUNS, () => subject.mapRuns());
  subject.unmapRuns();
  const a = nsPerCall(PAGES, () => subject.mapPagesOneByOne());
  const d = nsPerCall(LOOKUPS, () => subject.lookUp(pages));
  const a2 = nsPerCall(PAGES, () => subject.unmapPagesOneByOne());
  const c = nsPerCall(MIX_CALLS, () => subject.mix(mix));
  return { a, a2, b, b2, b3, c, d };
}

function nsPerCall(calls: number, run: () => void): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / calls;
}
