/**
 * `npm run bench [-- --quick] [section ...]`: how fast pgtrace is on this machine, beside its peers. Sections: engine,
 * parse, replay, binds, strategies, memory, long, recordings, imports, sweeps, checks, start, questions. Exits 1 when a bar
 * is missed. Read the ratios: the peers run in the same minutes.
 */
import { benchBinds } from './binds.ts';
import { benchChecks } from './checks.ts';
import { benchEngine } from './engine.ts';
import { benchImports } from './imports.ts';
import { benchLong } from './long.ts';
import { benchQuestions } from './questions.ts';
import { Bench } from './report.ts';
import { benchStart } from './start.ts';
import { benchStrategies } from './strategies.ts';
import { benchSweeps } from './sweeps.ts';
import { benchMemory, benchParse, benchRecordings, benchReplay } from './traces.ts';

const SECTIONS: Readonly<Record<string, (bench: Bench) => Promise<void> | void>> = {
  engine: benchEngine,
  parse: benchParse,
  replay: benchReplay,
  binds: benchBinds,
  strategies: benchStrategies,
  memory: benchMemory,
  long: benchLong,
  recordings: benchRecordings,
  imports: benchImports,
  sweeps: benchSweeps,
  checks: benchChecks,
  start: benchStart,
  questions: benchQuestions,
};

const words = process.argv.slice(2);
const unknown = words.find((word) => word !== '--quick' && !(word in SECTIONS));
if (unknown !== undefined) {
  process.stderr.write(`bench: no section ${unknown}; there is ${Object.keys(SECTIONS).join(', ')}, and --quick\n`);
  process.exitCode = 2;
} else {
  const wanted = words.filter((word) => word !== '--quick');
  const bench = new Bench(words.includes('--quick'));
  for (const [name, run] of Object.entries(SECTIONS))
    if (wanted.length === 0 || wanted.includes(name)) await run(bench);
  process.exitCode = bench.verdict() ? 0 : 1;
}
