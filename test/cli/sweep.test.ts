import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli.ts';
import { temporaryName } from '../../src/commands/process/whole-file.ts';
import { SweepProgress } from '../../src/commands/sweep/sweep-progress.ts';
import { parseRow, type Row } from '../../src/sweep/row.ts';
import { FakeIo, runCli } from './fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const BIN = new URL('../../bin/pgtrace.js', import.meta.url).pathname;
const SOME = ['lazy-unmap', 'steal', 'block-over-table', 'over-reservation', 'bind-overtaking'];
const MODELS = ['--allocator', 'kernel', '--allocator', 'bulk,k=8', '--flush', 'none', '--flush', 'smmuv3'];

let folder: string;
let traces: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-sweep-'));
  traces = join(folder, 'traces');
  mkdirSync(join(traces, 'sub'), { recursive: true });
  for (const name of SOME) copyFileSync(`${TRACES}${name}.ndjson`, join(traces, `${name}.ndjson`));
  copyFileSync(`${TRACES}smmuv3-boot-6.1.txt.gz`, join(traces, 'sub', 'boot.txt.gz'));
  writeFileSync(join(traces, 'README.md'), 'Not a trace, though it quotes one: {"op":"map"}\n');
  writeFileSync(join(traces, '.hidden.ndjson'), '{"op":"map"}\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const place = (name: string): string => join(folder, name);
const sweep = (...args: string[]) => runCli(['sweep', traces, ...args, '--quiet']);
const rowsOf = (text: string): Row[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const row = parseRow(line);
      if (typeof row === 'string') throw new Error(row);
      return row;
    });
const wholeFolder = (path: string): [string, string][] =>
  readdirSync(path)
    .sort()
    .map((name) => [name, readFileSync(join(path, name), 'utf8')]);

describe('sweep', () => {
  it('lists every cell of every trace, and runs none', async () => {
    const { code, stdout, stderr } = await runCli(['sweep', traces, ...MODELS, '--list']);
    const cells = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(stderr).toBe('pgtrace: 1 file is no trace and left out\n');
    expect(cells.length).toBe(6 * 2 * 2);
    expect(new Set(cells.map(({ id }) => id)).size).toBe(24);
    expect([...new Set(cells.map(({ trace }) => trace))]).toEqual([
      ...SOME.map((name) => `${name}.ndjson`).sort(),
      'sub/boot.txt.gz',
    ]);
    expect(cells[0]).toMatchObject({ bytes: expect.any(Number), config: { allocator: 'kernel', flush: 'none' } });
  });

  it('takes every flush policy as a cell of its own, with its verdict in the counters', async () => {
    const lesson = new URL('../../traces/flush-table-window.ndjson', import.meta.url).pathname;
    const { stdout, code } = await runCli(['sweep', lesson, '--flush', 'all', '--jobs', '1', '--quiet']);
    expect(code).toBe(0);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    const tables = Object.fromEntries(
      rows.map(({ config, counters }) => [config['flush'], counters['flush.unsafe.tables']]),
    );
    expect(tables).toEqual({
      none: undefined,
      // By itself it needs no study.
      smmuv3: undefined,
      'smmuv3,mode=lazy': 0,
      noop: 2,
      'gpuvm-op': 1,
      panthor: 0,
      msm: 0,
      'none-until-teardown': 2,
    });
  });

  it('gives the rows that replays one by one would, sorted by id', async () => {
    const { code, stdout } = await sweep(...MODELS);
    const rows = rowsOf(stdout);
    expect(code).toBe(0);
    expect(rows.length).toBe(24);
    expect(rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).sort());
    for (const { trace, config, counters, engine, complete } of rows) {
      const one = ['--allocator', String(config['allocator']), '--flush', String(config['flush'])];
      const document = JSON.parse((await runCli(['replay', join(traces, trace.name), '--json', ...one])).stdout);
      expect(counters).toEqual(document.counters);
      expect(engine).toBe(document.tool.version);
      expect(trace.events).toBe(document.trace.events);
      expect(complete).toBe(true);
    }
    expect(stdout).not.toContain(folder);
  });

  it('gives the same rows whether cells share a reading or not', async () => {
    const all = [
      '--allocator',
      'all',
      '--driver',
      'all',
      '--granule',
      '4K',
      '--granule',
      '64K',
      '--kernel',
      '7.1',
      '--lenient',
    ];
    const file = join(traces, 'bind-overtaking.ndjson');
    const together = rowsOf((await runCli(['sweep', file, ...all, '--quiet'])).stdout);
    expect(together.length).toBe(9 * 5 * 2);
    for (const row of together.filter((_, i) => i % 9 === 0)) {
      const alone = await runCli(['sweep', file, ...all, '--quiet', '--job', row.id]);
      expect(rowsOf(alone.stdout)).toEqual([row]);
    }
  });

  it('makes a row of a cell that fails, goes on, and exits with the worst', async () => {
    const cut = place('cut');
    mkdirSync(cut);
    writeFileSync(join(cut, 'cut.ndjson.gz'), gzipSync(readFileSync(`${TRACES}lazy-unmap.ndjson`)).subarray(0, 300));
    writeFileSync(join(cut, 'fine.ndjson'), readFileSync(`${TRACES}steal.ndjson`));
    const { code, stdout, stderr } = await runCli(['sweep', cut, '--kernel', '7.1', '--kernel', '6.12']);
    expect(code).toBe(3);
    const failed = rowsOf(stdout).filter(({ complete }) => !complete);
    expect(failed.length).toBe(2);
    expect(failed[0]).toMatchObject({ exit: 3, counters: {}, trace: { name: 'cut.ndjson.gz' } });
    expect(failed[0].error).toMatch(/^cut\.ndjson\.gz:.*the gzip data ends too early/);
    expect(stderr).toBe(`pgtrace: ${failed[0].error}\npgtrace: 2 of 4 cells failed\n`);
  });

  it('fails in the cells alone whose configuration is refused', async () => {
    const wide = place('wide.ndjson');
    writeFileSync(
      wide,
      '{"op":"domain","id":"d0","format":"ARM_64_LPAE_S1","ias":48,"oas":48}\n{"op":"map","iova":"0x10000","paddr":"0x10000","size":65536}\n',
    );
    const args = [
      'sweep',
      wide,
      '--pgtable',
      'ARM_64_LPAE_S1',
      '--pgtable',
      'ARM_32_LPAE_S1',
      '--ias',
      '48',
      '--quiet',
    ];
    const { code, stdout } = await runCli(args);
    const byFormat = new Map(rowsOf(stdout).map((row) => [row.config['pgtable'], row]));
    expect(code).toBe(3);
    expect(byFormat.get('ARM_64_LPAE_S1')?.complete).toBe(true);
    expect(byFormat.get('ARM_32_LPAE_S1')).toMatchObject({ complete: false, exit: 3 });
  });

  it('keeps the id of a trace that is renamed, whatever argument named it', async () => {
    const renamed = place('renamed.ndjson');
    copyFileSync(join(traces, 'steal.ndjson'), renamed);
    const [a] = rowsOf((await runCli(['sweep', renamed])).stdout);
    const [b] = rowsOf((await runCli(['sweep', join(traces, 'steal.ndjson')])).stdout);
    expect(a.id).toBe(b.id);
    expect([a.trace.name, b.trace.name]).toEqual(['renamed.ndjson', 'steal.ndjson']);
  });

  it('folds files with the same bytes', async () => {
    const copies = place('copies');
    mkdirSync(copies);
    for (const name of ['b.ndjson', 'a.ndjson']) copyFileSync(join(traces, 'steal.ndjson'), join(copies, name));
    const { stdout, stderr } = await runCli(['sweep', copies, join(copies, 'b.ndjson')]);
    expect(rowsOf(stdout).map(({ trace }) => trace.name)).toEqual(['a.ndjson']);
    expect(stderr).toBe('pgtrace: b.ndjson has the same bytes as a.ndjson, whose rows stand for both\n');
  });

  it.each([
    [['--shard', '0/3'], /--shard "0\/3" is no part of a whole; such as 3\/16/],
    [['--shard', '4/3'], /no part of a whole/],
    [['--job', 'abc'], /no job id of sixteen hex digits/],
    [['--job', '0123456789abcdef'], /none of this sweep's/],
    [['--granule', '4K', '--pgsizes', '4K'], /give it or --pgsizes/],
    [['--granule', '8K'], /Allowed choices are 4K, 16K, 64K/],
    [['--kernel', '7.1', '--kernel', '7.1'], /--kernel 7.1 is given twice/],
    [['--flush', 'all', '--flush', 'none'], /--flush none is given twice/],
    [['--format', 'parquet'], /needs -o FILE.parquet/],
    [['--format', 'ndjson', '-o', 'x.parquet'], /no name for --format ndjson/],
    [['--jobs', '0'], /from 1 on/],
    [['-'], /name files or folders/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr, stdout } = await sweep(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('tells when there is no trace, or no such folder', async () => {
    mkdirSync(place('empty'));
    expect(await runCli(['sweep', place('empty')])).toMatchObject({
      code: 3,
      stderr: `pgtrace: no trace in ${place('empty')}\n`,
    });
    expect((await runCli(['sweep', place('nowhere')])).code).toBe(4);
  });

  it('stops at Ctrl-C, keeps the rows that are done, and tells how to go on', async () => {
    const io = new FakeIo();
    const done = run(
      [
        'sweep',
        traces,
        '--allocator',
        'all',
        '--flush',
        'none',
        '--flush',
        'smmuv3',
        '-o',
        place('stopped'),
        '--jobs',
        '1',
      ],
      io,
    );
    while (!existsSync(place('stopped')) || readdirSync(place('stopped')).length < 3) await new Promise(setImmediate);
    io.emit('SIGINT');
    expect(await done).toBe(130);
    expect(io.stderr.text).toMatch(/interrupted after \d+ of 108 cells; the same command goes on from here\n$/);
    expect(readdirSync(place('stopped'))).not.toContain('rows.ndjson');
  });

  it.each(['ndjson', 'parquet'])('stops at Ctrl-C and leaves the rows that are done in a file (%s)', async (format) => {
    const path = place(`stopped.${format}`);
    const io = new FakeIo();
    let steps = 0;
    const spy = vi.spyOn(SweepProgress.prototype, 'step').mockImplementation(() => {
      if (++steps === 3) io.emit('SIGINT');
    });
    const code = await run(['sweep', traces, ...MODELS, '-o', path, '--jobs', '1', '--quiet'], io);
    spy.mockRestore();
    expect(code).toBe(130);
    expect(steps).toBeLessThan(24);
    expect(io.stderr.text).toBe(
      `pgtrace: interrupted after ${steps} of 24 cells; ${path} has their rows, not those of the others\n`,
    );
    if (format === 'parquet') {
      const { buffer, byteOffset, byteLength } = readFileSync(path);
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      expect((await parquetReadObjects({ file })).length).toBe(steps);
    } else expect(rowsOf(readFileSync(path, 'utf8')).length).toBe(steps);
  });

  it('leaves an older file alone when it is interrupted before the first row', async () => {
    const path = place('older.ndjson');
    const old = '{"schema":"pgtrace.row/1"}\n';
    writeFileSync(path, old);
    const io = new FakeIo();
    io.on('newListener', (event) => {
      if (event === 'SIGINT') setImmediate(() => io.emit('SIGINT'));
    });
    expect(await run(['sweep', traces, ...MODELS, '-o', path, '--jobs', '1', '--quiet'], io)).toBe(130);
    expect(io.stderr.text).toBe(`pgtrace: interrupted after 0 of 24 cells; ${path} was not written\n`);
    expect(readFileSync(path, 'utf8')).toBe(old);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each([
    ['nowhere/rows.ndjson', 'its folder does not exist'],
    ['nowhere/rows.parquet', 'its folder does not exist'],
    ['README.md/rows.ndjson', 'a part of its path is no folder'],
    ['README.md/rows', 'a part of its path is no folder'],
    ['README.md', 'it is a file'],
    [`${'x'.repeat(300)}.ndjson`, 'its name is too long'],
  ])('runs nothing when it cannot write to %s', async (path, why) => {
    const cut = place('unrun.ndjson');
    writeFileSync(cut, 'no trace: running it would tell\n');
    const output = join(traces, path);
    const { code, stderr } = await runCli(['sweep', cut, '-o', output]);
    expect(stderr).toBe(`pgtrace: ${output}: cannot write: ${why}\n`);
    expect(code).toBe(4);
  });

  it('leaves out links that lead nowhere, and tells', async () => {
    const links = place('links');
    mkdirSync(links);
    copyFileSync(join(traces, 'steal.ndjson'), join(links, 'steal.ndjson'));
    symlinkSync('gone.ndjson', join(links, 'dangling.ndjson'));
    symlinkSync('round', join(links, 'round'));
    const { code, stdout, stderr } = await runCli(['sweep', links]);
    expect(code).toBe(0);
    expect(rowsOf(stdout).length).toBe(1);
    expect(stderr).toBe(
      ['dangling.ndjson', 'round']
        .map((name) => `pgtrace: ${name} is a link that leads nowhere, or gone, and left out\n`)
        .join(''),
    );
    expect((await runCli(['sweep', join(links, 'dangling.ndjson')])).code).toBe(4);
  });
});

describe('a folder of rows', () => {
  it('has a file for each row and one with all, and is not run again', async () => {
    const out = place('out');
    expect((await sweep(...MODELS, '-o', out)).code).toBe(0);
    const first = wholeFolder(out);
    expect(first.length).toBe(25);
    expect(first.at(-1)?.[1]).toBe((await sweep(...MODELS)).stdout);
    const again = await runCli(['sweep', traces, ...MODELS, '-o', out]);
    expect(again.stderr).toMatch(/24 of 24 rows were there already/);
    expect(wholeFolder(out)).toEqual(first);
    expect((await runCli(['sweep', traces, ...MODELS, '-o', out, '--force'])).stderr).not.toMatch(/already/);
    expect(wholeFolder(out)).toEqual(first);
  });

  it('is mended where rows are missing, cut off, changed, or left half written', async () => {
    const out = place('mended');
    await sweep(...MODELS, '-o', out);
    const first = wholeFolder(out);
    const names = first.map(([name]) => name).filter((name) => name !== 'rows.ndjson');
    rmSync(join(out, names[0]));
    writeFileSync(join(out, names[1]), first[1][1].slice(0, 100));
    writeFileSync(
      join(out, names[2]),
      first[2][1].replace('"complete":true', '"complete":false').replace('"exit":0', '"exit":4'),
    );
    writeFileSync(join(out, names[3]), first[4][1]);
    const gone = spawnSync('true').pid;
    writeFileSync(temporaryName(join(out, names[5])).replace(`-${process.pid}-`, `-${gone}-`), '{"co');
    await sweep(...MODELS, '-o', out);
    expect(wholeFolder(out)).toEqual(first);
  });

  it('takes over the new name of a trace without running it again', async () => {
    const own = place('own');
    mkdirSync(own);
    copyFileSync(join(traces, 'steal.ndjson'), join(own, 'x.ndjson'));
    const out = place('own-out');
    await runCli(['sweep', own, '-o', out]);
    copyFileSync(join(own, 'x.ndjson'), join(own, 'y.ndjson'));
    rmSync(join(own, 'x.ndjson'));
    const { stderr } = await runCli(['sweep', own, '-o', out]);
    expect(stderr).toMatch(/1 of 1 row were there|1 of 1 row/);
    expect(rowsOf(readFileSync(join(out, 'rows.ndjson'), 'utf8'))[0].trace.name).toBe('y.ndjson');
  });

  it('tells of rows of other sweeps that are damaged, and goes without them', async () => {
    const out = place('damaged');
    await sweep('-o', out);
    const names = readdirSync(out).sort();
    const whole = rowsOf(readFileSync(join(out, 'rows.ndjson'), 'utf8'));
    writeFileSync(join(out, names[0]), 'garbage');
    copyFileSync(join(out, names[2]), join(out, names[1]));
    const other = ['sweep', join(traces, 'steal.ndjson'), '--kernel', '6.12', '-o', out, '--quiet'];
    const { code, stderr } = await runCli(other);
    expect(code).toBe(3);
    const rest = '; left out: sweep that cell again, or remove the file';
    expect(stderr).toBe(
      `pgtrace: ${join(out, names[0])}:1: no JSON object; a row of \`pgtrace sweep\` was expected${rest}\n` +
        `pgtrace: ${join(out, names[1])}:1: this is the row of job ${names[2].slice(0, -5)}; the file has been renamed or overwritten${rest}\n`,
    );
    expect(rowsOf(readFileSync(join(out, 'rows.ndjson'), 'utf8')).length).toBe(whole.length - 2 + 1);
    expect((await runCli(['merge', out])).code).toBe(3);
    // Whose cells they are runs them again.
    expect(await sweep('-o', out)).toMatchObject({ code: 0, stderr: '' });
    expect(rowsOf(readFileSync(join(out, 'rows.ndjson'), 'utf8')).length).toBe(whole.length + 1);
  });

  it('of another version of pgtrace is left alone', async () => {
    const out = place('old');
    await sweep('-o', out);
    const [name, text] = wholeFolder(out)[0];
    const row = JSON.parse(text);
    const { cellId } = await import('../../src/sweep/cell-id.ts');
    const old = { ...row, engine: '0.0.1', id: '' };
    old.id = cellId({ sha256: row.trace.sha256, config: row.config, engine: old.engine, schema: row.schema });
    rmSync(join(out, name));
    for (const [other] of wholeFolder(out)) rmSync(join(out, other));
    writeFileSync(join(out, `${old.id}.json`), JSON.stringify(old));
    const { code, stderr } = await sweep('-o', out);
    expect(code).toBe(2);
    expect(stderr).toMatch(/holds rows of pgtrace 0\.0\.1, this is /);
  });
});

describe('shards', () => {
  it('of any number come to the rows of the whole', async () => {
    const models = ['--allocator', 'kernel', '--allocator', 'bulk'];
    const whole = (await sweep(...models)).stdout;
    // Of 12 cells; the last number leaves shards empty.
    for (const n of [1, 2, 5, 14]) {
      const files: string[] = [];
      for (let i = 1; i <= n; i++) {
        const file = place(`shard-${i}-${n}.ndjson`);
        const args = ['sweep', traces, ...models, '--quiet', '-o', file];
        // Half of them are told by the environment.
        const { code } = await (i % 2 === 0
          ? runCli([...args, '--shard', `${i}/${n}`])
          : runCli(args, { env: { PGTRACE_SHARD: `${i}/${n}` } }));
        expect(code).toBe(0);
        files.push(file);
      }
      const { code, stdout } = await runCli(['merge', ...files.reverse()]);
      expect(code).toBe(0);
      expect(stdout).toBe(whole);
    }
  }, 60_000);
});

describe('parquet', () => {
  it('holds every row, and a column for every counter', async () => {
    const rows = rowsOf((await sweep(...MODELS)).stdout);
    const file = place('rows.parquet');
    expect((await sweep(...MODELS, '-o', file)).code).toBe(0);
    const { buffer, byteOffset, byteLength } = readFileSync(file);
    const read = await parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer });
    expect(read.length).toBe(rows.length);
    const keys = new Set(rows.flatMap(({ counters }) => Object.keys(counters)));
    rows.forEach(({ id, trace, config, counters }, i) => {
      expect(read[i]).toMatchObject({ id, trace: trace.name, bytes: BigInt(trace.bytes), complete: true, error: null });
      expect(read[i]['allocator']).toBe(config['allocator']);
      for (const key of keys) {
        const value = counters[key];
        expect(read[i][key], key).toBe(value === undefined ? null : BigInt(value));
      }
    });
    const again = readFileSync(file);
    await sweep(...MODELS, '-o', place('beside'), '--format', 'parquet');
    expect(readFileSync(place('beside/rows.parquet')).equals(again)).toBe(true);
  });
});

describe('merge', () => {
  it('reads files, compressed or not, folders and standard input', async () => {
    const whole = (await sweep()).stdout;
    const lines = whole.trimEnd().split('\n');
    writeFileSync(place('m1.ndjson.gz'), gzipSync(`${lines[3]}\n${lines[0]}\n`));
    await sweep('-o', place('m-folder'));
    for (const line of lines.filter((_, i) => i !== 1)) rmSync(place(`m-folder/${JSON.parse(line).id}.json`));
    const rest = `${lines[2]}\n\n${lines[5]}\n${lines[4]}`;
    const { code, stdout } = await runCli(['merge', place('m1.ndjson.gz'), '-', place('m-folder')], { stdin: rest });
    expect(code).toBe(0);
    expect(stdout).toBe(whole);
    writeFileSync(place('nothing.ndjson'), '');
    expect(await runCli(['merge', place('nothing.ndjson')])).toMatchObject({ code: 0, stdout: '' });
    await runCli(['merge', place('m-folder'), '-o', place('m-out.ndjson')]);
    expect(readFileSync(place('m-out.ndjson'), 'utf8')).toBe(`${lines[1]}\n`);
  });

  it('reads the file of all rows in a folder without those of cells', async () => {
    const whole = (await sweep()).stdout;
    const only = place('only-all');
    mkdirSync(only);
    const path = join(only, 'rows.ndjson');
    writeFileSync(path, whole);
    expect(await runCli(['merge', only])).toMatchObject({ code: 0, stdout: whole });
    writeFileSync(path, `${whole}garbage\n`);
    expect(await runCli(['merge', only])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: `pgtrace: ${path}:7: no JSON object; a row of \`pgtrace sweep\` was expected\n`,
    });
    // An empty part of a sweep is fine beside others, not alone.
    writeFileSync(path, '');
    writeFileSync(place('others.ndjson'), whole);
    expect(await runCli(['merge', only, place('others.ndjson')])).toMatchObject({ code: 0, stdout: whole });
    expect(await runCli(['merge', only])).toMatchObject({
      code: 3,
      stderr: `pgtrace: ${only}: no rows of \`pgtrace sweep\` in this folder: its rows.ndjson is empty\n`,
    });
    rmSync(path);
    expect(await runCli(['merge', only])).toMatchObject({
      code: 3,
      stderr: `pgtrace: ${only}: no rows of \`pgtrace sweep\` in this folder: neither ID.json of a cell nor rows.ndjson\n`,
    });
  });

  it('refuses a file that is named after another job', async () => {
    const out = place('misnamed');
    await sweep('-o', out);
    const [a, b] = readdirSync(out).sort();
    copyFileSync(join(out, b), join(out, a));
    const { code, stderr } = await runCli(['merge', out]);
    expect(code).toBe(3);
    expect(stderr).toContain(`${join(out, a)}:1: this is the row of job ${b.slice(0, -5)}`);
  });

  it('tells what the file system says, and is no bug', async () => {
    const file = join(traces, 'README.md');
    symlinkSync('circle', place('circle'));
    for (const path of [`${file}/rows`, place('circle'), place('x'.repeat(300)), `${file}/rows.ndjson`]) {
      const { code, stderr } = await runCli(['merge', path]);
      expect(code, path).toBe(4);
      expect(stderr.startsWith(`pgtrace: ${path}: `)).toBe(true);
      const rows = (await sweep()).stdout;
      expect((await runCli(['merge', '-', '-o', `${path}.ndjson`], { stdin: rows })).code).toBe(
        path === place('circle') ? 0 : 4,
      );
      expect((await runCli(['sweep', path])).code).toBe(4);
    }
  });

  it('refuses jobs that come twice', async () => {
    writeFileSync(place('all.ndjson'), (await sweep()).stdout);
    const { code, stderr } = await runCli(['merge', place('all.ndjson'), place('all.ndjson')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^pgtrace: 6 jobs with more than one row; give each row once:\n {2}[0-9a-f]{16} {2}/);
  });

  it('tells file and line of what is no row', async () => {
    const [line] = (await sweep()).stdout.split('\n');
    writeFileSync(place('bad.ndjson'), `${line}\n\n{"op":"map"}\n`);
    expect(await runCli(['merge', place('bad.ndjson')])).toMatchObject({
      code: 3,
      stderr: `pgtrace: ${place('bad.ndjson')}:3: no "schema"; a row of \`pgtrace sweep\` has "schema":"pgtrace.row/1"\n`,
    });
    writeFileSync(place('cut.ndjson'), `${line}\n${line.slice(0, 80)}`);
    expect((await runCli(['merge', place('cut.ndjson')])).stderr).toContain(`${place('cut.ndjson')}:2: no JSON object`);
    expect((await runCli(['merge', traces])).code).toBe(3);
    expect((await runCli(['merge', place('nowhere')])).code).toBe(4);
  });

  it('adds up, as a table or as JSON', async () => {
    const { stdout: rows } = await sweep(...MODELS);
    const table = await runCli(['merge', '-', '--totals'], { stdin: rows });
    expect(table.stdout).toMatch(/^4 configurations, 24 cells, pgtrace /);
    const totals = JSON.parse((await runCli(['merge', '-', '--totals', '--json'], { stdin: rows })).stdout);
    const sum = rowsOf(rows)
      .filter(({ config }) => config['allocator'] === 'kernel' && config['flush'] === 'smmuv3')
      .reduce((total, { counters }) => total + counters['tlb.commands'], 0);
    const one = totals.configurations.find(
      ({ config }: Row) => config['allocator'] === 'kernel' && config['flush'] === 'smmuv3',
    );
    expect(one).toMatchObject({ traces: 6, incomplete: 0, counters: { 'tlb.commands': sum } });
  });
});

describe('a spawned sweep', () => {
  const all = [
    '--allocator',
    'all',
    '--flush',
    'none',
    '--flush',
    'smmuv3',
    '--kernel',
    '7.1',
    '--kernel',
    '6.12',
    '--quiet',
  ];
  /** Runs the built tool and kills it after `ms`; its exit code, null when it was killed. */
  const spawned = (out: string, ms: number | null, jobs: number, ...more: string[]): Promise<number | null> =>
    new Promise((resolve) => {
      const args = [BIN, 'sweep', traces, ...all, '-o', out, '--jobs', String(jobs), ...more];
      const child = spawn(process.execPath, args, { stdio: 'ignore' });
      if (ms !== null) setTimeout(() => child.kill('SIGKILL'), ms);
      child.on('close', resolve);
    });

  it('shares its folder with others that run at the same time', async () => {
    const out = place('shared');
    expect(await Promise.all([1, 2, 3].map((i) => spawned(out, null, 1, '--shard', `${i}/3`)))).toEqual([0, 0, 0]);
    const files = wholeFolder(out);
    expect(files.length).toBe(6 * 9 * 2 * 2 + 1);
    expect(files.at(-1)).toEqual([
      'rows.ndjson',
      files
        .slice(0, -1)
        .map(([, text]) => text)
        .join(''),
    ]);
  }, 60_000);

  it('gives the same bytes on threads, and after kill -9 at any time', async () => {
    if (!existsSync(new URL('../../dist/sweep-worker.js', import.meta.url)))
      throw new Error('run `npm run build` first');
    expect(await spawned(place('calm'), null, 1)).toBe(0);
    const calm = wholeFolder(place('calm'));
    expect(calm.length).toBe(6 * 9 * 2 * 2 + 1);
    let killed = 0;
    for (const [i, delays] of fc
      .sample(fc.array(fc.integer({ min: 150, max: 900 }), { minLength: 1, maxLength: 3 }), { seed: 7, numRuns: 2 })
      .entries()) {
      const out = place(`killed-${i}`);
      for (const ms of delays) if ((await spawned(out, ms, 2)) === null) killed++;
      expect(await spawned(out, null, 2)).toBe(0);
      expect(wholeFolder(out)).toEqual(calm);
    }
    expect(killed).toBeGreaterThan(0);
  }, 120_000);
});

describe('outputs of sweep and merge', () => {
  it('replace no trace and no input', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pgtrace-guard-'));
    try {
      const trace = readFileSync(new URL('../../traces/steal.ndjson', import.meta.url), 'utf8');
      for (const name of ['a.ndjson', 'b.ndjson']) writeFileSync(join(folder, name), trace.replace('steal', name));
      for (const output of [join(folder, 'a.ndjson'), folder]) {
        const { code, stderr } = await runCli(['sweep', folder, '-o', output, '--jobs', '1']);
        expect(code).toBe(2);
        expect(stderr).toMatch(/is an input itself|no file of rows/);
      }
      const rows = join(folder, 'rows.ndjson');
      const twice = ['sweep', join(folder, 'a.ndjson'), '-o', rows, '--jobs', '1'];
      expect((await runCli(twice)).code).toBe(0);
      // Rows may be replaced by rows.
      expect((await runCli(twice)).code).toBe(0);
      expect((await runCli(['merge', rows, '-o', rows])).code).toBe(2);
      expect(readFileSync(join(folder, 'a.ndjson'), 'utf8')).toBe(trace.replace('steal', 'a.ndjson'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
