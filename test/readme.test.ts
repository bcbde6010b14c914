import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './cli/fake-io.ts';
import { firstMissing, sessionsOf } from './docs/page.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const README = readFileSync(`${ROOT}README.md`, 'utf8');

/** Runs a command of the README from the top of the tree. */
async function run(command: string): Promise<string> {
  const args = command.replace(/^.*npx pgtrace /, '').split(' ');
  const { code, stdout, stderr } = await runCli(args.map((arg) => (arg.startsWith('traces/') ? `${ROOT}${arg}` : arg)));
  expect(code, stderr).toBe(0);
  return stdout.replaceAll(ROOT, '');
}

const commands = README.split('\n')
  .filter((line) => /^ {4}(?:\$ |npm ci && )?npx pgtrace /.test(line))
  .map((line) => line.trim());

describe('the README', () => {
  it('shows the output of its first command', async () => {
    const output = await run(commands[0]);
    const shown = README.slice(README.indexOf('    traces/smmuv3'), README.indexOf('And this shows'));
    const lines = shown.split('\n').map((line) => line.trim());
    for (const line of lines.filter((text) => text !== '' && text !== '...'))
      expect(output.split('\n')).toContain(line);
  });

  it.each(commands)('has a command that works: %s', async (command) => {
    expect(await run(command)).not.toBe('');
  });

  it('counts commands of the SMMU as the tool does', async () => {
    const asked = commands.filter((command) => command.includes('--flush smmuv3'));
    const rows = [...README.matchAll(/^\| with[^|]*\| ([\d,]+) \| ([\d,]+) \|$/gm)];
    expect(asked.length).toBe(3);
    expect(rows.length).toBe(3);
    for (const [i, [, wanted, syncs]] of rows.entries()) {
      expect(await run(asked[i])).toContain(`${wanted} commands, ${syncs} command syncs`);
    }
  });

  it('shows what strategies cost as the tool does', async () => {
    const command = commands.find((text) => text.includes('--allocator all')) ?? '';
    const output = (await run(command)).split('\n');
    const start = README.indexOf('    allocator        in run');
    const shown = README.slice(start, README.indexOf('Never asking')).split('\n');
    const lines = shown.map((line) => line.slice(4).trimEnd()).filter((line) => line !== '' && line !== '...');
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) expect(output).toContain(line);
  });

  it('shows what GPU drivers make of binds as the tool does', async () => {
    const command = commands.find((text) => text.includes('--driver all')) ?? '';
    const output = (await run(command)).split('\n');
    const start = README.indexOf('    driver   reserved');
    const shown = README.slice(start, README.indexOf('Panthor reserves for each')).split('\n');
    const lines = shown.map((line) => line.slice(4).trimEnd()).filter((line) => line !== '' && line !== '...');
    expect(lines.length).toBe(7);
    for (const line of lines) expect(output).toContain(line);
  });

  it('answers its question from end to end as the tool does', async () => {
    const start = README.indexOf('## One question, end to end');
    const section = README.slice(start, README.indexOf('\n## ', start));
    const block = /(?:^ {4}.*\n)+/gm;
    const sessions = [...section.matchAll(block)].flatMap(([text]) => sessionsOf(text.replaceAll(/^ {4}/gm, '')));
    expect(sessions.length).toBe(6);
    const folder = mkdtempSync(join(tmpdir(), 'pgtrace-question-'));
    for (const { command, output } of sessions) {
      const args = command.split(' ').slice(1);
      const there = args.map((arg) => (arg.endsWith('.ndjson') ? join(folder, arg) : arg));
      const { stdout, stderr } = await runCli(there);
      expect(stderr).not.toContain('pgtrace:');
      const printed = stdout.trimEnd() === '' ? [] : stdout.trimEnd().split('\n');
      expect(firstMissing(output, printed), `${command}\n${stdout}`).toBeNull();
    }
    rmSync(folder, { recursive: true });
    // What the words make of the numbers.
    const [tables, most] = [514 * 4096, 7 * 2 ** 20];
    expect(section).toContain(`${(most / 2 ** 20).toFixed(1)} MiB`);
    expect(Math.round(36_096 / 514)).toBe(70);
    expect(Math.round(36_096 / 3_242)).toBe(11);
    expect((most / tables).toFixed(1)).toBe('3.5');
  });

  it('shows what ways of mapping guest memory cost as the tool does', async () => {
    const command = commands.find((text) => text.includes('pgtrace windows')) ?? '';
    const output = (await run(command)).split('\n');
    const start = README.indexOf('    model   pages pinned');
    const shown = README.slice(start, README.indexOf('`type1` pins and accounts')).split('\n');
    const lines = shown.map((line) => line.slice(4).trimEnd()).filter((line) => line !== '' && line !== '...');
    expect(lines.length).toBe(6);
    for (const line of lines) expect(output).toContain(line);
  });

  it('explains the fields of binds that do not explain themselves', async () => {
    const section = README.slice(README.indexOf('## GPU drivers'), README.indexOf('## Dump'));
    const told = [...section.matchAll(/^- (?:`\w+`(?:, | and )?)+/gm)].flatMap(([item]) =>
      [...item.matchAll(/`(\w+)`/g)].map(([, field]) => field),
    );
    expect(told).toEqual([
      'early',
      'blocked',
      'inFlight',
      'asDisable',
      'warnOnces',
      'flushPending',
      'liveL1',
      'liveL0',
    ]);
    const lines = await Promise.all(
      [
        ['bind-msm-throttle'],
        ['bind-over-reservation', '--driver', 'pvr'],
        ['bind-over-reservation'],
        ['bind-overtaking', '--driver', 'msm'],
      ].map(async ([name, ...args]) => {
        const { stdout } = await runCli(['replay', `${ROOT}traces/${name}.ndjson`, '--results', '-', ...args]);
        return stdout;
      }),
    );
    expect(told.filter((field) => !lines.some((text) => text.includes(`"${field}":`)))).toEqual([]);
  });

  it('names every finding that makes replay exit with 1 under GPU drivers', () => {
    const section = README.slice(README.indexOf('## Exit codes'), README.indexOf('## How exact'));
    for (const kind of ['false-success', 'null-dereference', 'vm-unusable', 'overtaken'])
      expect(section).toContain(`\`${kind}\``);
  });

  it('shows what flush policies cost as the tool does, and lists them', async () => {
    const command = commands.find((text) => text.includes('--flush all')) ?? '';
    const output = (await run(command)).split('\n');
    const section = README.slice(README.indexOf('## TLB flush policies'), README.indexOf('## Two engines'));
    const shown = section.slice(section.indexOf('    flush policy'), section.indexOf('One pass')).split('\n');
    const lines = shown.map((line) => line.slice(4).trimEnd()).filter((line) => line !== '' && line !== '...');
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) expect(output).toContain(line);
    const { stdout } = await runCli(['flushes', '--json']);
    const known = JSON.parse(stdout) as { name: string; parameters: { name: string }[] }[];
    const listed = [...section.matchAll(/^\| `([a-z][a-z0-9-]+)(?:\[,([^\]]*)\])?` \|/gm)];
    expect(listed.map(([, name, parameters]) => [name, parameters ?? ''])).toEqual(
      known.map((kind) => [kind.name, kind.parameters.map(({ name }) => `${name}=`).join(',')]),
    );
  });

  it('lists every allocator', async () => {
    const { stdout } = await runCli(['allocators', '--json']);
    const section = README.slice(README.indexOf('## Allocators'), README.indexOf('Formulas: '));
    const listed = [...section.matchAll(/^\| `([a-z][a-z-]+)(?:\[,([^\]]*)\])?` \|/gm)].map(([, name, parameters]) => [
      name,
      parameters ?? '',
    ]);
    const known = (JSON.parse(stdout) as { name: string; parameters: { name: string }[] }[]).map((kind) => [
      kind.name,
      kind.parameters.map(({ name }) => `${name}=`).join(','),
    ]);
    expect(listed).toEqual(known);
  });

  it('names every option of replay', async () => {
    const { stdout } = await runCli(['replay', '--help']);
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
    const unnamed = options.filter((option) => !README.includes(option));
    expect(unnamed.sort()).toEqual(['--color', '--quiet']);
  });
});
