import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['Replay and look:', ['replay', 'check', 'dump', 'reduce']],
  ['Record and import:', ['import', 'record']],
  ['Compare and report:', ['compare', 'report', 'sweep', 'merge']],
  ['Workloads and models:', ['gen', 'allocators', 'flushes', 'windows']],
  ['Others:', ['schema', 'completion', 'man', 'help']],
];
const commands = GROUPS.flatMap(([, names]) => names).filter((name) => name !== 'help');

async function help(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** The example lines below a heading. */
function examples(text: string): string[] {
  const [, block] = /^Examples:\n((?: {2}.*\n)+)/m.exec(text) ?? ['', ''];
  return block.trimEnd().split('\n');
}

describe('help', () => {
  let text: string;
  beforeAll(async () => {
    text = await help('--help');
  });

  it('groups the commands', () => {
    const sections = text.split('\n\n').filter((section) => GROUPS.some(([title]) => section.startsWith(title)));
    expect(
      sections.map((section) => {
        const [title, ...lines] = section.split('\n');
        return [title, lines.filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim().split(' ')[0])];
      }),
    ).toEqual(GROUPS);
  });

  it('has a few examples', () => {
    expect(examples(text).length).toBeGreaterThanOrEqual(3);
    expect(examples(text).length).toBeLessThanOrEqual(5);
  });

  it('is the same by every name', async () => {
    expect(await help('help')).toBe(text);
    expect(await help('-h')).toBe(text);
    expect(await help('help', 'replay')).toBe(await help('replay', '--help'));
  });

  it('goes to stderr when there is no command', async () => {
    expect(await runCli([])).toEqual({ code: 2, stdout: '', stderr: text });
  });

  it.each(commands)('of %s has examples and exit codes, and fits 80 columns', async (name) => {
    const own = await help(name, '--help');
    expect(own).toContain(`Usage: pgtrace ${name} `);
    expect(examples(own).length).toBeGreaterThanOrEqual(2);
    for (const line of examples(own))
      expect(line).toMatch(new RegExp(`^ {2}.*pgtrace ${name}\\b|^ {2}.*pgtrace replay`));
    expect(own.match(/Exit codes: 0 fine/g)?.length).toBe(1);
    expect(own.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(own).not.toMatch(/\n\n\n/);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it.each(commands)('of %s gives only examples that are understood', async (name) => {
    for (const line of examples(await help(name, '--help'))) {
      // What is said behind three spaces is no part of the line.
      const [command] = line.trim().split(/ {3,}/);
      const [, options] = /pgtrace (\w+(?: [^|>&)]*)?)/.exec(command) ?? [];
      const [first, ...rest] = (options ?? '').split(' ');
      const known = await help(first, '--help');
      for (const option of rest.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0])) {
        expect(known, `${option} of ${line}`).toMatch(new RegExp(`^ {2}(?:-\\w, )?${option}\\b|^ {2}${option}, `, 'm'));
      }
    }
  });

  it('is as wide as the terminal, and never coloured under NO_COLOR', async () => {
    const terminal = { columns: 60, colors: true };
    const { stdout } = await runCli(['replay', '--help'], { terminal, env: { NO_COLOR: '1' } });
    const options = stdout.split('\n\nExamples:')[0].split('\n');
    expect(options.filter((line) => line.length > 60)).toEqual([]);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('what was meant', () => {
  it.each([
    [['relpay', 'x'], '(Did you mean replay?)'],
    [['replay', 'x', '--kernl', '7.1'], '(Did you mean --kernel?)'],
    [['replay', 'x', '--kernel', '6.1'], 'Did you mean 6.12?'],
    [['replay', 'x', '--partial-unmap', 'spilt'], 'Did you mean split?'],
    [['gen', 'game', '--driver', 'panthr'], 'Did you mean panthor?'],
    [['replay', 'x', '--driver', 'panthr'], 'or all (did you mean panthor?)'],
    [['schema', 'stat'], 'Did you mean stats?'],
    [['completion', 'bsh'], 'Did you mean bash?'],
    [['replay', 'x', '--allocator', 'resrve'], '"resrve" is not known (did you mean reserve?)'],
    [['replay', 'x', '--allocator', 'pool,maxx=4'], 'pool has no parameter "maxx" (did you mean max=?)'],
    [['replay', 'x', '--flush', 'smmu'], '"smmu" is not known (did you mean smmuv3?)'],
    [['gen', 'gmae'], '"gmae" is not known (did you mean game?)'],
  ])('%j', async (args, guess) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(guess);
  });

  it.each([[['replay', 'x', '--kernel', 'five']], [['replay', 'x', '--allocator', 'lucky']], [['gen', 'doom']]])(
    'is not guessed where nothing is near: %j',
    async (args) => {
      const { code, stderr } = await runCli(args);
      expect(code).toBe(2);
      expect(stderr).not.toMatch(/did you mean/i);
    },
  );

  it('of a command that is not there is that of an unknown command', async () => {
    const { code, stderr } = await runCli(['help', 'relpay']);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown command 'relpay'");
    expect(stderr).toContain('replay');
    expect((await runCli(['help', 'replay'])).stdout).toContain('Usage: pgtrace replay');
  });
});
