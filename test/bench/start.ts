/** What a command takes before it has anything to do, beside a node that does nothing. */
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { type Bench, median } from './report.ts';
import { writeTrace } from './trace-generator.ts';

/** `pgtrace --version`, times a bare node. */
const MOST = 1.8;
const EVENTS = 100;

/** The section `start`: processes of `bin/pgtrace.js` over dist/, one of each kind after another. */
export async function benchStart(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    const trace = join(folder, 'small.ndjson');
    const file = createWriteStream(trace);
    await writeTrace(EVENTS, file);
    await finished(file.end());
    const tool = join(process.cwd(), 'bin/pgtrace.js');
    const kinds: readonly (readonly [name: string, args: readonly string[]])[] = [
      ['node -e 0', ['-e', '0']],
      ['pgtrace --version', [tool, '--version']],
      [`pgtrace replay, ${EVENTS} events`, [tool, 'replay', trace]],
      [`pgtrace check, ${EVENTS} events`, [tool, 'check', trace]],
      [`pgtrace dump, ${EVENTS} events`, [tool, 'dump', trace]],
      ['pgtrace compare --help', [tool, 'compare', '--help']],
    ];
    const rounds = bench.quick ? 7 : 21;
    const runs: number[][] = kinds.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, [name, args]] of kinds.entries()) runs[i].push(millisecondsOf(name, args));
    }
    const medians = runs.map(median);
    bench.title(`start of a command (median of ${rounds} processes each)`);
    bench.table(
      ['command', 'ms', 'times node'],
      kinds.map(([name], i) => [name, medians[i].toFixed(0), (medians[i] / medians[0]).toFixed(2)]),
    );
    bench.bar('pgtrace --version, times node -e 0', medians[1] / medians[0], MOST, true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function millisecondsOf(name: string, args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const milliseconds = performance.now() - started;
  if (status !== 0) throw new Error(`${name} ended with exit code ${status}: ${stderr}`);
  return milliseconds;
}
