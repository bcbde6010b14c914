/** Runs measurements in child processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median } from './report.ts';

export interface Measurement {
  readonly events: number;
  readonly seconds: number;
  /** Processor seconds of all threads. */
  readonly cpu: number;
  /** Peak resident set in KiB. */
  readonly peakKib: number;
}

/** Seconds on the clock, or of the processors where other processes take those: the clock says nothing then. */
export function busySeconds({ seconds, cpu }: Measurement): number {
  return Math.min(seconds, cpu);
}

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));

/** One run of a mode over a file. */
export async function measure(mode: string, file: string): Promise<Measurement> {
  const child = spawn(process.execPath, [CHILD, mode, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  return answerOf(child);
}

/** A run over `events` generated events that reach the reader through a pipe. */
export async function measurePiped(mode: string, events: number): Promise<Measurement> {
  const generator = spawn(process.execPath, [CHILD, 'generate', String(events)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (generator.stdout === null) throw new Error('the generator has no output');
  const child = spawn(process.execPath, [CHILD, mode, '-'], { stdio: [generator.stdout, 'pipe', 'inherit'] });
  // The pipe belongs to the child now.
  generator.stdout.destroy();
  return answerOf(child);
}

async function answerOf(child: ChildProcess): Promise<Measurement> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the measurement ended with exit code ${code}`);
  return JSON.parse(text) as Measurement;
}

/** Medians of interleaved runs of several modes over one file. */
export async function measureModes(
  modes: readonly (readonly [mode: string, file: string])[],
  rounds: number,
): Promise<Measurement[]> {
  const runs: Measurement[][] = modes.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [mode, file]] of modes.entries()) runs[i].push(await measure(mode, file));
  }
  return runs.map((all) => ({
    events: all[0].events,
    seconds: median(all.map((run) => run.seconds)),
    cpu: median(all.map((run) => run.cpu)),
    peakKib: median(all.map((run) => run.peakKib)),
  }));
}
