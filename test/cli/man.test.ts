import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
let page: string;

beforeAll(async () => {
  const { code, stdout, stderr } = await runCli(['man']);
  expect([code, stderr]).toEqual([0, '']);
  page = stdout;
});

function pipe(command: string, args: readonly string[]): { stdout: string; stderr: string } {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80', MANPAGER: 'cat' };
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', input: page, env });
  return { stdout, stderr };
}

function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

describe('the manual page', () => {
  it('is the same at every call, and has the version for a date', async () => {
    expect((await runCli(['man'])).stdout).toBe(page);
    expect(page.split('\n')[0]).toBe(`.TH PGTRACE 1 "" "pgtrace ${version}" "User Commands"`);
  });

  it('has its sections in the usual order', () => {
    expect([...page.matchAll(/^\.SH (.*)$/gm)].map(([, title]) => title)).toEqual([
      'NAME',
      'SYNOPSIS',
      'DESCRIPTION',
      'COMMANDS',
      'EXAMPLES',
      'EXIT STATUS',
      'ENVIRONMENT',
      'FORMATS',
      'SEE ALSO',
    ]);
  });

  it('tells of every command, every option and every choice that help tells of', async () => {
    const plain = page.replaceAll('\\-', '-').replaceAll(/\\f[BIP]/g, '');
    const { stdout } = await runCli(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+)(?= |$)/gm)].map(([, name]) => name);
    const own = commands.filter((name) => !['help', 'pgtrace'].includes(name));
    expect(own.length).toBeGreaterThan(10);
    for (const name of own) {
      expect(plain).toContain(`.SS pgtrace ${name} [options]`);
      const help = (await runCli([name, '--help'])).stdout;
      for (const [, option] of help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)) {
        if (option !== '--help') expect(plain).toMatch(new RegExp(`^(?:-\\w, )?${option}(?: |$)`, 'm'));
      }
      for (const [, choices] of help.replaceAll(/\s+/g, ' ').matchAll(/\(choices: ("[^)]*?")(?:,[^")]*: [^)]*)?\)/g)) {
        expect(plain.replaceAll('\n', ' ')).toContain(
          `One of ${choices.replaceAll('"', '').replace(/, default.*/, '')}.`,
        );
      }
    }
    for (const code of [0, 1, 2, 3, 4, 70, 130]) expect(plain).toMatch(new RegExp(`^\\.TP\\n${code}$`, 'm'));
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'PGTRACE_SHARD']) expect(plain).toContain(`.TP\n${name}\n`);
  });

  it('has no line that is too long, and none that asks roff for something by chance', () => {
    const lines = page.trimEnd().split('\n');
    expect(lines.filter((line) => Buffer.byteLength(line) > 80)).toEqual([]);
    expect(
      lines.filter((line) => /^[.']/.test(line) && !/^\.(TH|SH|SS|PP|TP|BR|nf|fi|RS|RE|nh|ad)\b/.test(line)),
    ).toEqual([]);
    expect(lines.filter((line) => /\s$/.test(line) || line === '')).toEqual([]);
  });

  it.skipIf(!has('mandoc'))('passes mandoc -Tlint, but for the date that it does not have', () => {
    const { stdout, stderr } = pipe('mandoc', ['-Tlint']);
    const complaints = `${stdout}${stderr}`.trim().split('\n');
    expect(complaints.filter((line) => line !== '' && !line.includes('missing date'))).toEqual([]);
  });

  it.skipIf(!has('groff'))('passes groff -ww', () => {
    const { stdout, stderr } = pipe('groff', ['-man', '-ww', '-Tutf8']);
    expect(stderr).toBe('');
    expect(stdout).toContain('PGTRACE');
  });

  it.skipIf(!has('man') || !has('groff'))('is shown by man', () => {
    const { stdout, stderr } = pipe('man', ['--warnings', '-l', '-']);
    expect(stderr).toBe('');
    const text = stdout.replaceAll(/\u001b\[[\d;]*m|.\u0008/g, '');
    expect(text).toContain('pgtrace - replay and inspect traces of page-table operations');
    expect(text).toContain('trace-cmd(1), perf(1)');
    expect(text).toContain('pgtrace replay trace.ndjson --allocator all');
  });
});
