import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a program of somebody else would say. */
const CONSUMER = `
import { AddressSpace, openTrace, PgtraceError, replay, type Answer, type StatsDocument } from 'pgtrace';

const statistics: StatsDocument = await replay(await openTrace(process.argv[2]), { allocator: 'reserve' });
const space = new AddressSpace({ ias: 39 });
const answer: Answer = space.map(0x20_0000n, 0x8000_0000, 2 ** 21);
let refused = '';
try {
  space.map('nowhere', 0, 4096);
} catch (error) {
  if (error instanceof PgtraceError) refused = error.text;
}
console.log(JSON.stringify([statistics.complete, answer.ret, String(space.iovaToPhys(0x20_1000)), refused]));
`;

const CONFIG = {
  compilerOptions: {
    module: 'node20',
    target: 'es2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
    outDir: 'out',
  },
  include: ['consumer.ts'],
};

describe('a program that uses the packed package', () => {
  let home = '';

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'pgtrace-consumer-'));
    const pack = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', home], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(pack.stderr + pack.stdout).toContain('.tgz');
    const [tarball] = readdirSync(home).filter((name) => name.endsWith('.tgz'));
    expect(spawnSync('tar', ['xzf', tarball], { cwd: home }).status).toBe(0);
    // What npm would install beside it is what this project has installed.
    mkdirSync(join(home, 'node_modules', '@types'), { recursive: true });
    cpSync(join(home, 'package'), join(home, 'node_modules', 'pgtrace'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules', 'pgtrace', 'node_modules'));
    symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(home, 'node_modules', '@types', 'node'));
    writeFileSync(join(home, 'package.json'), '{"type":"module"}');
    writeFileSync(join(home, 'tsconfig.json'), JSON.stringify(CONFIG));
    writeFileSync(join(home, 'consumer.ts'), CONSUMER);
  });

  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('compiles against its types and runs', () => {
    const tsc = spawnSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')], {
      cwd: home,
      encoding: 'utf8',
    });
    expect(tsc.stdout).toBe('');
    const trace = join(ROOT, 'traces', 'over-reservation.ndjson');
    const run = spawnSync(process.execPath, [join(home, 'out', 'consumer.js'), trace], { cwd: home, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(JSON.parse(run.stdout)).toEqual([
      true,
      0,
      String(0x8000_1000),
      'iova is "nowhere"; it must be a bigint below 2^64, an integer below 2^53 or a text such as "0x1000"',
    ]);
  });

  it('finds the program itself', () => {
    const version = spawnSync(process.execPath, [join(home, 'node_modules', 'pgtrace', 'bin', 'pgtrace.js'), '-V'], {
      encoding: 'utf8',
    });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
