/** How fast binds are replayed: the rules of a GPU driver alone, and from NDJSON text to result. */
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hex } from '../gpuvm/drivers/lpae-vm.ts';
import { FIRST, OBJECTS, SIZE, SLOTS_PER_VMA } from './bind-load.ts';
import { measureModes } from './measure.ts';
import { seededRandom } from './random.ts';
import type { Bench } from './report.ts';

const VMAS = 10_000;
/** Drivers as `DRIVER,KERNEL,VMAS`: what the child is asked for. */
const SUBJECTS = ['panthor,7.1', 'panthor,6.12', 'msm,7.1'] as const;
const SIZES = [100, VMAS, 100_000];
/** Binds per second of panthor's rules on one core. */
const BINDS_PER_SECOND = 300_000;
/** A bind among the most VMAs may cost so many among the fewest. */
const GROWTH = 3;

export async function benchBinds(bench: Bench): Promise<void> {
  await throughput(bench);
  await scaling(bench);
  await endToEnd(bench);
}

async function throughput(bench: Bench): Promise<void> {
  const times = await nsPerBind(
    bench,
    SUBJECTS.map((subject) => `${subject},${VMAS}`),
  );
  bench.title(`binds of 64 KiB among ${VMAS.toLocaleString('en')} VMAs, without reading and writing`);
  bench.table(
    ['driver', 'ns/bind', 'binds/s'],
    SUBJECTS.map((subject, i) => [subject.replace(',', ' '), times[i].toFixed(0), (1e9 / times[i]).toFixed(0)]),
  );
  bench.bar('binds: million binds/s of panthor 7.1', 1e3 / times[0], BINDS_PER_SECOND / 1e6);
}

async function scaling(bench: Bench): Promise<void> {
  const times = await nsPerBind(
    bench,
    SIZES.map((vmas) => `${SUBJECTS[0]},${vmas}`),
  );
  bench.title('binds: panthor 7.1 by the number of VMAs');
  bench.table(
    ['VMAs', 'ns/bind'],
    SIZES.map((vmas, i) => [String(vmas), times[i].toFixed(0)]),
  );
  bench.bar('binds: one among 100,000 VMAs against one among 100', times[2] / times[0], GROWTH, true);
}

async function nsPerBind(bench: Bench, inputs: readonly string[]): Promise<number[]> {
  const runs = await measureModes(
    inputs.map((input) => ['binds', input]),
    bench.quick ? 1 : 3,
  );
  return runs.map(({ seconds, events }) => (1e9 * seconds) / events);
}

async function endToEnd(bench: Bench): Promise<void> {
  const binds = bench.quick ? 100_000 : 300_000;
  const folder = mkdtempSync(join(tmpdir(), 'pgtrace-bench-'));
  try {
    const drivers = ['panthor', 'msm'];
    const files = drivers.map((driver) => join(folder, `${driver}.ndjson`));
    for (const [i, driver] of drivers.entries()) await writeBinds(files[i], driver, binds);
    const runs = await measureModes(
      [...files.map((file) => ['replay', file] as const), ['ndjson', files[0]]],
      bench.quick ? 1 : 3,
    );
    bench.title(`end to end: read and replay ${binds.toLocaleString('en')} binds of NDJSON`);
    bench.table(
      ['way', 'binds/s', 'MB/s'],
      [...drivers, 'ndjson package, parse only'].map((what, i) => {
        const { seconds } = runs[i];
        const bytes = statSync(files[i] ?? files[0]).size;
        return [what, (binds / seconds).toFixed(0), (bytes / seconds / 1e6).toFixed(0)];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same load as a trace. */
async function writeBinds(file: string, driver: string, binds: number): Promise<void> {
  const random = seededRandom(11);
  const mapped = new Uint8Array(VMAS * SLOTS_PER_VMA);
  const output = createWriteStream(file);
  output.write(`{"op":"domain","id":"vm0","driver":"${driver}"}\n`);
  for (let i = 0; i < OBJECTS; i++) {
    const segments = `[{"paddr":"${hex(FIRST + i * 2 * SIZE)}","size":${SIZE}}]`;
    output.write(`{"op":"bo","id":"b${i}","size":${SIZE},"segments":${segments}}\n`);
  }
  let text = '';
  for (let i = 0; i < binds; i++) {
    const slot = Math.floor(random() * mapped.length);
    const map = mapped[slot] === 0 || random() < 0.5;
    mapped[slot] = map ? 1 : 0;
    const what = map ? `"kind":"map","bo":"b${Math.floor(random() * OBJECTS)}","offset":0` : '"kind":"unmap"';
    const op = `{${what},"iova":"${hex(FIRST + slot * SIZE)}","size":${SIZE}}`;
    text += `{"op":"bind","job":"j${i}","mode":"sync","ops":[${op}]}\n`;
    if (i % 4096 !== 0) continue;
    output.write(text);
    text = '';
  }
  output.end(text);
  await new Promise<void>((resolve, reject) => output.on('finish', () => resolve()).on('error', reject));
}
