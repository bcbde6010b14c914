import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { RECORDINGS } from '../cli/recording.ts';

const GOLDEN = new URL('../golden/', import.meta.url);
const KERNELS = ['v71', 'v612'];

/** Lines of a golden file, or of every file of a folder whose name matches; compressed ones, too. */
function linesOf(path: string, name = /./): string[] {
  const at = new URL(path, GOLDEN);
  const files = path.endsWith('/') ? namesIn(path, name).map((file) => new URL(file, at)) : [at];
  return files.flatMap((file) => {
    const bytes = readFileSync(file);
    const text = file.pathname.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString();
    return text.split('\n').filter((line) => line !== '');
  });
}

function namesIn(folder: string, name: RegExp): string[] {
  return readdirSync(new URL(folder, GOLDEN)).filter((file) => name.test(file));
}

function kernelLines(name: string, line: RegExp): number {
  return KERNELS.reduce(
    (sum, kernel) => sum + linesOf(`kernel/${name}_${kernel}.txt`).filter((l) => line.test(l)).length,
    0,
  );
}

function sum(values: readonly number[]): string {
  return values.reduce((total, value) => total + value, 0).toLocaleString('en-US');
}

const SEQUENCE = /\.trace\.ndjson\.gz$/;
const binds = (folder: string, name: RegExp): number =>
  linesOf(`${folder}/`, name).filter((line) => line.includes('"op":"bind"')).length;

/** What the golden data are, counted: a row for each kind, as the page has it. */
export function evidenceRows(): string[] {
  const number = (value: number): string => value.toLocaleString('en-US');
  const random = KERNELS.map((kernel) => namesIn(`sequences/${kernel}/`, SEQUENCE).length);
  const refused = KERNELS.map((kernel) => namesIn(`sequences/${kernel}/errors/`, SEQUENCE).length);
  const protections = KERNELS.flatMap((kernel) => linesOf(`kernel/prot_${kernel}.txt`)).flatMap((line) => [
    ...line.matchAll(/ [\da-f]+=/g),
  ]).length;
  const steps = KERNELS.flatMap((kernel) => linesOf(`kernel/fuzz_${kernel}.txt`)).filter((line) => /^\d/.test(line));
  const operations = KERNELS.flatMap((kernel) => linesOf(`sequences/${kernel}/`, /\.expected\./)).length;
  const invalidations = RECORDINGS.map(({ dmaDomains }) => dmaDomains.reduce((total, [, , lines]) => total + lines, 0));
  const domains = RECORDINGS.map(({ dmaDomains }) => dmaDomains.length);
  return [
    [
      'geometry, VTCR fields, refusals',
      `${number(kernelLines('config', /^G=/))} combinations of granule, ias and oas, each in 5 formats`,
      'test/lpae/config.test.ts',
    ],
    ['bits of leaves', `${number(protections)} protections under formats and quirks`, 'test/lpae/prot.test.ts'],
    [
      "the kernel's self-test",
      `${number(kernelLines('selftest', /^ ias=/))} configurations`,
      'test/lpae/selftest.test.ts',
    ],
    [
      'scenarios with complete event logs',
      `${number(kernelLines('scenarios', /^== /))} scenarios`,
      'test/lpae/scenarios.test.ts',
    ],
    ['fuzz runs, a hash of the tree after each step', `${number(steps.length)} operations`, 'test/lpae/fuzz.test.ts'],
    [
      'random sequences, every result line, the final tables',
      `${sum(random)} sequences, ${number(operations)} lines`,
      'test/cli/sequences.test.ts',
    ],
    ['configurations that are refused, or look odd and are not', sum(refused), 'test/cli/sequences.test.ts'],
    [
      'panthor (7.1): binds, LOCKADDR, warnings, final tables',
      `${namesIn('vmbind/', SEQUENCE).length} sequences, ${number(binds('vmbind', SEQUENCE))} binds`,
      'test/gpuvm/drivers/golden.test.ts',
    ],
    [
      'msm (7.1): the same',
      `${namesIn('msm/', /^msm.*trace/).length} sequences, ${number(binds('msm', /^msm.*trace/))} binds`,
      'test/gpuvm/drivers/golden.test.ts',
    ],
    [
      'msm: its throttle',
      `${namesIn('msm/', /^throttle.*trace/).length} sequences, ${number(binds('msm', /^throttle.*trace/))} binds`,
      'test/gpuvm/drivers/golden.test.ts',
    ],
    [
      'pvr (7.1): reservation, use and outcome of single maps',
      `${number(linesOf('pvr/maps.ndjson.gz').length)} maps`,
      'test/gpuvm/drivers/pvr/pvr.test.ts',
    ],
    [
      'GPUVM (7.1): how requests split VMAs, in steps and in lists',
      `${number(linesOf('gpuvm/', /gz$/).length)} requests`,
      'test/gpuvm/split.test.ts',
    ],
    [
      'recordings: recorded returns',
      `${sum(RECORDINGS.map(({ returns }) => returns))} calls of ${RECORDINGS.length} recordings`,
      'test/cli/recordings.test.ts',
    ],
    [
      "recordings: page tables in the guest's memory",
      `${sum(RECORDINGS.map(({ leaves }) => leaves))} leaves, ${sum(RECORDINGS.map(({ tables }) => tables))} tables`,
      'test/cli/recordings.test.ts',
    ],
    [
      'recordings: invalidations that the SMMU received',
      `${sum(invalidations)} in ${sum(domains)} domains`,
      'test/cli/recordings.test.ts',
    ],
  ].map(([what, much, test]) => `| ${what} | ${much} | \`${test}\` |`);
}
