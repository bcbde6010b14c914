/** `pgtrace check` over a long trace, through the built command: operations by their times, and by their queues. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBuilt } from './built-cli.ts';
import { seededRandom } from './random.ts';
import { type Bench, median } from './report.ts';

/** Seconds that a million events may take from the command to its answer, one of a hundred overlapping another. */
const MOST_SECONDS = 3;
const EVENTS = 1_000_000;
const THREADS = 4;
const SLOTS = 16_384;
const SLOT_BYTES = 64 * 1024;
/** Mapped at once by each thread, about. */
const LIVE = 200;

/** How the operations of a trace stand to each other. */
interface Shape {
  readonly name: string;
  /** Nanoseconds from one beginning to the next, where operations last 100; 0: no times, but queues. */
  readonly step: number;
  readonly bar: boolean;
}

const SHAPES: readonly Shape[] = [
  { name: '1 % overlap', step: 150, bar: true },
  { name: 'all overlap in time, 1 % in range', step: 40, bar: false },
  { name: 'queues, no fences', step: 0, bar: false },
];

export function benchChecks(bench: Bench): void {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  const events = bench.quick ? EVENTS / 10 : EVENTS;
  const rows: string[][] = [];
  try {
    for (const shape of SHAPES) {
      const file = join(folder, 'trace.ndjson');
      writeOperations(file, events, shape.step);
      const runs = Array.from({ length: bench.quick ? 1 : 3 }, () => [
        runBuilt(['check', file, '--quiet']),
        runBuilt(['replay', file, '--quiet']),
      ]);
      const [seconds, cpu, replay] = [
        median(runs.map(([check]) => check.seconds)),
        median(runs.map(([check]) => check.cpu)),
        median(runs.map(([, own]) => own.cpu)),
      ];
      rows.push([shape.name, seconds.toFixed(2), cpu.toFixed(2), replay.toFixed(2)]);
      // Where other processes take the processors, the time on the clock says nothing.
      if (shape.bar) bench.bar(`check of ${events} events, seconds`, Math.min(seconds, cpu), MOST_SECONDS, true);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  bench.title(`check of ${events} events (load: ${loadavg()[0].toFixed(1)})`);
  bench.table(['trace', 'seconds', 'processor seconds', 'of a replay'], rows);
}

/** Threads that map and unmap ranges of their own; one map of fifty is looked up by another meanwhile. */
function writeOperations(path: string, events: number, step: number): void {
  const file = openSync(path, 'w');
  const random = seededRandom(7);
  const live: [iova: number, size: number][][] = Array.from({ length: THREADS }, () => []);
  const who = (at: number, thread: number, length: number): string =>
    step === 0 ? `"queue":"q${thread}"` : `"ts":${at},"end":${at + length},"thread":"t${thread}"`;
  let text = '{"op":"trace","version":1,"source":"bench"}\n{"op":"domain","id":"d0"}\n';
  let written = 2;
  for (let k = 0; written < events; k++, written++) {
    const thread = k % THREADS;
    const at = 1_000_000 + k * Math.max(1, step);
    const own = live[thread];
    if (own.length > LIVE) {
      const [[iova, size]] = own.splice(Math.floor(random() * own.length), 1);
      text += `{"op":"unmap",${who(at, thread, 100)},"iova":"${hex(iova)}","size":${size}}\n`;
      continue;
    }
    const iova = thread * 2 ** 36 + 2 ** 30 + (k % SLOTS) * SLOT_BYTES;
    const size = 4096 * (1 + Math.floor(random() * 16));
    own.push([iova, size]);
    text += `{"op":"map",${who(at, thread, 100)},"iova":"${hex(iova)}","paddr":"${hex(2 ** 32 + (k % 65_536) * SLOT_BYTES)}","size":${size},"prot":"rw"}\n`;
    if (random() < 0.02 && written + 1 < events) {
      written++;
      text += `{"op":"iova_to_phys",${who(at + 10, thread + THREADS, 20)},"iova":"${hex(iova)}"}\n`;
    }
    if (text.length > 1 << 20) {
      writeSync(file, text);
      text = '';
    }
  }
  writeSync(file, text);
  closeSync(file);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
