import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = new URL('..', import.meta.url).pathname;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const WORKFLOW = README.slice(
  README.indexOf('```yaml\nname: page tables'),
  README.indexOf('```', README.indexOf('name: page tables')),
);

let repository: string;

/** A step of the workflow, as the runner would have its shell do it. */
function step(line: string): { readonly code: number | null; readonly output: string } {
  const done = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', line], {
    cwd: repository,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${join(repository, '.bin')}${delimiter}${process.env['PATH']}`,
      GITHUB_STEP_SUMMARY: join(repository, 'summary.md'),
    },
  });
  return { code: done.status, output: `${done.stdout}${done.stderr}` };
}

const steps = [...WORKFLOW.matchAll(/run: (.*)$/gm)].map(([, line]) => line);
const gate = steps.find((line) => line.startsWith('pgtrace replay')) ?? '';
const makeBase = /^ {4}(pgtrace replay .*--baseline \S+ --update)$/m.exec(README)?.[1] ?? '';

/** The example of the README in an empty repository: what a team would do that begins with it. */
describe('the workflow of the README', () => {
  beforeAll(() => {
    repository = mkdtempSync(join(tmpdir(), 'pgtrace-team-'));
    mkdirSync(join(repository, '.bin'));
    writeFileSync(
      join(repository, '.bin', 'pgtrace'),
      `#!/bin/sh\nexec "${process.execPath}" "${ROOT}bin/pgtrace.js" "$@"\n`,
    );
    chmodSync(join(repository, '.bin', 'pgtrace'), 0o755);
    mkdirSync(join(repository, 'traces'));
    for (const name of ['lazy-unmap.ndjson', 'parked-table.ndjson']) {
      cpSync(join(ROOT, 'traces', name), join(repository, 'traces', name));
    }
  });
  afterAll(() => rmSync(repository, { recursive: true, force: true }));

  it('is read whole from the README', () => {
    expect(steps.length).toBe(4);
    expect(gate).toContain('--baseline');
    expect(makeBase).not.toBe('');
  });

  it('says what to do while there is no base', () => {
    const { code, output } = step(gate);
    expect(code).toBe(2);
    expect(output).toContain('--update');
    expect(readdirSync(repository).sort()).toEqual(['.bin', 'traces']);
  });

  it('makes a base, and passes while nothing changes', () => {
    expect(step(makeBase).code).toBe(0);
    expect(readdirSync(join(repository, 'pgtrace')).sort()).toEqual(['lazy-unmap.json', 'parked-table.json']);
    const { code, output } = step(gate);
    expect(code, output).toBe(0);
    for (const file of ['pgtrace.md', 'pgtrace.xml', 'report.html'])
      expect(existsSync(join(repository, file)), file).toBe(true);
    expect(step(steps.find((line) => line.startsWith('cat')) ?? '').code).toBe(0);
    expect(readFileSync(join(repository, 'summary.md'), 'utf8')).toMatch(/^<!-- pgtrace-compare -->/);
  });

  it('fails a change that costs more, with annotations', () => {
    const path = join(repository, 'traces', 'lazy-unmap.ndjson');
    const trace = readFileSync(path, 'utf8').trimEnd();
    writeFileSync(path, `${trace}\n{"op":"map","iova":"0x7000000000","paddr":"0x80000000","size":4096,"prot":"rw"}\n`);
    const { code, output } = step(gate);
    expect(code).toBe(1);
    expect(output).toMatch(/^::error .*tables\./m);
    expect(readFileSync(join(repository, 'pgtrace.md'), 'utf8')).toContain('tables.peak');
    // The change is wanted: the base is renewed, and all is well again.
    expect(step(makeBase).code).toBe(0);
    expect(step(gate).code).toBe(0);
  });
});
