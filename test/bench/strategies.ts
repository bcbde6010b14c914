import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { measureModes } from './measure.ts';
import type { Bench } from './report.ts';
import { withTrace } from './traces.ts';

/** Nine allocators in one pass may cost at most this share of nine runs. */
const ONE_PASS = 0.7;

/** Every allocator by itself, all of them in one pass, and a queue in front of one. */
export async function benchStrategies(bench: Bench): Promise<void> {
  const events = bench.quick ? 300_000 : 1_000_000;
  const rounds = bench.quick ? 3 : 5;
  const names = ALLOCATORS.map(({ name }) => name);
  await withTrace(events, async (file) => {
    const modes = [...names.map((name) => `replay:${name}`), 'replay:all', 'queue:reserve'];
    const runs = await measureModes(
      modes.map((mode) => [mode, file]),
      rounds,
    );
    bench.title(`allocators over ${events.toLocaleString('en')} events of NDJSON (no process start)`);
    const rows = modes.map((mode, i) => {
      const { seconds, peakKib } = runs[i];
      return [mode, `${((1e9 * seconds) / events).toFixed(0)}`, `${(peakKib / 1024).toFixed(0)}`];
    });
    bench.table(['what', 'ns/event', 'MiB'], rows);
    const alone = runs.slice(0, names.length).reduce((sum, { seconds }) => sum + seconds, 0);
    bench.bar('nine allocators in one pass, of nine runs', runs[names.length].seconds / alone, ONE_PASS, true);
  });
}
