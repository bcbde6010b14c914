import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PgtraceError } from '../../src/base/errors.ts';
import { FileOutput, GzipOutput } from '../../src/commands/process/output.ts';
import { halfFile, temporaryName, WholeFile, writeWhole } from '../../src/commands/process/whole-file.ts';
import { openRowOutput } from '../../src/commands/sweep/rows/row-output.ts';
import { rowText } from '../../src/sweep/row.ts';
import { FakeIo } from '../cli/fake-io.ts';
import { rowOf } from './rows.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-row-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const place = (name: string): string => join(folder, name);
const open = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
const halves = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.tmp'));
const thrown = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

describe('a file that appears whole', () => {
  it('has a name of its own until then, however often one process opens it', () => {
    const [a, b] = [new WholeFile(place('x')), new WholeFile(place('x'))];
    expect(new Set(halves()).size).toBe(2);
    expect(halves().map(halfFile)).toEqual([
      { base: 'x', writer: 'alive' },
      { base: 'x', writer: 'alive' },
    ]);
    a.put(Buffer.from('a'));
    b.put(Buffer.from('b'));
    b.close();
    a.close();
    expect(readdirSync(folder)).toEqual(['x']);
    expect(readFileSync(place('x'), 'utf8')).toBe('a');
  });

  it('may have the longest of names', () => {
    const name = 'n'.repeat(255);
    writeWhole(place(name), 'text');
    expect(readdirSync(folder)).toEqual([name]);
    expect(thrown(() => writeWhole(place(`${name}n`), 'text'))).toMatchObject({ exitCode: 4 });
    expect(halves()).toEqual([]);
  });

  it('that was taken away meanwhile is no success', () => {
    const before = open();
    const file = new WholeFile(place('x'));
    writeFileSync(place('x'), 'old');
    rmSync(place(halves()[0]));
    expect(thrown(() => file.close())).toBeInstanceOf(PgtraceError);
    expect(thrown(() => file.close())).toMatchObject({ exitCode: 4 });
    expect(readFileSync(place('x'), 'utf8')).toBe('old');
    expect(open()).toBe(before);
  });

  it.skipIf(!existsSync('/dev/full'))('leaves no descriptor behind when its last bytes do not fit', () => {
    const before = open();
    for (const output of [new FileOutput('/dev/full'), new GzipOutput(new FileOutput('/dev/full'))]) {
      output.write('text');
      expect(thrown(() => output.close())).toMatchObject({
        exitCode: 4,
        message: '/dev/full: cannot write: no space left',
      });
      output.discard();
    }
    expect(open()).toBe(before);
  });

  it('leaves nothing behind when the disk is full', () => {
    const cli = fileURLToPath(new URL('../../bin/pgtrace.js', import.meta.url));
    const run = `ulimit -f 8; exec "$0" "$1" gen game -o x`;
    const done = spawnSync('bash', ['-c', run, process.execPath, cli], { cwd: folder, encoding: 'utf8' });
    expect([done.status, done.stderr]).toEqual([
      4,
      'pgtrace: x: cannot write: it grows beyond the limit on files (ulimit -f)\n',
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a folder of rows that several sweeps share', () => {
  const rows = ['aa', 'bb', 'cc'].map((sha256) => rowOf(sha256)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const all = rows.map(rowText).join('');
  const output = () => openRowOutput({ output: folder }, '1.0.0', new FakeIo());

  it('has all rows in the end, though the slower of two had listed them before the other was done', async () => {
    const [slow, quick] = [output(), output()];
    slow.put(rows[0]);
    const done = slow.finish();
    quick.put(rows[1]);
    quick.put(rows[2]);
    writeFileSync(place('rows.ndjson'), all);
    expect(await done).toEqual([]);
    expect(readFileSync(place('rows.ndjson'), 'utf8')).toBe(all);
  });

  it('has the newer of two rows of a job', async () => {
    const slow = output();
    slow.put(rows[0]);
    const done = slow.finish();
    const renamed = { ...rows[0], trace: { ...rows[0].trace, name: 'renamed.ndjson' } };
    output().put(renamed);
    await done;
    expect(readFileSync(place('rows.ndjson'), 'utf8')).toBe(rowText(renamed));
  });

  it('loses no half file that is being written', async () => {
    const live = temporaryName(place('rows.ndjson'));
    const gone = temporaryName(place('rows.ndjson')).replace(`-${process.pid}-`, `-${spawnSync('true').pid}-`);
    const far = (path: string): string => temporaryName(path).replace(/\.[0-9a-f]{8}-/, '.00000000-');
    const [recent, old, other] = [far(place('rows.parquet')), far(place('rows.ndjson')), far(place('mine.txt'))];
    for (const path of [live, gone, recent, old, other]) writeFileSync(path, 'half');
    const yesterday = Date.now() / 1000 - 86_400;
    for (const path of [live, old, other]) utimesSync(path, yesterday, yesterday);
    const done = output();
    done.put(rows[0]);
    await done.finish();
    expect(halves().map(place).sort()).toEqual([live, recent, other].sort());
  });
});
