import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The command line as a user starts it: another process, from what the build made. */
const BIN = new URL('../../bin/pgtrace.js', import.meta.url).pathname;
const TRACES = new URL('../../traces/', import.meta.url).pathname;
const KPROBE = `${TRACES}smmuv3-kprobe-6.1.txt.gz`;
let folder: string;

beforeAll(() => {
  if (!existsSync(new URL('../../dist/cli.js', import.meta.url))) throw new Error('run `npm run build` first');
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shell(script: string): { code: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, PGTRACE: `${process.execPath} ${BIN}`, NO_COLOR: '1' };
  const done = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder, env });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

describe('a spawned pgtrace', () => {
  it('replays what it is given and exits 0', () => {
    const { code, stdout, stderr } = shell(`$PGTRACE replay ${KPROBE}`);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain("1,323 of 1,323 recorded returns equal the model's");
  });

  it.each([
    [0, `$PGTRACE replay ${TRACES}lazy-unmap.ndjson`],
    [1, `$PGTRACE replay ${TRACES}partial-unmap-7.1.ndjson --kernel 6.12`],
    [2, '$PGTRACE replay --no-such-option'],
    [2, '$PGTRACE replay .'],
    [3, 'echo nonsense | $PGTRACE replay -'],
    [4, '$PGTRACE replay missing.ndjson'],
    [4, `$PGTRACE replay ${TRACES}lazy-unmap.ndjson > /dev/full`],
    [4, `$PGTRACE replay ${TRACES}lazy-unmap.ndjson --results /dev/full`],
  ])('exits %i after: %s', (wanted, script) => {
    const { code, stderr } = shell(script);
    expect(code).toBe(wanted);
    expect(stderr).not.toMatch(/at .*\.js:\d+/);
    if (wanted > 1) expect(stderr).not.toBe('');
  });

  it('ends quietly when its reader has seen enough', () => {
    const { code, stdout, stderr } = shell(`set -o pipefail; $PGTRACE dump ${KPROBE} --view raw --json | head -1`);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ level: 0, index: 0, iova: '0x0' });
  });

  it('delivers megabytes through a pipe whole', () => {
    const line = (i: number): string => `{"op":"iova_to_phys","iova":"0x${(i * 4096).toString(16)}"}\n`;
    writeFileSync(join(folder, 'long.ndjson'), Array.from({ length: 100_000 }, (_, i) => line(i)).join(''));
    const { code, stdout } = shell(
      '$PGTRACE replay long.ndjson --results - | cat > out; wc -l < out; tail -c 1 out | od -c',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('100000');
    expect(stdout).toContain('\\n');
  });

  it('holds no more of a large dump than its reader has taken', () => {
    writeFileSync(join(folder, 'wide.ndjson'), '{"op":"map","iova":"0x1000","paddr":"0x0","size":1073741824}\n');
    // 262,144 lines into a reader that takes one: they are not computed to the end, let alone kept.
    const begun = process.hrtime.bigint();
    const { code, stderr, stdout } = shell('set -o pipefail; $PGTRACE dump wide.ndjson --view raw --json | head -1');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.split('\n').length).toBe(2);
    expect(Number(process.hrtime.bigint() - begun) / 1e9).toBeLessThan(20);
    // 2^18 leaves, and the entries of one, two and 513 tables above them.
    expect(shell('$PGTRACE dump wide.ndjson --view raw --json | wc -l').stdout.trim()).toBe(
      String(2 ** 18 + 1 + 2 + 513),
    );
  });

  it('reads a pipe, plain or packed', () => {
    const plain = shell(`zcat ${KPROBE} | $PGTRACE replay - --json`);
    expect(plain.code).toBe(0);
    expect(shell(`$PGTRACE replay - --json < ${KPROBE}`).stdout).toBe(plain.stdout);
  });

  it('stops at Ctrl-C with what it has, also while it waits for more', async () => {
    const child = spawn(process.execPath, [BIN, 'replay', '-', '--json'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    // More than the first look at the input takes, so that events have been replayed when the signal comes.
    const text = '{"op":"map","iova":"0x1000","paddr":"0x2000","size":4096}\n'.repeat(4000);
    // Larger than a pipe holds: the write is done when pgtrace has taken most of it.
    await new Promise((resolve) => child.stdin.write(text, resolve));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupted after [\d,]+ events/);
    const document = JSON.parse(stdout);
    expect(document.complete).toBe(false);
    expect(document.counters['ops.map']).toBeGreaterThan(0);
  });

  it('keeps the version of its package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(shell('$PGTRACE --version').stdout).toBe(`${version}\n`);
  });
});
