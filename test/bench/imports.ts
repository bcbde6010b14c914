/** Recordings beside the programs that print them: lines and events a second on one core. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FORMS, type FormName, longPerfData, longTraceDat, recordedRequests, write, writeText } from './import-load.ts';
import { busySeconds, measureModes } from './measure.ts';
import type { Bench } from './report.ts';

const RECORDING = 'test/golden/recordings/smmuv3-kprobe-6.1-strict-4k.txt.gz';
const TRACE_DAT = 'test/trace/import/trace-dat/samples/version-6.dat.gz';
const PERF_DATA = 'test/trace/import/perf-data/samples/strict-6.1.perf.data';
/** Forms that name the address space of each request; the others are read into one. */
const KEYED: ReadonlySet<FormName> = new Set(['with dma events', 'with probes', 'key=value', 'QEMU']);
const TO_FILES: readonly FormName[] = ['trace-cmd report', 'with probes'];
/** Million lines of text a second, at least. */
const TEXT_BARS: readonly (readonly [FormName, number])[] = [
  ['ftrace', 2.5],
  ['trace-cmd report', 1.0],
  ['perf script', 1.0],
];
/** Million events of a trace.dat a second, at least. */
const TRACE_DAT_BAR = 3;

/** The section `imports`. */
export async function benchImports(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    await text(bench, folder);
    await endToEnd(bench, folder);
    await binary(bench, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function text(bench: Bench, folder: string): Promise<void> {
  const lines = bench.quick ? 300_000 : 1_500_000;
  const rounds = bench.quick ? 1 : 3;
  const requests = await recordedRequests(RECORDING);
  const [{ space }] = requests;
  const ofOne = requests.filter((request) => request.space === space);
  const modes: [mode: string, file: string][] = [];
  const names: string[] = [];
  for (const name of Object.keys(FORMS) as FormName[]) {
    const file = join(folder, `${names.length}.txt`);
    await writeText(file, name, KEYED.has(name) ? requests : ofOne, lines);
    modes.push([KEYED.has(name) ? 'import' : 'import-single', file]);
    names.push(name);
  }
  const several = join(folder, 'several.txt');
  await writeText(several, 'ftrace', requests, lines);
  modes.push(['import', modes[0][1]], ['import', several]);
  names.push('ftrace, the address space inferred', 'ftrace, several address spaces inferred');
  const results = await measureModes(modes, rounds);
  bench.title(`text recordings, ${lines.toLocaleString('en')} lines (median of ${rounds}, million lines a second)`);
  const speeds = results.map((run) => run.events / busySeconds(run) / 1e6);
  bench.table(
    ['form', 'M lines/s', 'peak MB'],
    names.map((name, i) => [name, speeds[i].toFixed(2), (results[i].peakKib / 1024).toFixed(0)]),
  );
  for (const [name, least] of TEXT_BARS)
    bench.bar(`import of ${name} text, M lines/s`, speeds[names.indexOf(name)], least);
}

/** `pgtrace import` from file to file. */
async function endToEnd(bench: Bench, folder: string): Promise<void> {
  const lines = bench.quick ? 300_000 : 1_500_000;
  const requests = await recordedRequests(RECORDING);
  const files: string[] = [];
  for (const name of TO_FILES) {
    const file = join(folder, `${files.length}.end.txt`);
    await writeText(file, name, requests, lines);
    files.push(file);
  }
  const results = await measureModes(
    files.map((file) => ['import-file', file] as const),
    bench.quick ? 1 : 3,
  );
  bench.title(`pgtrace import of ${lines.toLocaleString('en')} lines, file to file`);
  bench.table(
    ['form', 'M lines/s', 'MB/s in', 'MB/s out', 'peak MB'],
    results.map(({ seconds, peakKib }, i) => [
      TO_FILES[i],
      (lines / seconds / 1e6).toFixed(2),
      (statSync(files[i]).size / seconds / 1e6).toFixed(0),
      (statSync(`${files[i]}.ndjson`).size / seconds / 1e6).toFixed(0),
      (peakKib / 1024).toFixed(0),
    ]),
  );
}

interface Binary {
  readonly name: string;
  readonly pieces: (turns: number) => Iterable<Buffer>;
  readonly turns: number;
  /** The program that prints it, and what it is called with before the file. */
  readonly peer: readonly string[];
}

const BINARIES: readonly Binary[] = [
  {
    name: 'trace.dat',
    pieces: (turns) => longTraceDat(gunzipSync(readFileSync(TRACE_DAT)), turns),
    turns: 10_000,
    peer: ['trace-cmd', 'report', '-i'],
  },
  {
    name: 'perf.data',
    pieces: (turns) => longPerfData(readFileSync(PERF_DATA), turns),
    turns: 10_000,
    peer: ['perf', 'script', '-i'],
  },
];

async function binary(bench: Bench, folder: string): Promise<void> {
  const rows: string[][] = [];
  for (const { name, pieces, turns, peer } of BINARIES) {
    const file = join(folder, name);
    await write(file, pieces(bench.quick ? turns / 10 : turns));
    const [ours] = await measureModes([['import-single', file]], bench.quick ? 1 : 3);
    const own = ours.events / busySeconds(ours) / 1e6;
    rows.push([name, 'pgtrace', ours.events.toLocaleString('en'), own.toFixed(2)]);
    if (name === 'trace.dat') bench.bar('import of trace.dat, M events/s', own, TRACE_DAT_BAR);
    const [program, ...options] = peer;
    const start = performance.now();
    const { status } = spawnSync(program, [...options, file], { stdio: ['ignore', 'ignore', 'ignore'] });
    const seconds = (performance.now() - start) / 1000;
    const speed = status === 0 ? (ours.events / seconds / 1e6).toFixed(2) : 'not installed';
    rows.push([name, `${program} ${options[0]}`, ours.events.toLocaleString('en'), speed]);
    rmSync(file);
  }
  bench.title('binary recordings');
  bench.table(['recording', 'reader', 'events', 'M events/s'], rows);
}
