/** Ctrl-C while a built pgtrace works on something long: it ends at once, with what it has computed by then. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIN = new URL('../../bin/pgtrace.js', import.meta.url).pathname;
const AT_ONCE_MS = 1000;
/** On a machine that is busy with other tests one answer may be late; not all of them. */
const TRIES = 3;
/** Blocks that a replay has taken when it is under way. */
const UNDER_WAY_BLOCKS = 20;
/** A start takes less, however busy the machine is. */
const GIVE_UP_MS = 30_000;
const BLOCK_LINES = 8192;
/** Blocks of a file that is read ahead in a thread, for seconds. */
const FILE_BLOCKS = 250;

/** Maps and unmaps, so that the table stays small however often they come. */
const BLOCK = Array.from({ length: BLOCK_LINES }, (_, i) => {
  const iova = `0x${(0x10000 + 4096 * (i >> 1)).toString(16)}`;
  return i % 2 === 0
    ? `{"op":"map","iova":"${iova}","paddr":"0x80000000","size":4096}\n`
    : `{"op":"unmap","iova":"${iova}","size":4096}\n`;
}).join('');
const UNDER_WAY = 'under way\n';
/** Writes the block without end, as a recording that goes on does, and tells on stderr when its reader is under way. */
const ENDLESS = `const block = Buffer.from(${JSON.stringify(BLOCK)});
let taken = 0;
const more = () => {
  if (++taken === ${UNDER_WAY_BLOCKS}) process.stderr.write(${JSON.stringify(UNDER_WAY)});
  process.stdout.write(block, more);
};
process.stdout.on('error', () => process.exit());
more();`;

let folder: string;
let long: string;

beforeAll(() => {
  if (!existsSync(new URL('../../dist/cli.js', import.meta.url))) throw new Error('run `npm run build` first');
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-interrupt-'));
  writeFileSync(join(folder, 'endless.mjs'), ENDLESS);
  long = join(folder, 'long.ndjson');
  writeFileSync(long, BLOCK.repeat(FILE_BLOCKS));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the signal to the end. */
  readonly milliseconds: number;
}

/** A child, its group if it leads one, and how to see on what it has told on stderr that it is under way. */
interface Started {
  readonly child: ChildProcess;
  readonly group?: boolean;
  isUnderWay(stderr: string): boolean;
}

/** Interrupts a child that is under way. */
async function interrupted({ child, group, isUnderWay }: Started): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  for (let ms = 0; ms < GIVE_UP_MS && !isUnderWay(stderr); ms += 10) await wait(10);
  expect(child.exitCode).toBe(null);
  const asked = performance.now();
  if (group && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
  else child.kill('SIGINT');
  const code = await ended;
  return { code, stdout, stderr: stderr.replace(UNDER_WAY, ''), milliseconds: performance.now() - asked };
}

/** Interrupts anew until one has ended at once, and holds each against what an interrupted replay prints. */
async function endsAtOnce(start: () => Started): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < TRIES && times.every((time) => time >= AT_ONCE_MS); i++) {
    const { code, stdout, stderr, milliseconds } = await interrupted(start());
    times.push(milliseconds);
    expect(stderr).toMatch(/^pgtrace: interrupted after [\d,]+ events\n$/);
    expect(code).toBe(130);
    const document = JSON.parse(stdout);
    expect(document.complete).toBe(false);
    const { 'ops.map': maps, 'ops.unmap': unmaps } = document.counters;
    expect(maps + unmaps).toBe(Number(/after ([\d,]+)/.exec(stderr)?.[1].replaceAll(',', '')));
    expect(maps).toBeGreaterThan(0);
    // Each page is unmapped before the next is mapped.
    expect(maps - unmaps === 0 || maps - unmaps === 1).toBe(true);
  }
  expect(Math.min(...times)).toBeLessThan(AT_ONCE_MS);
}

describe('Ctrl-C', () => {
  it('ends the replay of a pipe that delivers without end', async () => {
    await endsAtOnce(() => {
      const child = spawn(process.execPath, [BIN, 'replay', '-', '--json'], { stdio: ['pipe', 'pipe', 'pipe'] });
      let taken = 0;
      const more = (error?: Error | null): void => {
        taken++;
        if (!error) child.stdin.write(BLOCK, more);
      };
      child.stdin.on('error', () => {});
      child.stdin.write(BLOCK, more);
      return { child, isUnderWay: () => taken > UNDER_WAY_BLOCKS };
    });
  });

  it('ends a pipeline whose processes all hear it, as those of a terminal do', async () => {
    const pipeline = `"${process.execPath}" "${join(folder, 'endless.mjs')}" | "${process.execPath}" "${BIN}" replay - --json`;
    // The shell waits for both and tells what pgtrace came to.
    const script = `trap : INT; ${pipeline}; exit "\${PIPESTATUS[1]}"`;
    await endsAtOnce(() => ({
      child: spawn('bash', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }),
      group: true,
      isUnderWay: (stderr) => stderr.includes(UNDER_WAY),
    }));
  });

  it('ends the replay of a file that a thread reads ahead, and what it has written stays', async () => {
    await endsAtOnce(() => {
      const args = ['replay', long, '--json', '--results', join(folder, 'results.ndjson')];
      return {
        child: spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
        isUnderWay: () => readdirSync(folder).some((name) => name.endsWith('.tmp') && sizeOf(name) > 0),
      };
    });
    const [last] = readFileSync(join(folder, 'results.ndjson'), 'utf8').trimEnd().split('\n').slice(-1);
    expect(JSON.parse(last)).toMatchObject({ ret: 0 });
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

function sizeOf(name: string): number {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
}
