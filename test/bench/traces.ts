/** Reading and replaying whole traces, beside what others need to parse them. */
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip, createGzip } from 'node:zlib';
import { type Measurement, measure, measureModes, measurePiped } from './measure.ts';
import { type Bench, median } from './report.ts';
import { writeTrace } from './trace-generator.ts';

/** From build/ to the root of the repository. */
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const KPROBE_RECORDING = join(ROOT, 'test/golden/recordings/smmuv3-kprobe-6.1-strict-4k.txt.gz');
/** A folder with further recordings, each `.txt.gz`. */
const MORE_RECORDINGS = process.env['PGTRACE_BENCH_RECORDINGS'];

const HEAD = ['way', 'events', 'seconds', 'million events/s', 'MB/s', 'against ndjson', 'peak MB'];

/** Times as fast as the `ndjson` package parses the same file, at least. */
const PLAIN_BAR = 2.7;
const GZ_BAR = 1.8;
const AHEAD_BAR = 3.3;

/** Lays a generated trace into a folder of its own and takes it away afterwards. */
export async function withTrace(events: number, use: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    const file = join(folder, 'trace.ndjson');
    const output = createWriteStream(file);
    await writeTrace(events, output);
    await new Promise<void>((resolve, reject) => {
      output.on('error', reject);
      output.end(resolve);
    });
    await use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(way: string, run: Measurement, bytes: number, ndjson: Measurement | null): string[] {
  return [
    way,
    String(run.events),
    run.seconds.toFixed(3),
    (run.events / run.seconds / 1e6).toFixed(2),
    (bytes / run.seconds / 1e6).toFixed(0),
    ndjson === null ? '' : `${timesAsFast(run, ndjson).toFixed(2)}x`,
    (run.peakKib / 1024).toFixed(0),
  ];
}

/** By the clock or by the processors: where other processes take those, the clock says nothing. */
function timesAsFast(run: Measurement, ndjson: Measurement): number {
  return Math.max(ndjson.seconds / run.seconds, ndjson.cpu / run.cpu);
}

const eventsOf = (bench: Bench): number => (bench.quick ? 200_000 : 2_000_000);
const roundsOf = (bench: Bench): number => (bench.quick ? 3 : 5);

export async function benchParse(bench: Bench): Promise<void> {
  await withTrace(eventsOf(bench), async (file) => {
    const bytes = statSync(file).size;
    const modes = ['scan', 'read', 'ndjson', 'json-lines'].map((mode) => [mode, file] as const);
    const [scan, read, ndjson, json] = await measureModes(modes, roundsOf(bench));
    bench.title(`parse: ${scan.events} NDJSON events, ${(bytes / 1e6).toFixed(0)} MB`);
    bench.table(HEAD, [
      row('pgtrace decoder alone', scan, bytes, ndjson),
      row('pgtrace reader', read, bytes, ndjson),
      row('ndjson package', ndjson, bytes, ndjson),
      row('JSON.parse per line', json, bytes, ndjson),
    ]);
  });
}

export async function benchReplay(bench: Bench): Promise<void> {
  await withTrace(eventsOf(bench), async (file) => {
    const zipped = `${file}.gz`;
    await pipeline(createReadStream(file), createGzip({ level: 1 }), createWriteStream(zipped));
    const bytes = statSync(file).size;
    const [plain, gz, ndjson] = await measureModes(
      [
        ['replay', file],
        ['replay', zipped],
        ['ndjson', file],
      ],
      roundsOf(bench),
    );
    bench.title('end to end: read and replay a generated trace');
    bench.table(HEAD, [
      row('replay', plain, bytes, ndjson),
      row('replay of the .gz', gz, bytes, ndjson),
      row('ndjson package, parse only', ndjson, bytes, ndjson),
    ]);
    bench.bar('NDJSON replay: times as fast as ndjson parses', timesAsFast(plain, ndjson), PLAIN_BAR);
    bench.bar('replay of the .gz: times as fast as ndjson parses', timesAsFast(gz, ndjson), GZ_BAR);
  });
  await replayAhead(bench);
}

/** Over a longer trace, since a thread takes a while to start. */
async function replayAhead(bench: Bench): Promise<void> {
  await withTrace(bench.quick ? 400_000 : 8_000_000, async (file) => {
    const bytes = statSync(file).size;
    const modes = ['replay', 'replay-ahead', 'ndjson'].map((mode) => [mode, file] as const);
    const [plain, ahead, ndjson] = await measureModes(modes, bench.quick ? 3 : 2);
    bench.title('end to end: a longer trace, with a second thread');
    bench.table(HEAD, [
      row('replay', plain, bytes, ndjson),
      row('replay, read ahead in a thread', ahead, bytes, ndjson),
      row('ndjson package, parse only', ndjson, bytes, ndjson),
    ]);
    bench.bar('NDJSON replay of a longer trace: times as fast as ndjson parses', timesAsFast(plain, ndjson), PLAIN_BAR);
    bench.bar('replay, read ahead: times as fast as ndjson parses', timesAsFast(ahead, ndjson), AHEAD_BAR);
  });
}

/** Ten times the events may not need more memory. Both lengths come through a pipe, so that only the length differs. */
export async function benchMemory(bench: Bench): Promise<void> {
  const events = eventsOf(bench);
  const runs = bench.quick ? 1 : 3;
  const peaks = async (count: number): Promise<Measurement> => {
    const all: Measurement[] = [];
    for (let i = 0; i < runs; i++) all.push(await measurePiped('replay', count));
    const [first] = all;
    return { ...first, peakKib: median(all.map((run) => run.peakKib)), seconds: median(all.map((run) => run.seconds)) };
  };
  const short = await peaks(events);
  const long = await peaks(10 * events);
  bench.title('memory: replay of a piped trace');
  bench.table(
    ['events', 'seconds', 'peak MB'],
    [short, long].map((run) => [String(run.events), run.seconds.toFixed(2), (run.peakKib / 1024).toFixed(0)]),
  );
  bench.bar('peak memory with ten times the events', long.peakKib / short.peakKib, 1.1, true);
}

function recordings(): string[] {
  if (MORE_RECORDINGS === undefined) return [KPROBE_RECORDING];
  const more = readdirSync(MORE_RECORDINGS).filter((name) => name.endsWith('.txt.gz'));
  return [KPROBE_RECORDING, ...more.map((name) => join(MORE_RECORDINGS, name))];
}

export async function benchRecordings(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    const rows: string[][] = [];
    for (const path of recordings()) {
      const file = join(folder, 'recording.txt');
      await pipeline(createReadStream(path), createGunzip(), createWriteStream(file));
      const runs: Measurement[] = [];
      for (let i = 0; i < roundsOf(bench); i++) runs.push(await measure('replay', file));
      const run = { ...runs[0], seconds: median(runs.map((each) => each.seconds)) };
      const bytes = statSync(file).size;
      rows.push([...row(basename(path, '.txt.gz'), run, bytes, null).slice(0, 5), (run.peakKib / 1024).toFixed(0)]);
    }
    bench.title('end to end: read and replay ftrace recordings');
    bench.table(
      HEAD.filter((name) => name !== 'against ndjson'),
      rows,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
