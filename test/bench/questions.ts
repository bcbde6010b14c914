/** What each question about a trace costs beside the replay that answers it, through the built command line. */
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { GPU_DRIVERS } from '../../src/base/vocabulary.ts';
import { COMPARED_POLICIES } from '../../src/flush/registry.ts';
import { runAlternately, runBuilt } from './built-cli.ts';
import type { Bench } from './report.ts';
import { writeTrace } from './trace-generator.ts';

/** A question may cost as much as the replay again, one of several models as much as two replays. */
const MOST = 2;
/** Three states of a table beside one. */
const THREE_LOOKS = 1.5;

interface Question {
  readonly name: string;
  /** What stands around the trace; `OUT` is a file to write. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Models that it asks at once: the bar is for each of them. */
  readonly models?: number;
  readonly bar: boolean;
}

const OUT = 'OUT';
const replay = (name: string, after: readonly string[], models = 1): Question => ({
  name,
  before: ['replay'],
  after,
  models,
  bar: true,
});
const PLAIN: Question = { ...replay('replay', []), bar: false };

const QUESTIONS: readonly Question[] = [
  PLAIN,
  replay('--results', ['--results', OUT]),
  replay('--results --events', ['--results', OUT, '--events']),
  replay('--timeline', ['--json', '--timeline']),
  replay('--maps', ['--json', '--maps']),
  replay('--reserve-around areas --reservations', ['--reserve-around', 'areas', '--reservations']),
  replay('--allocator all', ['--allocator', 'all'], ALLOCATORS.length),
  replay('--flush all', ['--flush', 'all'], COMPARED_POLICIES.length),
  { name: 'check', before: ['check'], after: [], bar: false },
  { name: 'compare --engines', before: ['compare', '--engines', 'arm,generic'], after: [], bar: false },
];

const GPU_QUESTIONS: readonly Question[] = [PLAIN, replay('--driver all', ['--driver', 'all'], GPU_DRIVERS.length)];

/** The section `questions`. */
export async function benchQuestions(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    const [long, short] = [join(folder, 'long.ndjson'), join(folder, 'short.ndjson')];
    await lay(long, bench.quick ? 200_000 : 1_000_000);
    await lay(short, 100);
    ask(bench, 'questions', QUESTIONS, long, short);
    for (const [file, jobs] of [
      [long, bench.quick ? 20_000 : 100_000],
      [short, 20],
    ] as const)
      runBuilt(['gen', `browser,jobs=${jobs}`, '-o', file]);
    ask(bench, 'questions about binds', GPU_QUESTIONS, long, short);
    await looks(bench, long);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function lay(path: string, events: number): Promise<void> {
  const file = createWriteStream(path);
  await writeTrace(events, file);
  await finished(file.end());
}

/** All of them over one trace, less what they take for a short one. */
function ask(bench: Bench, title: string, questions: readonly Question[], long: string, short: string): void {
  const out = `${long}.out`;
  const of = (file: string): string[][] =>
    questions.map(({ before, after }) => [
      ...before,
      file,
      ...after.map((word) => (word === OUT ? out : word)),
      '--quiet',
    ]);
  const events = readFileSync(long).reduce((lines, byte) => (byte === 0x0a ? lines + 1 : lines), 0);
  const rounds = bench.quick ? 1 : 3;
  // Replacing a large file costs its removal.
  const tidy = (): void => rmSync(out, { force: true });
  const starts = runAlternately(of(short), rounds, tidy);
  const whole = runAlternately(of(long), rounds, tidy);
  // Other processes may take the processors: the time on the clock says less.
  const costs = whole.map(({ cpu }, i) => cpu - starts[i].cpu);
  bench.title(`${title}: ${events.toLocaleString('en')} events (load: ${loadavg()[0].toFixed(1)})`);
  bench.table(
    ['question', 'seconds', 'processor ns/event', 'times a replay', 'for each model', 'peak MB'],
    questions.map(({ name, models = 1 }, i) => [
      name,
      whole[i].seconds.toFixed(2),
      ((1e9 * costs[i]) / events).toFixed(0),
      (costs[i] / costs[0]).toFixed(2),
      models === 1 ? '' : (costs[i] / costs[0] / models).toFixed(2),
      (whole[i].peakKib / 1024).toFixed(0),
    ]),
  );
  for (const [i, { name, models = 1, bar }] of questions.entries()) {
    const what = models === 1 ? name : `${name}, each of ${models}`;
    if (bar) bench.bar(`${what}: times a replay`, costs[i] / costs[0] / models, MOST, true);
  }
}

/** Three states of the tables along a longer trace against the last of them alone: one replay for all. */
async function looks(bench: Bench, file: string): Promise<void> {
  const events = bench.quick ? 1_000_000 : 10_000_000;
  await lay(file, events);
  const at = [events / 4, events / 2, events - 1];
  const commands = [at.slice(2), at].map((list) => ['dump', file, '--at', list.join(','), '--quiet']);
  const [one, three] = runAlternately(commands, bench.quick ? 3 : 2);
  bench.title(`dump --at of ${events.toLocaleString('en')} events`);
  bench.table(
    ['states', 'seconds', 'processor seconds'],
    [one, three].map(({ seconds, cpu }, i) => [i === 0 ? 'one' : 'three', seconds.toFixed(2), cpu.toFixed(2)]),
  );
  bench.bar('dump --at of three states, times one', three.cpu / one.cpu, THREE_LOOKS, true);
}
