/** Recordings beside the programs that print them: lines and events a second on one core. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FORMS, type FormName, longTraceDat, recordedRequests, write, writeText } from './import-load.ts';
import { measureModes } from './measure.ts';
import type { Bench } from './report.ts';

const RECORDING = 'test/golden/recordings/smmuv3-kprobe-6.1-strict-4k.txt.gz';
const TRACE_DAT = 'test/trace/import/trace-dat/samples/version-6.dat.gz';
/** Forms that name the address space of each request; the others are read into one. */
const KEYED: ReadonlySet<FormName> = new Set(['with dma events', 'with probes', 'key=value', 'QEMU']);
const LEAST = 1.0;

/** The section `imports`. */
export async function benchImports(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    await text(bench, folder);
    await traceDat(bench, folder);
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
  const speeds = results.map(({ events, seconds }) => events / seconds / 1e6);
  bench.table(
    ['form', 'M lines/s', 'peak MB'],
    names.map((name, i) => [name, speeds[i].toFixed(2), (results[i].peakKib / 1024).toFixed(0)]),
  );
  for (const name of ['ftrace', 'trace-cmd report', 'perf script']) {
    bench.bar(`import of ${name} text, M lines/s`, speeds[names.indexOf(name)], LEAST);
  }
}

async function traceDat(bench: Bench, folder: string): Promise<void> {
  const file = join(folder, 'long.dat');
  await write(file, longTraceDat(gunzipSync(readFileSync(TRACE_DAT)), bench.quick ? 1000 : 10_000));
  const [ours] = await measureModes([['import-single', file]], bench.quick ? 1 : 3);
  const rows = [['pgtrace', (ours.events / ours.seconds / 1e6).toFixed(2)]];
  const start = performance.now();
  const { status } = spawnSync('trace-cmd', ['report', '-i', file], { stdio: ['ignore', 'ignore', 'ignore'] });
  const seconds = (performance.now() - start) / 1000;
  rows.push(['trace-cmd report', status === 0 ? (ours.events / seconds / 1e6).toFixed(2) : 'not installed']);
  bench.title(`trace.dat of ${ours.events.toLocaleString('en')} events (million events a second)`);
  bench.table(['reader', 'M events/s'], rows);
}
