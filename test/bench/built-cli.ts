/** The built command line in dist/ of the working directory, in processes that tell what they took. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { median } from './report.ts';

const CLI = pathToFileURL(join(process.cwd(), 'dist/cli.js')).href;
/** Tells the processor time of all its threads, and its peak memory, on stderr when it is done. */
const SCRIPT = `const { run } = await import(${JSON.stringify(CLI)});
process.exitCode = await run(process.argv.slice(1), process);
const { user, system } = process.cpuUsage();
process.stderr.write('cpu ' + (user + system) / 1e6 + ' peak ' + process.resourceUsage().maxRSS);`;

/** What one run of the command line took. */
export interface Took {
  /** On the clock, with the start of the process. */
  readonly seconds: number;
  /** Processor seconds of all its threads. */
  readonly cpu: number;
  /** Peak resident set in KiB. */
  readonly peakKib: number;
}

/** Runs it once; throws when it ends with an exit code beyond 1, which is an answer. */
export function runBuilt(args: readonly string[]): Took & { readonly code: number; readonly stdout: string } {
  const started = performance.now();
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const seconds = (performance.now() - started) / 1000;
  const told = /cpu ([\d.]+) peak (\d+)$/.exec(done.stderr);
  if ((done.status !== 0 && done.status !== 1) || told === null)
    throw new Error(`pgtrace ${args.join(' ')} failed: ${done.error?.message ?? done.stderr}`);
  return { seconds, cpu: Number(told[1]), peakKib: Number(told[2]), code: done.status, stdout: done.stdout };
}

/** Medians of interleaved runs of several command lines, `prepare` before each. */
export function runAlternately(
  commands: readonly (readonly string[])[],
  rounds: number,
  prepare: () => void = () => {},
): Took[] {
  const runs: Took[][] = commands.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, args] of commands.entries()) {
      prepare();
      runs[i].push(runBuilt(args));
    }
  }
  return runs.map((all) => ({
    seconds: median(all.map((run) => run.seconds)),
    cpu: median(all.map((run) => run.cpu)),
    peakKib: median(all.map((run) => run.peakKib)),
  }));
}
