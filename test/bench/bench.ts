import { benchEngine } from './engine.ts';
import { Bench } from './report.ts';

const bench = new Bench(process.argv.includes('--quick'));
benchEngine(bench);
process.exitCode = bench.verdict() ? 0 : 1;
