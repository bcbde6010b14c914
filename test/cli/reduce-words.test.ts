/** What `reduce` tells and refuses, beside what it finds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, runCli } from './fake-io.ts';

let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-reduce-words-'));
  path = join(folder, 'trace.ndjson');
  const events = [
    { op: 'trace', version: 1, kernel: '6.12' },
    { op: 'map', iova: '0x1000', paddr: '0x1000', size: 4096 },
    { op: 'map', iova: '0x2000', paddr: '0x2000', size: 4096 },
    { op: 'iova_to_phys', iova: '0x1000', paddr: '0x7000' },
  ];
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function reduce(...args: string[]): Promise<CommandResult> {
  return runCli(['reduce', path, ...args]);
}

describe('reduce', () => {
  it('counts events, and no header among them', async () => {
    const { stdout, stderr } = await reduce('--keep', 'exit:1');
    const ops = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).op);
    expect(ops.filter((op) => op !== 'trace')).toHaveLength(1);
    expect(stderr).toMatch(/^pgtrace: 3 events reduced to 1 in \d+ replays; still shows exit:1\n/);
    // A command that asks for the header keeps it.
    const kept = await reduce('--keep-if', 'grep -q 6.12 {} && grep -q iova_to_phys {}');
    expect(kept.stdout).toContain('"kernel":"6.12"');
    expect(kept.stderr).toMatch(/^pgtrace: 3 events reduced to 1 in /);
  });

  it.each(['5', '130', '71', '999', ''])('refuses exit:%s, which no replay ends with', async (code) => {
    const found = await reduce('--keep', `exit:${code}`);
    expect(found.code).toBe(2);
    expect(found.stderr).toBe(`pgtrace: --keep exit:${code}: exit: takes an exit code of replay: 0, 1, 2, 3, 4, 70\n`);
  });

  it.each([
    [['--keep', 'exit:1', '--lock', 'literal'], '--lock'],
    [['--keep-if', 'true', '--tlb', 'any'], '--tlb'],
    [['--keep', 'finding:steal', '--leaks', 'all'], '--leaks'],
  ])('refuses %j, which would do nothing', async (args, option) => {
    const { code, stderr } = await reduce(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(`pgtrace: ${option} is for findings of \`pgtrace check\`, and none is to be kept`);
  });

  it('takes options of the check with one of its findings, beside other conditions', async () => {
    const { code, stderr } = await reduce('--keep', 'exit:1', '--keep', 'finding:lock-conflict', '--lock', 'literal');
    expect(code).toBe(1);
    expect(stderr).toContain('the trace does not show exit:1 and finding:lock-conflict');
  });
});
