import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli.ts';
import { openTrace } from '../../src/trace/open.ts';
import { WORKLOADS } from '../../src/workload/registry.ts';
import { FakeIo, runCli } from './fake-io.ts';

const LIST = new URL('../golden/gen/list.txt', import.meta.url).pathname;
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('gen --list', () => {
  it('describes every workload', async () => {
    const { code, stdout, stderr } = await runCli(['gen', '--list']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toBe(readFileSync(LIST, 'utf8'));
  });

  it('says the same as JSON, with what numbers may be', async () => {
    const { stdout } = await runCli(['gen', '--list', '--json']);
    const kinds = JSON.parse(stdout) as {
      name: string;
      feeds: string;
      parameters: { name: string; values: string }[];
    }[];
    expect(kinds.map(({ name }) => name)).toEqual(WORKLOADS.map(({ name }) => name));
    expect(kinds.every(({ feeds }) => feeds.length > 20)).toBe(true);
    const [{ parameters }] = kinds;
    expect(parameters.find(({ name }) => name === 'resident')).toEqual({
      name: 'resident',
      values: '1..100',
      default: '25',
      help: '% of the tiles that memory holds at once',
    });
  });

  it('shows the range of every number', async () => {
    const { stdout } = await runCli(['gen', '--list']);
    const numbers = WORKLOADS.flatMap(({ parameters }) => parameters.filter(({ values }) => values === null));
    expect(numbers.length).toBeGreaterThan(20);
    for (const { help, min, max } of numbers) expect(stdout).toContain(`${help} (${min}..${max})\n`);
  });

  it.each([80, 120, 200])('fits into %i columns and says the same there', async (columns) => {
    const words = (text: string): string[] => text.split(/\s+/);
    const { stdout } = await runCli(['gen', '--list'], { terminal: { columns, colors: false } });
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(words(stdout)).toEqual(words(readFileSync(LIST, 'utf8')));
  });

  it('breaks texts below where they began, coloured or not', async () => {
    const [plain, coloured] = await Promise.all(
      [false, true].map((colors) => runCli(['gen', '--list'], { terminal: { columns: 80, colors } })),
    );
    const start = plain.stdout.split('\n')[0].indexOf('what it is');
    expect(plain.stdout.split('\n')[3].search(/\S/)).toBe(start + 2);
    expect(coloured.stdout.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain.stdout);
  });

  it('is coloured on a terminal that has colours, and nowhere else', async () => {
    const terminal = { columns: 120, colors: true };
    expect((await runCli(['gen', '--list'], { terminal })).stdout).toContain('\u001b[1m');
    expect((await runCli(['gen', '--list'])).stdout).not.toContain('\u001b');
  });
});

describe('gen NAME', () => {
  it('writes a trace that the reader of traces takes whole', async () => {
    for (const { name } of WORKLOADS) {
      const steps = WORKLOADS.find((kind) => kind.name === name)?.parameters.some((p) => p.name === 'jobs');
      const { code, stdout, stderr } = await runCli(['gen', `${name},${steps ? 'jobs' : 'frames'}=50`, '--seed', '3']);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      const lines = stdout.split('\n').length - 1;
      const stdin = Readable.from([Buffer.from(stdout)]);
      const reader = await openTrace('-', stdin, { lenient: false, layer: null });
      let events = 0;
      const outcome = await reader.read((batch) => {
        events += batch.length;
        return true;
      });
      expect(outcome.error).toBe(null);
      expect(outcome.format).toBe('pgtrace NDJSON');
      expect(events).toBe(lines);
    }
  });

  it('gives the same bytes for the same seed, on stdout and in a file', async () => {
    const path = join(folder, 'a.ndjson');
    const { stdout } = await runCli(['gen', 'video,frames=20']);
    expect(await runCli(['gen', 'video,frames=20', '--seed', '1', '-o', path])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(path, 'utf8')).toBe(stdout);
    expect((await runCli(['gen', 'video,frames=20', '-o', '-'])).stdout).toBe(stdout);
    expect((await runCli(['gen', 'video,frames=20', '--seed', '2'])).stdout).not.toBe(stdout);
    expect(stdout.split('\n')[0]).toContain('"source":"pgtrace gen video,frames=20 --seed 1"');
  });

  it('names the driver, and writes exec and cleanup when asked', async () => {
    const { stdout } = await runCli(['gen', 'game,frames=5', '--driver', 'xe', '--explicit']);
    const ops = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { op: string; driver?: string });
    expect(ops[1].driver).toBe('xe');
    const count = (op: string): number => ops.filter((event) => event.op === op).length;
    expect(count('bind')).toBe(605);
    expect(count('exec')).toBe(605);
    expect(count('cleanup')).toBe(605);
  });

  it('replaces the file that a link points to, when all is written', async () => {
    const path = join(folder, 'target.ndjson');
    writeFileSync(path, 'old');
    symlinkSync(path, join(folder, 'link.ndjson'));
    expect((await runCli(['gen', 'video,frames=3', '-o', join(folder, 'link.ndjson')])).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('"op":"bind"');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each([
    [[], 'takes the name of a workload: sparse-textures, game, browser'],
    [['gmae'], '"gmae" is not known (did you mean game?); there is sparse-textures, game,'],
    [['game,frame=3'], 'game has no parameter "frame" (did you mean frames=?); it takes textures=1..4096, meshes='],
    [['game,frames=x'], 'game,frames= takes an integer in 0..100000000; found "x"'],
    [['game,frames=1.5'], 'game,frames= takes an integer in 0..100000000; found "1.5"'],
    [['game,frames'], 'game,frames= takes an integer in 0..100000000; found nothing'],
    [['game,frames='], 'game,frames= takes an integer in 0..100000000; found nothing'],
    [['game,huge=101'], 'game,huge= takes an integer in 0..100; found "101"'],
    [['video,format=8k'], 'video,format= takes 1080p or 4k; found "8k"'],
    [['game,frames=1,frames=2'], 'game has frames= twice'],
    [
      ['browser', '--explicit'],
      '--explicit is for asynchronous jobs, and these binds run at once; ask for browser,mode=async',
    ],
    [['browser,depth=3'], 'browser,depth= is for asynchronous jobs; add mode=async'],
    [['vm-churn,size=4096,range=3'], 'vm-churn,size=4096 (KiB) does not fit into range=3 (MiB)'],
    [['game', '--seed', '-1'], '--seed "-1" is no seed; it takes an integer, 0 to 4294967295'],
    [['game', '--seed', '4294967296'], 'is no seed'],
    [['game', '--driver', 'iommu'], 'Allowed choices are panthor, pvr, msm, nouveau, xe'],
    [['game', '--json'], 'gen --json belongs to --list'],
    [['game', 'browser'], 'too many arguments'],
    [['game', '--list'], 'gen --list describes all workloads and makes none; leave out --list, or "game"'],
    [['--list', '--seed', '3', '-o', 'x'], 'leave out --list, or --seed, -o'],
    [['game,textures=4096,size=32,frames=99999,swaps=64,depth=100000'], '1,016 GiB of physical memory'],
  ])('refuses %j with what would be right', async (args, message) => {
    const { code, stderr } = await runCli(['gen', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/ at .*:\d+/);
  });

  it.each([
    ['missing/a.ndjson', 'its folder does not exist'],
    ['.', 'it is a directory'],
  ])('exits 4 when it cannot write to %s', async (path, why) => {
    const { code, stdout, stderr } = await runCli(['gen', 'video', '-o', join(folder, path)]);
    expect(code).toBe(4);
    expect(stdout).toBe('');
    expect(stderr).toContain(why);
  });

  it('exits 4 when the device is full', async () => {
    const { code, stderr } = await runCli(['gen', 'video', '-o', '/dev/full']);
    expect(code).toBe(4);
    expect(stderr).toContain('no space left');
  });

  it('leaves an older file alone when it fails on the way, and nothing beside it', async () => {
    const path = join(folder, 'kept.ndjson');
    writeFileSync(path, 'old');
    const text = 'game,textures=4096,size=32,frames=99999,swaps=64,depth=100000';
    expect((await runCli(['gen', text, '-o', path])).code).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('stops at a signal, and leaves no half file', async () => {
    const path = join(folder, 'half.ndjson');
    const io = new FakeIo();
    const done = run(['gen', 'browser,jobs=100000000', '-o', path], io);
    setTimeout(() => io.emit('SIGINT'), 50);
    expect(await done).toBe(130);
    expect(io.stderr.text).toMatch(/^pgtrace: interrupted after [\d,]+ events\n$/);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(io.listenerCount('SIGINT')).toBe(0);
  });
});

describe('the README', () => {
  const section = README.slice(README.indexOf('## Generate a workload'), README.indexOf('## Replay'));

  it('lists every workload', () => {
    const listed = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual(WORKLOADS.map(({ name }) => name));
  });

  it('names every option of gen', async () => {
    const { stdout } = await runCli(['gen', '--help']);
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
    expect(options.filter((option) => !section.includes(option))).toEqual(['--json', '--output', '--help']);
  });

  it('shows what its command gives', async () => {
    const [, args, shown] = /^ {4}npx pgtrace (gen .*)\n\n((?: {4}.*\n)+)/m.exec(section) ?? ['', '', ''];
    const { stdout } = await runCli(args.split(' '));
    const lines = shown.split('\n').map((line) => line.trim());
    const wanted = lines.filter((line) => line !== '' && line !== '...');
    expect(wanted.length).toBeGreaterThan(2);
    for (const line of wanted) expect(stdout.split('\n')).toContain(line);
  });
});
