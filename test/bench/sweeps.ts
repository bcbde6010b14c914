/** Sweeps of the built tool: what a second thread gives, what sharing a reading gives. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBuilt, type Took } from './built-cli.ts';
import { type Bench, median } from './report.ts';
import { writeTrace } from './trace-generator.ts';

/** Two threads on two processors do the work of one in at most 1 / 1.6 of its time. */
const TWO_THREADS = 1.6;
const TRACES = 10;
/** More processes that want to run than this, and times say nothing. */
const BUSY = 0.5;

/** 200 cells over traces of different sizes, on one thread and on two. */
export async function benchSweeps(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    for (let i = 0; i < TRACES; i++) {
      const events = (bench.quick ? 5_000 : 20_000) * (1 + i);
      const file = createWriteStream(join(folder, `t${i}.ndjson`));
      await writeTrace(events, file);
      await new Promise((resolve) => file.end(resolve));
    }
    const load = loadavg()[0];
    const models = Array.from({ length: 20 }, (_, k) => ['--allocator', `bulk,k=${k + 1}`]).flat();
    const sweep = (threads: number): Took => {
      const took = runBuilt(['sweep', folder, ...models, '--jobs', String(threads), '--quiet']);
      if (took.code !== 0 || took.stdout.split('\n').length - 1 !== TRACES * 20)
        throw new Error('the sweep is not whole');
      return took;
    };
    const rounds = bench.quick ? 3 : 5;
    const runs = Array.from({ length: rounds }, () => [sweep(1), sweep(2)] as const);
    const rows = [0, 1].map((i) => ({
      seconds: median(runs.map((pair) => pair[i].seconds)),
      cpu: median(runs.map((pair) => pair[i].cpu)),
    }));
    bench.title(`200 cells of a sweep (load before: ${load.toFixed(1)})`);
    bench.table(
      ['threads', 'seconds', 'processor seconds'],
      rows.map(({ seconds, cpu }, i) => [`${i + 1}`, seconds.toFixed(2), cpu.toFixed(2)]),
    );
    const gain = median(runs.map(([one, two]) => one.seconds / two.seconds));
    // What two threads take more of the processors than one is lost, however busy the machine is.
    const atBest = (2 * rows[0].cpu) / rows[1].cpu;
    bench.bar('200 cells on two threads, at best, by processor time', atBest, TWO_THREADS);
    if (load > BUSY) bench.title(`two threads: ${gain.toFixed(2)} times as fast; no bar, the machine is busy`);
    else bench.bar('200 cells on two threads, times as fast as on one', gain, TWO_THREADS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
