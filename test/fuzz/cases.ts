import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../cli/fake-io.ts';
import { mutate } from '../trace/import/robust/mutations.ts';
import { Random } from '../trace/import/robust/random.ts';
import { BINARY_SEEDS, TEXT_SEEDS } from '../trace/import/robust/seeds.ts';
import { MODEST, nonsense } from './nonsense.ts';

/** One run of the command line on inputs that may be anything; the same number gives the same every time. */
export interface FuzzCase {
  readonly number: number;
  /** `FILE` stands for the first of the inputs, `OTHER` for the second. */
  readonly args: readonly string[];
  readonly inputs: readonly Buffer[];
}

/** Tests and `npm run fuzz` both run in the folder of the project. */
const TRACES = 'traces';

/** Lessons and what they come to, made once. */
let seeds: Seeds | null = null;

interface Seeds {
  readonly traces: readonly Buffer[];
  readonly statistics: readonly Buffer[];
  readonly rows: readonly Buffer[];
}

async function seedsOf(): Promise<Seeds> {
  if (seeds !== null) return seeds;
  // One lesson maps 512 GiB in pages of 4K, which takes its time.
  const names = readdirSync(TRACES).filter((name) => name.endsWith('.ndjson') && name !== 'repeat-sparse.ndjson');
  const traces = names.map((name) => readFileSync(join(TRACES, name)));
  const statistics: Buffer[] = [];
  for (const name of names.slice(0, 8)) {
    const extra = statistics.length % 2 === 0 ? [] : ['--timeline', '--maps', '--allocator', 'all'];
    statistics.push(Buffer.from((await runCli(['replay', join(TRACES, name), '--json', ...extra])).stdout));
  }
  const swept = await runCli([
    'sweep',
    ...names.slice(0, 2).map((name) => join(TRACES, name)),
    '--allocator',
    'kernel',
    '-q',
  ]);
  seeds = { traces, statistics, rows: [Buffer.from(swept.stdout)] };
  return seeds;
}

const REPLAY_OPTIONS: readonly (readonly string[])[] = [
  [],
  ['--json'],
  ['--json', '--timeline', '--maps'],
  ['--results', '-', '--events'],
  ['--allocator', 'all'],
  ['--allocator', 'reserve', '--queue-depth', '4', '--strict'],
  ['--driver', 'all', '--maple'],
  ['--driver', 'panthor', '--json'],
  ['--driver', 'msm', '--queue-depth', '2', '--exec-latency', '10ns'],
  ['--kernel', '6.12', '--partial-unmap', 'whole'],
  ['--pgsizes', '64K', '--ias', '52', '--oas', '52', '--json'],
  ['--pgtable', 'ARM_MALI_LPAE', '--noncoherent'],
  ['--reserve-around', 'areas', '--rcu', 'list', '--rcu-latency', '3', '--free-empty', 'eager'],
  ['--flush', 'smmuv3,ril=off', '--gather', 'task'],
  ['--on-conflict', 'fail'],
  ['--flush', 'all'],
  ['--flush', 'smmuv3,mode=lazy', '--flush', 'panthor', '--json'],
  ['--engine', 'generic'],
  ['--engine', 'generic,flush=no-gaps', '--results', '-'],
  ['--repeat', 'shared', '--json'],
  ['--repeat', 'shared', '--cow-reserve', 'on', '--allocator', 'reserve'],
  ['--parent-unmap', 'revoke', '--nesting', 'hardware', '--unregister', 'kernel', '--fix-leaks', 'off'],
  ['--pgsize-policy', 'panthor'],
  ['--format', 'html'],
  ['--format', 'markdown'],
  ['--format', 'csv'],
  ['--format', 'junit'],
  ['--format', 'github', '--strict'],
];
const DUMP_OPTIONS: readonly (readonly string[])[] = [
  ['--view', 'raw', '--json'],
  ['--view', 'tree'],
  ['--view', 'ranges', '--merge', 'none'],
  ['--iova', '0x1000', '--explain'],
  ['--iova', '0x0..0x40000000', '--at', '3'],
  ['--at', '1,4,9'],
];
const THRESHOLDS = [
  'tables.peak=5%',
  '# nothing\n*=0',
  'tlb.*=10\nmemory.occupiedPeak=1MiB',
  '{"tables.peak":"5%","domains":0}',
  'a=1=2',
  '=',
];

/** Bytes of a raw call of two engines at once. */
const MOST_RAW = 2 ** 33;

/** The case of that number. */
export async function fuzzCase(number: number): Promise<FuzzCase> {
  const random = new Random(number);
  const { traces, statistics, rows } = await seedsOf();
  const damaged = (all: readonly Buffer[], isText = true): Buffer =>
    mutate(random.pick(all), isText, random, random.pick(all));
  const trace = (sizes?: readonly number[]): Buffer =>
    random.oneIn(3)
      ? damaged(traces)
      : Buffer.from(nonsense(random, 1 + random.below(random.oneIn(4) ? 120 : 25), sizes));
  switch (random.below(15)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return {
        number,
        inputs: [trace()],
        args: ['replay', 'FILE', ...lenient(random), ...random.pick(REPLAY_OPTIONS)],
      };
    case 5:
      return { number, inputs: [trace()], args: ['dump', 'FILE', ...lenient(random), ...random.pick(DUMP_OPTIONS)] };
    case 6:
      return { number, inputs: [random.oneIn(2) ? trace() : recording(random)], args: ['import', 'FILE'] };
    case 7: {
      const format = random.pick(['text', 'json', 'markdown', 'junit', 'github', 'html', 'csv']);
      return { number, inputs: [damaged(statistics)], args: ['report', 'FILE', '--format', format] };
    }
    case 8: {
      const more = random.pick([[], ['--json'], ['--domains'], ['--all'], ['--threshold', '*=1%']]);
      return {
        number,
        inputs: [damaged(statistics), random.pick(statistics)],
        args: ['compare', 'FILE', 'OTHER', ...more],
      };
    }
    case 9: {
      const thresholds = mutate(
        Buffer.from(random.pick(THRESHOLDS)),
        true,
        random,
        Buffer.from(random.pick(THRESHOLDS)),
      );
      const [base] = statistics;
      return { number, inputs: [thresholds, base], args: ['compare', 'OTHER', 'OTHER', '--threshold-file', 'FILE'] };
    }
    case 12: {
      const more = random.pick([[], ['--lock', 'literal'], ['--leaks', 'all'], ['--tlb', 'used']]);
      const format = random.pick(['text', 'json', 'junit', 'sarif', 'github']);
      return { number, inputs: [trace()], args: ['check', 'FILE', ...lenient(random), ...more, '--format', format] };
    }
    case 13:
      return random.oneIn(2)
        ? { number, inputs: [trace(MODEST)], args: ['replay', 'FILE', '--engine', 'generic', ...lenient(random)] }
        : enginesCase(number, random);
    case 14:
      return random.oneIn(4)
        ? { number, inputs: [trace(MODEST)], args: ['reduce', 'FILE', '--keep', 'exit:1', '--max-replays', '20'] }
        : { number, inputs: [trace(MODEST)], args: ['windows', 'FILE', ...random.pick([[], ['--json']])] };
    case 10:
      return { number, inputs: [damaged(rows)], args: ['merge', 'FILE', ...random.pick([[], ['--totals']])] };
    default:
      return random.oneIn(2)
        ? { number, inputs: [recording(random)], args: ['record', '--check', 'FILE'] }
        : { number, inputs: [recording(random)], args: ['replay', 'FILE', ...random.pick(REPLAY_OPTIONS)] };
  }
}

/** Two engines at once. A raw call of generic_pt goes on to the end of its range, so that counts are modest as well. */
function enginesCase(number: number, random: Random): FuzzCase {
  const lines = nonsense(random, 1 + random.below(30), MODEST)
    .trimEnd()
    .split('\n');
  const modest = lines.map((line) => {
    const event = JSON.parse(line);
    if (event.op !== 'map_pages' || event.pgsize * event.pgcount <= MOST_RAW) return line;
    return JSON.stringify({ ...event, pgcount: Math.max(1, Math.floor(MOST_RAW / event.pgsize)) });
  });
  const more = random.pick([[], ['--json'], ['--kernel', '6.12'], ['--partial-unmap', 'whole']]);
  return {
    number,
    inputs: [Buffer.from(`${modest.join('\n')}\n`)],
    args: ['compare', '--engines', 'arm,generic', 'FILE', ...lenient(random), ...more],
  };
}

/** Mostly, so that one bad event does not hide all that come after it. */
function lenient(random: Random): readonly string[] {
  return random.oneIn(3) ? [] : ['--lenient'];
}

function recording(random: Random): Buffer {
  const isText = !random.oneIn(3);
  const all = isText ? TEXT_SEEDS : BINARY_SEEDS;
  return mutate(random.pick(all).data, isText, random, random.pick(all).data);
}
