/** A replay of more events than anybody keeps in a file. */
import { measurePiped } from './measure.ts';
import type { Bench } from './report.ts';

/** Peak resident set of the replay, MB. */
const MOST_MB = 400;

/** The section `long`: generated events through a pipe. */
export async function benchLong(bench: Bench): Promise<void> {
  const { events, seconds, cpu, peakKib } = await measurePiped('replay', bench.quick ? 10_000_000 : 100_000_000);
  const megabytes = (peakKib * 1024) / 1e6;
  bench.title('a long trace through a pipe, generated beside its replay');
  bench.table(
    ['events', 'seconds', 'million events/s', 'processor seconds', 'million events/s of these', 'peak MB'],
    [
      [
        events.toLocaleString('en'),
        seconds.toFixed(1),
        (events / seconds / 1e6).toFixed(2),
        cpu.toFixed(1),
        (events / cpu / 1e6).toFixed(2),
        megabytes.toFixed(0),
      ],
    ],
  );
  bench.bar(`peak MB of ${events.toLocaleString('en')} events`, megabytes, MOST_MB, true);
}
